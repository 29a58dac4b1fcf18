"""The SQLite store as the daemon holds it: for weeks, while somebody may damage, move or replace its file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Self

from callveil.record import Record
from callveil.store.interface import StoreError
from callveil.store.sqlite import SqliteStore
from callveil.store.sqlite_file import address, explain, move_away

_OURS: Final = {"schema", "records"}


class _Place(NamedTuple):
    device: int
    file: int


class GuardedStore(SqliteStore):
    """A `SqliteStore` that never writes to a damaged or foreign file, nor to one that is not in its place."""

    _place: _Place | None = None

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open a store after a look at the whole of it, and create it where there is no file.

        Raises:
            StoreError: it cannot be opened, is damaged, or is something else; nothing was written to it.
        """
        await asyncio.to_thread(check_whole, path)
        before = _place_of(path)
        store = await super().open(path, read_only=read_only)
        # Put another file in its place meanwhile: then each write refuses.
        store._place = before or _place_of(path)
        return store

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        Raises:
            StoreError: nothing was added to the file that is in the store's place.
        """
        self._require_in_place()
        added = await super().add(records)
        # Moved away in this very moment: the records are in the moved file, and belong into the next, too.
        self._require_in_place()
        return added

    def _require_in_place(self) -> None:
        if self._place is None or _place_of(self._path) != self._place:
            raise StoreError(
                f"The record store {self._path} was moved away or replaced while it was in use;"
                " it is opened again."
            )


def check_whole(path: Path) -> None:
    """Look through a store's file without writing to it; a file that is not there is none.

    Raises:
        StoreError: it is damaged, or something else.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = 0
    except OSError as error:
        raise StoreError(f"The record store {path} cannot be looked at: {error.strerror}.") from error
    if not size:
        _check_nothing_left(path)
        return
    try:
        with closing(sqlite3.connect(address(path, read_only=True), uri=True)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise explain(path, error) from error
    if said != "ok":
        raise StoreError(f"The record store {path}: it is damaged; {move_away(path)}.")
    if tables and not tables >= _OURS:
        raise StoreError(f"The file {path} is not a record store of Callveil; {move_away(path)}.")


def _check_nothing_left(path: Path) -> None:
    """Check that no log stands beside an empty file: SQLite would delete it, with the records in it."""
    log = Path(f"{path}-wal")
    try:
        left = log.stat().st_size
    except OSError:
        return
    if left:
        raise StoreError(
            f"The record store {path}: it is empty or gone, and {log} still holds some of its records;"
            f" {move_away(path)}."
        )


def _place_of(path: Path) -> _Place | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return _Place(found.st_dev, found.st_ino)
