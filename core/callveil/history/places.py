"""All places, in the order in which they are looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from callveil.history.astdb import FAMILY, OF_SETTINGS, astdb_places
from callveil.history.envelopes import Envelopes
from callveil.history.logs import log_places
from callveil.history.machine import Machine
from callveil.history.model import Place
from callveil.history.records import record_files
from callveil.history.spool import spool_places
from callveil.history.sqlite_records import SqliteRecords
from callveil.history.tables import Tables

FAMILY_PREFIX: Final = "astdb/"
_MANY_DIGITS: Final = 5

WRITERS: Final = {
    "cdr-csv": ("cdr_csv.so",),
    "cdr-custom": (),
    "cel-custom": ("cel_custom.so",),
    "sqlite": ("cdr_sqlite3_custom.so", "cel_sqlite3_custom.so"),
    "database": ("cdr_adaptive_odbc.so", "cdr_odbc.so", "cdr_mysql.so", "cdr_addon_mysql.so", "cel_odbc.so"),
}
"""The modules of Asterisk that write to a place for as long as they run."""

_NO_FILES: Final = ("console", "syslog")

OUT_OF_REACH: Final = (
    "backups, snapshots, and free blocks of disks",
    "the system's journal and logs (journalctl, /var/log/syslog), and crash dumps",
    "mail that voicemail sent, and mailboxes that are not files here (IMAP, ODBC)",
    "what was typed: ~/.asterisk_history and the histories of shells",
    "call lists in telephones and apps, and the carrier's records",
)
"""Where numbers may still be and this program cannot go."""


def still_written(machine: Machine, places: Collection[Place]) -> dict[str, str]:
    """Return why Asterisk will write again to a place, by the place's name."""
    reasons = {}
    for place in places:
        running = [module for module in WRITERS.get(place.key, ()) if module in machine.modules]
        if running:
            reasons[place.key] = f"it has loaded {', '.join(running)}"
    if any(place.key == "logs" for place in places) and _logs_to_files(machine):
        reasons["logs"] = "its logger.conf names log files"
    return reasons


def _logs_to_files(machine: Machine) -> bool:
    return any(
        one.section == "logfiles" and one.value and not one.key.startswith(_NO_FILES)
        for one in machine.settings("logger.conf")
    )


class UnknownPlaceError(Exception):
    """There is no place of that name; the text says what there is."""


def all_places(machine: Machine, families: Iterable[str] = ()) -> list[Place]:
    """Return every place. Asterisk's logs come last, because asking Asterisk writes to them."""
    return [
        *record_files(machine),
        SqliteRecords(machine),
        Tables(machine),
        *astdb_places(machine, families),
        Envelopes(machine),
        *spool_places(machine),
        *log_places(machine),
    ]


def choose(machine: Machine, only: Iterable[str], skip: Iterable[str]) -> list[Place]:
    """Return the places that are asked for.

    Args:
        machine: whose.
        only: names of places, or ``astdb/FAMILY``; all places where it is empty.
        skip: names of places that are left out.

    Raises:
        UnknownPlaceError: if a name is none.
    """
    wanted, unwanted = set(only), set(skip)
    families = [name.removeprefix(FAMILY_PREFIX) for name in sorted(wanted) if name.startswith(FAMILY_PREFIX)]
    if not all(_may_be_named(family) for family in families):
        raise UnknownPlaceError("That family of AstDB cannot be removed by this command.")
    places = all_places(machine, families)
    known = {place.key for place in places}
    if not wanted | unwanted <= known:
        raise UnknownPlaceError(
            f"There is no such place. There are: {', '.join(place.key for place in places)}."
        )
    return [place for place in places if place.key not in unwanted and (not wanted or place.key in wanted)]


def _may_be_named(family: str) -> bool:
    return (
        FAMILY.fullmatch(family) is not None
        and family.lower() not in OF_SETTINGS
        and sum(sign.isdigit() for sign in family) < _MANY_DIGITS
    )
