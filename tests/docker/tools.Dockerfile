# The phones and the carrier: SIPp, and what it takes to make speech. Nothing here belongs to the system under test.
ARG BASE
FROM ${BASE}
LABEL callveil-test=image
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get -o Acquire::Check-Valid-Until=false update -q \
 && apt-get install -q -y --no-install-recommends sip-tester python3 espeak-ng sox tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man
ENTRYPOINT ["tini", "--"]
CMD ["sleep", "infinity"]
