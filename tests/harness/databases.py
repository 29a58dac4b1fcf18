"""Real database servers in containers without a network, reached by a socket in a folder of the host."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

from harness.closing import Closing
from harness.container import Container
from harness.leftovers import LABEL, owner
from harness.pbx import ready, wait_for

SOCKETS = "/sockets"
"""Where a container sees the folder with the socket: the server's own, and each that `mount` is given to."""


class Database(Closing):
    """A running server. Use it as a context manager, or call `close`.

    Attributes:
        container: where it runs.
        folder: the socket's folder on this machine.
        mount: lets another container see the folder at `SOCKETS`; for `Pbx.start`.
    """

    name = ""
    start = ""
    """The command that runs the server until it is told to end."""

    def __init__(self, *options: str) -> None:
        docker, images = ready()
        # A socket's path has to be shorter than 108 bytes, which those of pytest's own folders may not be.
        self.folder = Path(tempfile.mkdtemp(prefix=f"callveil-{self.name}-"))
        self.folder.chmod(0o777)
        self.mount = f"{self.folder}:{SOCKETS}"
        self.options = options
        self.container = Container(docker, f"callveil-{self.name}-{secrets.token_hex(4)}", self.name)
        # The search for leaks looks into the server's open files, which only a tracer may.
        common = ["--label", f"{LABEL}={owner()}", "--log-driver", "none", "--network", "none"]
        common += ["--cap-add", "SYS_PTRACE"]
        try:
            docker.run(
                "run", "-d", *common, "-v", self.mount, "--name", self.container.name, images.databases
            )
            self.serve()
        except BaseException:
            self.close()
            raise

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        # What it says goes to a file, which a search of its disk finds, too.
        command = " ".join(["exec", self.start, *self.options, f">>/var/log/{self.name}-server.log 2>&1"])
        self.container.spawn(command)
        wait_for(f"{self.name} to answer", self.answers, 60)

    def answers(self) -> bool:
        """Whether it takes connections."""
        raise NotImplementedError

    def kill(self) -> None:
        """End the server as a crash of the machine would; its disk stays."""
        self.container.exec(f"pkill -KILL -x {self.process} || true; rm -f {SOCKETS}/*")
        wait_for(
            f"{self.name} to end",
            lambda: self.container.exec(f"pgrep -x {self.process}", check=False).returncode,
        )

    process = ""

    def close(self) -> None:
        """Remove the container and its disk."""
        self.container.docker.run("rm", "-f", "-v", self.container.name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Database):
    """PostgreSQL. Anybody may connect as any role; `secretive` needs a password.

    Attributes:
        url: the address of an empty database, for this machine and for whoever has the folder elsewhere.
    """

    name = "postgres"
    process = "postgres"
    start = f"runuser -u postgres -- /usr/local/lib/postgresql/postgres -D /var/lib/records -k {SOCKETS}"

    def answers(self) -> bool:
        """Whether it takes connections."""
        return self.container.exec(["pg_isready", "-q", "-h", SOCKETS], check=False).returncode == 0

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What the server answers to its superuser, a line for each row with tabs between the values."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", SOCKETS]
        return self.container.exec([*command, "-U", "postgres", "-d", database], input=statement).stdout

    def new_database(self, role: str = "callveil", password: str = "") -> str:
        """Make an empty database that belongs to a role, made if need be, and return its name."""
        name = f"calls_{secrets.token_hex(4)}"
        known = self.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'")  # noqa: S608 - the tests' own
        if not known.strip():
            self.sql(f"CREATE ROLE {role} LOGIN" + (f" PASSWORD '{password}'" if password else ""))
        self.sql(f"CREATE DATABASE {name} OWNER {role}")
        return name

    def url(self, database: str, role: str = "callveil", *, inside: bool = False) -> str:
        """The address of a database.

        Args:
            database: its name.
            role: who connects.
            inside: for another container that has the mount, not for this machine.
        """
        return f"postgresql://{role}@/{database}?host={SOCKETS if inside else self.folder}"


class MariaDb(Database):
    """MariaDB as Debian packages it: whoever is root on this machine or in a container is its root.

    Attributes:
        socket: its socket on this machine.
    """

    name = "mariadb"
    process = "mariadbd"
    start = f"mariadbd --user=mysql --skip-networking --socket={SOCKETS}/mariadb.sock"

    @property
    def socket(self) -> Path:
        """Its socket on this machine; in a container that has the mount, ``/sockets/mariadb.sock``."""
        return self.folder / "mariadb.sock"

    def answers(self) -> bool:
        """Whether it takes connections."""
        ping = ["mariadb-admin", f"--socket={SOCKETS}/mariadb.sock", "ping", "--silent"]
        return self.container.exec(ping, check=False).returncode == 0

    def sql(self, statement: str, *, database: str = "") -> str:
        """What the server answers to root, a line for each row with tabs between the values."""
        command = ["mariadb", f"--socket={SOCKETS}/mariadb.sock", "--batch", "--skip-column-names"]
        return self.container.exec([*command, *([database] if database else [])], input=statement).stdout


def start_postgres(*options: str) -> Postgres:
    """Start PostgreSQL, with more options on its command line if wished."""
    return Postgres(*options)


def start_mariadb(*options: str) -> MariaDb:
    """Start MariaDB, with more options on its command line if wished."""
    return MariaDb(*options)
