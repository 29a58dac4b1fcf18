"""Call records and call events in Asterisk's SQLite database of the log folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from callveil.history.erase import erase_all
from callveil.history.logs import DATABASES, matcher
from callveil.history.machine import Machine
from callveil.history.model import Found, Gone
from callveil.history.sqlite_file import change, looking

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class SqliteRecords:
    """The database, which Asterisk holds open and fills, and copies that were put aside."""

    key = "sqlite"
    title = "call records and events in SQLite"
    yours = ""
    removable = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._tree = machine.logs

    def _files(self) -> tuple[list[str], list[str]]:
        """Return the databases and the copies."""
        found = self._tree.files(depth=1, wanted=matcher(DATABASES).fullmatch)
        return [path for path in found if path in DATABASES], [
            path for path in found if path not in DATABASES
        ]

    def find(self) -> Found:
        """Count rows and copies."""
        live, aside = self._files()
        unseen = list(self._tree.unseen)
        rows = 0
        for path in live:
            try:
                rows += sum(self._count(path))
            except sqlite3.Error:
                unseen.append(f"{self._tree.folder(path)}: it cannot be read.")
        counts = {"rows": rows, "copies": len(aside)}
        return Found(
            {what: number for what, number in counts.items() if number}, (self._tree.shown,), tuple(unseen)
        )

    def _count(self, path: str) -> Iterator[int]:
        with looking(self._tree.real_path(path)) as connection:
            for (table,) in connection.execute(_TABLES).fetchall():
                yield int(connection.execute(f"SELECT count(*) FROM {_quoted(table)}").fetchone()[0])  # noqa: S608

    def remove(self) -> Gone:
        """Delete all rows, and erase the copies. Asterisk keeps no statements for this file."""
        live, aside = self._files()
        left: list[str] = []
        for path in live:
            try:
                with looking(self._tree.real_path(path)) as connection:
                    tables = [table for (table,) in connection.execute(_TABLES).fetchall()]
                statements = [(f"DELETE FROM {_quoted(table)}", ()) for table in tables]  # noqa: S608
                change(self._tree.real_path(path), statements, vacuum=True)
            except (sqlite3.Error, OSError) as error:
                left.append(f"{self._tree.folder(path)}: {_reason(error)}.")
        return Gone((*left, *erase_all(self._tree, aside, self._machine.held)))


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _reason(error: Exception) -> str:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return "another program uses it; try again with Asterisk stopped"
    return "this user may not change it" if isinstance(error, PermissionError) else "it cannot be changed"
