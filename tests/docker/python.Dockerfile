# Where Callveil stands beside an Asterisk that is too old to run it.
ARG BASE
FROM ${BASE}
LABEL callveil-test=image

# The number is the same in every image, because files are shared between containers through volumes.
RUN groupadd --system --gid 640 asterisk \
 && useradd --system --uid 640 --gid 640 --home-dir /var/lib/asterisk --shell /usr/sbin/nologin asterisk

RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get -o Acquire::Check-Valid-Until=false update -q \
 && apt-get install -q -y --no-install-recommends python3 python3-venv tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man
ENTRYPOINT ["tini", "--"]
CMD ["sleep", "infinity"]
