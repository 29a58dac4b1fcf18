# The database servers that a program may have beside its PBX: PostgreSQL for Callveil's records, MariaDB as FreePBX has it.
ARG BASE
FROM ${BASE}
LABEL callveil-test=image

# Neither server is started while it is installed, and PostgreSQL's data are made below.
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && mkdir -p /etc/postgresql-common \
 && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
 && export DEBIAN_FRONTEND=noninteractive \
 && apt-get -o Acquire::Check-Valid-Until=false update -q \
 && apt-get install -q -y --no-install-recommends mariadb-server postgresql python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc /usr/share/man

# Whoever reaches the socket may connect as anybody, except as `secretive`, who has to know a password.
RUN ln -s /usr/lib/postgresql/*/bin /usr/local/lib/postgresql \
 && install -d -o postgres -g postgres -m 700 /var/lib/records \
 && runuser -u postgres -- /usr/local/lib/postgresql/initdb -D /var/lib/records --auth-local=trust --auth-host=reject \
      --encoding=UTF8 --locale=C.UTF-8 >/dev/null \
 && sed -i '1i local all secretive scram-sha-256' /var/lib/records/pg_hba.conf \
 && install -d -m 777 /sockets

# Each server is started beside the first process, so that a test can kill it and start it again on the same disk.
ENTRYPOINT ["tini", "--"]
CMD ["sleep", "infinity"]
