"""Asterisk's own database, AstDB: entries by family, of which some hold the numbers of callers.

Asterisk 10 and newer keep it in SQLite. A running Asterisk has a transaction open at all times, and a lock
from its first look until it next writes. It also keeps its statements ready, and loses them when the file
is written anew (`VACUUM`): nothing can be put or got then until it is restarted. So a running Asterisk is
asked to delete by itself.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterable
from typing import Final

from callveil.history.machine import Machine
from callveil.history.model import Found, Gone
from callveil.history.sqlite_file import change, looking

FILE: Final = "astdb.sqlite3"
OF_CALLS: Final = ("privacy", "CALLTRACE")
"""What Dial's privacy options and FreePBX's call trace remember of callers."""

NAMES: Final = "cidname"
BLACKLIST: Final = "blacklist"

# In small letters, since Asterisk takes no notice of case when it deletes a family.
OF_SETTINGS: Final = frozenset(
    {
        *(
            "ampuser",
            "cf",
            "cfb",
            "cfu",
            "customdevstate",
            "custompresence",
            "cw",
            "daynight",
            "device",
            "dnd",
        ),
        *(
            "dundi",
            "fm",
            "followme",
            "iax",
            "pagegroup",
            "pbx",
            "qpenalty",
            "queue",
            "registrar",
            "ringgroup",
        ),
        *("sip", "subscription_persistence", "tc", "trunk", "vmblast"),
    }
)
"""Families that Asterisk and FreePBX keep settings, registrations and agents in."""

FAMILY: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}")
_MANY_DIGITS: Final = 5
_COMMIT: Final = 5.0
"""Seconds in which Asterisk writes what was deleted; it does so once a second."""

# Seven digits or more in a row, wherever they stand.
_NUMBER: Final = "*" + "[0-9]" * 7 + "*"
_COUNT: Final = (
    "SELECT substr(key,2,instr(substr(key,2)||'/','/')-1) AS f,count(*) AS n FROM astdb{where} GROUP BY f"
)
_WITH_NUMBER: Final = f" WHERE key||' '||value GLOB '{_NUMBER}'"
_OLDER: Final = (
    "What Asterisk itself deleted earlier may still be in {file}: with Asterisk stopped, run "
    "`sqlite3 {file} VACUUM`, and start it again."
)


class AstDbError(Exception):
    """It cannot be looked at; the text says why."""


class AstDb:
    """Access to the database, by a running Asterisk or in its file."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._tree = machine.astdb

    @property
    def shown(self) -> str:
        """Where it is, as people know it."""
        return self._tree.shown

    def families(self, *, with_number: bool = False) -> dict[str, int]:
        """Return how many entries each family has, or how many of these hold what looks like a number.

        Raises:
            AstDbError: if it cannot be read.
        """
        sql = _COUNT.format(where=_WITH_NUMBER if with_number else "")
        if self._machine.running and (said := self._machine.ask(f'database query "{sql}"')) is not None:
            names = re.findall(r"^f\s*: (.*?)\s*$", said, re.MULTILINE)
            numbers = re.findall(r"^n\s*: (\d+)\s*$", said, re.MULTILINE)
            return dict(zip(names, map(int, numbers), strict=False))
        return self._in_file(sql)

    def _in_file(self, sql: str) -> dict[str, int]:
        if self._tree.status(FILE) is None:
            return {}
        try:
            with self._tree.open(FILE), looking(self._tree.real_path(FILE)) as connection:
                return {str(family): int(number) for family, number in connection.execute(sql)}
        except Exception as error:
            raise AstDbError(f"{self._tree.folder(FILE)} cannot be read.") from error

    def delete(self, families: Iterable[str]) -> Gone:
        """Delete families; return what is left, and why."""
        if self._machine.running:
            return self._ask_to_delete(list(families))
        return self._delete_in_file(list(families))

    def _ask_to_delete(self, families: list[str]) -> Gone:
        before = self._machine.ask('database query "PRAGMA secure_delete"') or ""
        said = self._machine.ask('database query "PRAGMA secure_delete=ON"') or ""
        if not re.search(r"secure_delete: 1\b", said):
            return Gone(("This Asterisk does not overwrite what it deletes. Try again with it stopped.",))
        for family in families:
            self._machine.ask(f"database deltree {family}")
        if not self._written(families):
            return Gone((f"Asterisk has not written {self._tree.folder(FILE)} yet.",))
        if re.search(r"secure_delete: [12]\b", before):
            return Gone()
        return Gone(notes=(_OLDER.format(file=self._tree.folder(FILE)),))

    def _written(self, families: list[str]) -> bool:
        wanted = {family.lower() for family in families}
        deadline = time.monotonic() + _COMMIT
        while True:
            try:
                if not wanted & {family.lower() for family in self._in_file(_COUNT.format(where=""))}:
                    return True
            except AstDbError:
                # It may just be written, or this user may not read it; then Asterisk's word counts.
                if not self._readable():
                    return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)

    def _readable(self) -> bool:
        try:
            with self._tree.open(FILE):
                return True
        except Exception:
            return False

    def _delete_in_file(self, families: list[str]) -> Gone:
        file = self._tree.folder(FILE)
        statements = [
            ("DELETE FROM astdb WHERE lower(substr(key, 1, ?)) = ?", (len(family) + 2, f"/{family.lower()}/"))
            for family in families
        ]
        stopped = self._surely_stopped()
        try:
            with self._tree.open(FILE):
                pass
            change(self._tree.real_path(FILE), statements, vacuum=stopped)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return Gone((f"{file}: Asterisk uses it. Stop Asterisk, and try again.",))
            return Gone((f"{file}: it cannot be changed.",))
        except Exception as error:
            why = (
                "this user may not change it"
                if isinstance(error, PermissionError)
                else "it cannot be changed"
            )
            return Gone((f"{file}: {why}.",))
        return Gone() if stopped else Gone(notes=(_OLDER.format(file=file),))

    def _surely_stopped(self) -> bool:
        """Return whether the file may be written anew: a running Asterisk does not answer every user."""
        status, held = self._tree.status(FILE), self._machine.held
        return self._machine.running is False and status is not None and not held.may_have(status)


class Families:
    """Entries of some families."""

    removable = True

    def __init__(self, db: AstDb, key: str, title: str, families: tuple[str, ...], yours: str = "") -> None:
        self.key = key
        self.title = title
        self.yours = yours
        self._db = db
        self._families = families

    def find(self) -> Found:
        """Count the entries."""
        wanted = {family.lower() for family in self._families}
        try:
            found = self._db.families()
        except AstDbError as error:
            return Found(unseen=(str(error),))
        number = sum(number for family, number in found.items() if family.lower() in wanted)
        return Found({"entries": number} if number else {}, (self._db.shown,))

    def remove(self) -> Gone:
        """Delete them."""
        return self._db.delete(self._families)


class OtherFamilies:
    """Entries of families that nobody knows here, where they hold what looks like a number."""

    key = "astdb-other"
    title = "other entries with a number in AstDB"
    yours = "Look at each with `asterisk -rx 'database show FAMILY'`; --only astdb/FAMILY removes it."
    removable = False

    def __init__(self, db: AstDb) -> None:
        self._db = db

    def find(self) -> Found:
        """Count the entries, and name their families."""
        known = {family.lower() for family in (*OF_CALLS, NAMES, BLACKLIST)} | OF_SETTINGS
        try:
            found = self._db.families(with_number=True)
        except AstDbError:
            return Found()  # said by another place of this database
        other = {family: number for family, number in found.items() if family.lower() not in known}
        if not other:
            return Found()
        named = sorted(family for family in other if _may_be_told(family))
        told = [*named, *(["others"] if len(named) < len(other) else [])]
        return Found(
            {"entries": sum(other.values())}, (self._db.shown,), (), (f"Families: {', '.join(told)}.",)
        )

    def remove(self) -> Gone:
        """Remove nothing."""
        return Gone((self.yours,))


def _may_be_told(family: str) -> bool:
    return bool(FAMILY.fullmatch(family)) and sum(sign.isdigit() for sign in family) < _MANY_DIGITS


def astdb_places(machine: Machine, more: Iterable[str] = ()) -> list[Families | OtherFamilies]:
    """Return the kinds of entries.

    Args:
        machine: whose database.
        more: further families that were named, to be removed.
    """
    db = AstDb(machine)
    return [
        Families(db, "astdb", "callers in AstDB (privacy, call trace)", OF_CALLS),
        Families(
            db,
            "names",
            "names by number in AstDB",
            (NAMES,),
            "This may be your telephone book. --only names removes it, --skip names leaves it.",
        ),
        Families(
            db,
            "blacklist",
            "blocked numbers in AstDB",
            (BLACKLIST,),
            "Your list of blocked callers. --only blacklist removes it, --skip blacklist leaves it.",
        ),
        OtherFamilies(db),
        *(Families(db, f"astdb/{family}", f"AstDB family {family}", (family,)) for family in more),
    ]
