"""Reads ``/etc/callveil/settings.yaml``, with everything that is wrong with it at once."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from callveil.policy.fields import fault
from callveil.policy.problems import Problem, SettingsError
from callveil.policy.schema import Part
from callveil.policy.sentences import validate
from callveil.policy.source import SourceError, read_source
from callveil.policy.tree import Path as TreePath
from callveil.policy.tree import Tree, parse_tree
from callveil.settings import SECRET_PATH, AgiSettings, AmiSettings, Settings
from callveil.store.place import PostgresUrl, is_url, to_place

_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_MAX_SECRET: Final = 200
_AMI: Final = AmiSettings()
_AGI: Final = AgiSettings()
_DEFAULTS: Final = Settings()


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise fault('Write an address or a host name, as "127.0.0.1".')
    return text


def _loopback(text: str) -> str:
    try:
        loopback = text == "localhost" or ipaddress.ip_address(text).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise fault(
            "Callveil answers on this computer only, because what callers dialled travels there unencrypted. "
            'Write "127.0.0.1".'
        )
    return text


def _port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise fault("A port is a number from 1 to 65535.")
    return port


def _seconds(seconds: float) -> float:
    if not 0.1 <= seconds <= 3600:
        raise fault("Write a number of seconds from 0.1 to 3600.")
    return float(seconds)


def _connections(count: int) -> int:
    if not 1 <= count <= 10_000:
        raise fault("Write a number of connections from 1 to 10000.")
    return count


def _word(text: str) -> str:
    # A line break would begin a header, or an action, of its own in the manager's protocol.
    if not text.isascii() or not text.isprintable() or text != text.strip() or not text:
        raise fault("This may hold plain letters, digits and signs only, without spaces around it.")
    if len(text) > _MAX_SECRET:
        raise fault("This is longer than 200 characters. Shorten it.")
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/") or "\n" in text or ".." in Path(text).parts:
        raise fault("Write a full path that begins with / and holds no ..")
    return text


def _place(text: str) -> str:
    if not is_url(text):
        return _absolute(text)
    try:
        to_place(text)
    except ValueError:
        raise fault(
            'Write the full path of a file, or the address of a PostgreSQL database as "postgresql:///callveil".'
        ) from None
    return text


HostText = Annotated[str, AfterValidator(_host)]
LoopbackText = Annotated[str, AfterValidator(_loopback)]
Port = Annotated[int, AfterValidator(_port)]
Seconds = Annotated[float, AfterValidator(_seconds)]
Connections = Annotated[int, AfterValidator(_connections)]
WordText = Annotated[str, AfterValidator(_word)]
PathText = Annotated[str, AfterValidator(_absolute)]
PlaceText = Annotated[str, AfterValidator(_place)]


class AmiPart(Part):
    """``ami:``."""

    host: HostText = _AMI.host
    port: Port = _AMI.port
    username: WordText = _AMI.username
    secret: WordText = ""
    secret_file: PathText = ""
    ping_interval: Seconds = _AMI.ping_interval
    timeout: Seconds = _AMI.timeout


class AgiPart(Part):
    """``agi:``."""

    host: LoopbackText = _AGI.host
    port: Port = _AGI.port
    timeout: Seconds = _AGI.timeout
    max_connections: Connections = _AGI.max_connections


class SettingsPart(Part):
    """The whole file."""

    ami: AmiPart = Field(default_factory=AmiPart)
    agi: AgiPart = Field(default_factory=AgiPart)
    journal: PathText = str(_DEFAULTS.journal)
    store: PlaceText = str(_DEFAULTS.store)
    compiled: PathText = str(_DEFAULTS.compiled)
    contacts: PathText = str(_DEFAULTS.contacts)
    contacts_key: PathText = str(_DEFAULTS.contacts_key)
    trunks: PathText = str(_DEFAULTS.trunks)
    troubles: PathText = str(_DEFAULTS.troubles)


def read_settings_part(path: Path, *, required: bool) -> SettingsPart:
    """Return the settings as they stand in a file: the file of the secret need not be there yet.

    Args:
        path: the file.
        required: whether it must be there; else its absence means that all is as shipped.

    Raises:
        SettingsError: with every mistake, if there is one.
    """
    if not required and not os.path.lexists(path):
        return SettingsPart()
    return _flawless(path, *_read(path))


def load_settings(path: Path, *, required: bool) -> Settings:
    """Return the settings of a file, and of the file of the secret that it names.

    Args:
        path: the file.
        required: whether it must be there; else its absence means that all is as shipped.

    Raises:
        SettingsError: with every mistake, if there is one.
    """
    if not required and not os.path.lexists(path):
        return Settings(ami=AmiSettings(secret=_usual_secret()))
    tree, part = _read(path)
    secret = _find_secret(tree, path)
    _check_store(tree, path)
    part = _flawless(path, tree, part)
    return Settings(
        ami=AmiSettings(
            host=part.ami.host,
            port=part.ami.port,
            username=part.ami.username,
            secret=secret,
            ping_interval=part.ami.ping_interval,
            timeout=part.ami.timeout,
        ),
        agi=AgiSettings(
            host=part.agi.host,
            port=part.agi.port,
            timeout=part.agi.timeout,
            max_connections=part.agi.max_connections,
        ),
        journal=Path(part.journal),
        store=to_place(part.store),
        compiled=Path(part.compiled),
        contacts=Path(part.contacts),
        contacts_key=Path(part.contacts_key),
        trunks=Path(part.trunks),
        troubles=Path(part.troubles),
    )


def _read(path: Path) -> tuple[Tree, SettingsPart | None]:
    try:
        tree = parse_tree(read_source(path))
    except SourceError as error:
        raise SettingsError([error.problem]) from None
    return tree, validate(SettingsPart, tree)


def _flawless(path: Path, tree: Tree, part: SettingsPart | None) -> SettingsPart:
    if part is None or tree.flaws:
        raise SettingsError(
            [Problem(str(path), flaw.mark.line, flaw.mark.column, flaw.text) for flaw in tree.flaws]
        )
    return part


def _check_store(tree: Tree, path: Path) -> None:
    """Say so where everybody can read the password in the address of the record store."""
    here: TreePath = ("store",)
    text = tree.text(here) or ""
    try:
        place = to_place(text)
    except ValueError:
        return  # said elsewhere
    if isinstance(place, PostgresUrl) and place.has_password and _is_readable_by_all(path):
        tree.add(
            tree.key_mark(here),
            f"Everybody on this computer can read the password in this address. Run: chmod 640 {path}",
        )


def _find_secret(tree: Tree, path: Path) -> str:
    """Return the manager's secret; empty where there is none or it is flawed, which the tree then says."""
    here: TreePath = ("ami", "secret")
    there: TreePath = ("ami", "secret_file")
    if here in tree.values and there in tree.values:
        tree.add(tree.key_mark(there), "Give the secret itself or its file, not both. Take one of them away.")
        return ""
    if here in tree.values:
        if _is_readable_by_all(path):
            tree.add(
                tree.key_mark(here),
                f"Everybody on this computer can read this secret. Run: chmod 640 {path}",
            )
        return tree.text(here) or ""
    named = tree.text(there)
    return _read_secret(tree, there, Path(named)) if named else _usual_secret()


def _usual_secret() -> str:
    """Return the secret that `callveil install` made; empty where it made none, or elsewhere."""
    try:
        return read_source(SECRET_PATH).decode("ascii", "replace").strip()
    except SourceError:
        return ""


def _read_secret(tree: Tree, where: TreePath, path: Path) -> str:
    try:
        secret = read_source(path).decode("ascii").strip()
    except SourceError as error:
        tree.add(tree.value_mark(where), f"The secret's file cannot be used. {error.problem.text}")
        return ""
    except UnicodeDecodeError:
        secret = ""
    if not secret or len(secret) > _MAX_SECRET or not secret.isprintable():
        tree.add(tree.value_mark(where), "The secret's file must hold one line of plain letters and digits.")
    if _is_readable_by_all(path):
        tree.add(
            tree.value_mark(where),
            f"Everybody on this computer can read the secret's file. Run: chmod 640 {path}",
        )
    return secret


def _is_readable_by_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
