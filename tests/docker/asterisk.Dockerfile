# Asterisk as Debian packages it, with local mail and a speech recogniser, and no Callveil. Used for 22 (forky) and 16
# (bullseye): the version is the base's.
ARG BASE
FROM ${BASE}
LABEL callveil-test=image

# The number is the same in every image, because files are shared between containers through volumes.
RUN groupadd --system --gid 640 asterisk \
 && useradd --system --uid 640 --gid 640 --home-dir /var/lib/asterisk --shell /usr/sbin/nologin asterisk

# Debian 11 packs voicemail apart (in Debian 14 it is among the modules), and its security archive lists newer voicemail
# packages than it holds. All of Asterisk comes from the release itself, then, so that the versions match.
RUN printf 'Package: asterisk*\nPin: release l=Debian-Security\nPin-Priority: -1\n' > /etc/apt/preferences.d/asterisk \
 && printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && export DEBIAN_FRONTEND=noninteractive \
 && apt-get -o Acquire::Check-Valid-Until=false update -q \
 && voicemail="$(apt-cache search --names-only '^asterisk-voicemail$' | cut -d' ' -f1)" \
 && apt-get install -q -y --no-install-recommends \
      asterisk asterisk-core-sounds-en ${voicemail} dma pocketsphinx pocketsphinx-en-us python3 \
      $(apt-cache search --names-only '^python3-venv$' | cut -d' ' -f1) tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man

# The people whose mail is delivered on the spot.
RUN echo localhost > /etc/mailname \
 && useradd --create-home --shell /usr/sbin/nologin hotline \
 && useradd --create-home --shell /usr/sbin/nologin office

COPY transcribe-mail /usr/local/bin/transcribe-mail
RUN chmod 755 /usr/local/bin/transcribe-mail \
 && install -o asterisk -g asterisk -m 640 /dev/null /var/log/transcriber.log

# Asterisk is started beside the first process, so that a test can kill it and start it again on the same disk.
ENTRYPOINT ["tini", "--"]
CMD ["sleep", "infinity"]
