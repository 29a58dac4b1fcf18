"""Reads how to reach the database of call records, from a file like my.cnf or from FreePBX's own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FREEPBX: Final = "/etc/freepbx.conf"
CDR_DATABASE: Final = "asteriskcdrdb"
"""What FreePBX calls the database of call records."""

_PHP: Final = re.compile(
    r"""^\s*\$amp_conf\[\s*['"](\w+)['"]\s*\]\s*=\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\$]|\\[\\"$])*)")\s*;""",
    re.MULTILINE,
)
_COMMENT: Final = re.compile(r"^\s*/\*.*?\*/", re.MULTILINE | re.DOTALL)
_SOCKETS: Final = ("/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")
_LOCAL: Final = ("", "localhost")
_PORT: Final = 3306


class LoginError(Exception):
    """The file does not say it; the text says what is wrong, without repeating any of it."""


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach a server.

    Attributes:
        user: who logs in.
        password: that user's.
        host: the server's address; empty for a socket.
        port: its TCP port.
        socket: the socket of a server on this machine.
        database: where the tables of call records are.
        settings: FreePBX's own database, which may name another one; else empty.
    """

    user: str
    password: str = field(default="", repr=False)
    host: str = ""
    port: int = _PORT
    socket: str = ""
    database: str = CDR_DATABASE
    settings: str = ""


def find_login(root: Path, given: Path | None) -> Login | None:
    """Return how to reach the database; None where nothing says that there is one.

    Args:
        root: where the machine's disk is.
        given: a file that the admin names, or None.

    Raises:
        LoginError: if a file is there and does not say it.
    """
    if given is not None:
        return _checked(parse_my_cnf(_read(given)), root)
    freepbx = root / FREEPBX.lstrip("/")
    return _checked(parse_freepbx(_read(freepbx)), root) if freepbx.exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoginError(f"{path} cannot be read.") from error


def _checked(login: Login, root: Path) -> Login:
    if not login.user:
        raise LoginError("The file names no user of the database.")
    if login.host not in _LOCAL or login.socket:
        return login
    for socket in _SOCKETS:
        path = root / socket.lstrip("/")
        if path.exists():
            return _replaced(login, socket=str(path))
    return _replaced(login, host="127.0.0.1")


def _replaced(login: Login, *, socket: str = "", host: str = "") -> Login:
    return Login(login.user, login.password, host, login.port, socket, login.database, login.settings)


def parse_my_cnf(text: str) -> Login:
    """Return what the section ``[client]`` says, in the format of MySQL's option files.

    Raises:
        LoginError: if the port is no number.
    """
    values: dict[str, str] = {}
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;!":
            continue
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == "client":
            key, _, value = line.partition("=")
            values[key.strip().replace("-", "_")] = _unquoted(value.strip())
    return Login(
        user=values.get("user", ""),
        password=values.get("password", ""),
        host=values.get("host", ""),
        port=_port(values.get("port", "")),
        socket=values.get("socket", ""),
        database=values.get("database") or CDR_DATABASE,
    )


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    # A comment may follow a value that is not quoted.
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def parse_freepbx(text: str) -> Login:
    """Return what FreePBX's PHP file assigns; nothing of it is run.

    Raises:
        LoginError: if the port is no number.
    """
    values: dict[str, str] = {}
    for key, single, double in _PHP.findall(_COMMENT.sub("", text)):
        values[key] = re.sub(r"\\(['\\])", r"\1", single) if single else re.sub(r'\\(["\\$])', r"\1", double)
    return Login(
        user=values.get("AMPDBUSER", ""),
        password=values.get("AMPDBPASS", ""),
        host=values.get("AMPDBHOST", ""),
        port=_port(values.get("AMPDBPORT", "")),
        socket=values.get("AMPDBSOCK", ""),
        database=values.get("CDRDBNAME") or CDR_DATABASE,
        settings=values.get("AMPDBNAME", ""),
    )


def _port(text: str) -> int:
    if not text:
        return _PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise LoginError("The file gives a port that is no number.")
    return int(text)
