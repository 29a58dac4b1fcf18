# Callveil in a virtual environment, without any network: the wheels come from the host.
ARG BASE
FROM ${BASE}

COPY wheels /opt/wheels
RUN python3 -m venv /opt/callveil \
 && /opt/callveil/bin/pip install -q --no-index --no-deps /opt/wheels/*.whl

# Last, so that a change of Callveil's own code costs seconds.
COPY callveil /opt/wheels
RUN /opt/callveil/bin/pip install -q --no-index --no-deps /opt/wheels/callveil-*.whl \
 && ln -s /opt/callveil/bin/callveil* /usr/local/bin/
