# The guard in front of a transcriber runs where Asterisk runs, on whatever Python is there.
ARG BASE
FROM ${BASE}
COPY . /opt/callveil-mailcmd/
RUN if [ -e /opt/callveil-mailcmd/mailcmd.py ]; then \
      install -m 755 /opt/callveil-mailcmd/mailcmd.py /usr/local/bin/callveil-mailcmd; \
    fi; \
    rm -rf /opt/callveil-mailcmd
