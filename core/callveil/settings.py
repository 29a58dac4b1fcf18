"""How the daemon reaches the PBX and where it keeps things: ``/etc/callveil/settings.yaml``.

Kept apart from the policy, because it holds the AMI secret and the policy may be shown to a board.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callveil.store.place import Place

SETTINGS_PATH: Final = Path("/etc/callveil/settings.yaml")
POLICY_PATH: Final = Path("/etc/callveil/policy.yaml")
SECRET_PATH: Final = Path("/etc/callveil/ami.secret")
"""Where `callveil install` keeps the secret of Callveil's AMI user, unless the settings say otherwise."""

COMPILED_PATH: Final = Path("/var/lib/callveil/policy.json")


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where Asterisk's manager interface is and how to log in.

    Attributes:
        host: address of the PBX; loopback unless Callveil runs beside it.
        port: TCP port.
        username: the manager user, see ``config/manager.conf``.
        secret: its secret.
        ping_interval: seconds between pings.
        timeout: seconds in which a connection, a login or a ping must be answered.
    """

    host: str = "127.0.0.1"
    port: int = 5038
    username: str = "callveil"
    secret: str = field(default="", repr=False)
    ping_interval: float = 10.0
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class AgiSettings:
    """Where the FastAGI server listens.

    Attributes:
        host: loopback address; Asterisk connects to it.
        port: TCP port.
        timeout: seconds that a request may take from connection to end.
        max_connections: requests served at once; further ones are closed at once.
    """

    host: str = "127.0.0.1"
    port: int = 4573
    timeout: float = 2.0
    max_connections: int = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `callveil serve` needs besides the policy.

    Attributes:
        store: where records are: a file, or a database of a PostgreSQL server.
        contacts: database of what is agreed with single people, see `callveil.contacts`.
        contacts_key: the key without which nobody in that database can be found.
        trunks: what is known of the trunks' settings, see `callveil.trunk_state`.
        troubles: what the daemon says is wrong, see `callveil.troubles_file`.
    """

    ami: AmiSettings = field(default_factory=AmiSettings)
    agi: AgiSettings = field(default_factory=AgiSettings)
    journal: Path = Path("/var/spool/callveil")
    store: Place = Path("/var/lib/callveil/records.sqlite3")
    compiled: Path = COMPILED_PATH
    contacts: Path = Path("/var/lib/callveil/contacts.sqlite3")
    contacts_key: Path = Path("/var/lib/callveil/contacts.key")
    trunks: Path = Path("/var/lib/callveil/trunks.json")
    troubles: Path = Path("/run/callveil/troubles.json")
