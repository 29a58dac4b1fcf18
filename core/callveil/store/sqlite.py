"""Records in one SQLite file.

Nothing in the file tells in which order the calls of a day came: the table has no row numbers and is kept
by the record's random key (``WITHOUT ROWID``), and its index only by day.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import aiosqlite

from callveil.record import QueueVisit, Record, join, join_all
from callveil.store.interface import StoreError

SCHEMA_VERSION: Final = 2
KEYS_AT_ONCE: Final = 500
"""How many known records are looked up in one statement; SQLite takes at most 32766 values."""

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another program that writes."""

_OPEN_ATTEMPTS: Final = 40  # a quarter of a second apart: twice BUSY_SECONDS

_TABLES: Final = (
    "CREATE TABLE schema (version INTEGER NOT NULL) STRICT",
    "CREATE TABLE records (key BLOB NOT NULL PRIMARY KEY, line TEXT NOT NULL, direction TEXT NOT NULL,"
    " decision TEXT NOT NULL, began TEXT NOT NULL, spoken TEXT NOT NULL, disposition TEXT NOT NULL,"
    " party TEXT NOT NULL, queue TEXT NOT NULL, outcome TEXT NOT NULL, waited TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID",
    "CREATE INDEX records_by_began ON records (began)",
)
_PUT: Final = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT: Final = (
    "SELECT key, line, direction, decision, began, spoken, disposition, party, queue, outcome, waited"
    " FROM records"
)

# Its DEBUG messages repeat every statement with its values.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)


def _explain(path: Path, error: Exception) -> StoreError:
    """Return a plain error for what SQLite says (codes: https://www.sqlite.org/rescode.html)."""
    if isinstance(error, ValueError):
        return StoreError(f"The record store {path}: it was closed or holds a value that no record has.")
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    said = {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_READONLY: "it may not be written; check its owner and that its folder may be written",
        sqlite3.SQLITE_PERM: "it may not be opened; check its owner",
        sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its owner and that its folder may be written",
        sqlite3.SQLITE_BUSY: "another program has held it for too long",
        sqlite3.SQLITE_LOCKED: "another program has held it for too long",
        sqlite3.SQLITE_IOERR: "the disk cannot be read or written, or is full",
        sqlite3.SQLITE_NOTADB: "it is not a SQLite database",
        sqlite3.SQLITE_CORRUPT: "it is damaged; put back a copy, or move it away and start afresh",
    }.get(code, f"SQLite failed ({type(error).__name__}, code {code})")
    return StoreError(f"The record store {path}: {said}.")


def _create_private(path: Path) -> None:
    """Create an empty file that only its owner may read, unless there is one.

    SQLite gives the ``-wal`` and ``-shm`` files beside it the same mode.

    Raises:
        StoreError: it cannot be created.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"The record store {path} cannot be created: {error.strerror}.") from error


def _require_file(path: Path) -> None:
    """Check that there is something to read.

    Raises:
        StoreError: there is not, or it cannot be known.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise StoreError(
            f"The record store {path} does not exist; nothing has been recorded there."
        ) from None
    except OSError as error:
        raise StoreError(f"The record store {path} cannot be looked at: {error.strerror}.") from None


def _record(row: tuple[Any, ...]) -> Record:
    return Record(*row[:8], QueueVisit(*row[8:]) if row[8] else None)


def _row(record: Record) -> tuple[object, ...]:
    queue = record.queue
    return (
        record.key,
        record.line,
        record.direction,
        record.decision,
        record.began,
        record.spoken,
        record.disposition,
        record.party,
        *((queue.name, queue.outcome, queue.waited) if queue else ("", "", "")),
    )


class SqliteStore:
    """A `callveil.store.interface.Store` in a file; make one with `open`.

    Several processes may use one file. Statements run in a thread, so the event loop never waits for a disk.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._writes = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open a store, and create it unless it is only to be read.

        Args:
            path: the file; its folder must exist.
            read_only: never write or create anything that the records are in.

        Raises:
            StoreError: it cannot be opened, or it holds something else.
        """
        if not read_only:
            await asyncio.to_thread(_create_private, path)
        else:
            await asyncio.to_thread(_require_file, path)
        store = cls(_connect(path, read_only=read_only), path)
        try:
            await store._connection
        except sqlite3.Error as error:
            raise _explain(path, error) from error
        try:
            await store._prepare(read_only=read_only)
        except BaseException as error:
            with suppress(sqlite3.Error, ValueError):
                await store._connection.close()
            if isinstance(error, sqlite3.Error):
                raise _explain(path, error) from error
            raise
        return store

    async def _prepare(self, *, read_only: bool) -> None:
        database = self._connection
        await database.execute("PRAGMA temp_store=MEMORY")  # no copy of a sorted table in a temporary file
        if not read_only:
            for attempt in range(_OPEN_ATTEMPTS):
                try:
                    await database.execute("PRAGMA journal_mode=WAL")
                    break
                except sqlite3.OperationalError as error:
                    # Changing the mode does not wait for another process that opens the file just now.
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _OPEN_ATTEMPTS - 1:
                        raise
                    await asyncio.sleep(0.25)
            await database.execute("PRAGMA synchronous=FULL")
            await database.execute("PRAGMA secure_delete=ON")
            await database.execute("BEGIN IMMEDIATE")
        try:
            await self._check_schema(create=not read_only)
        finally:
            if database.in_transaction:
                await database.commit()

    async def _check_schema(self, *, create: bool) -> None:
        database = self._connection
        tables = {str(row[0]) for row in await database.execute_fetchall("SELECT name FROM sqlite_master")}
        if not tables and create:
            for statement in _TABLES:
                await database.execute(statement)
            await database.execute("INSERT INTO schema VALUES (?)", (SCHEMA_VERSION,))
            return
        if not {"schema", "records"} <= tables:
            raise StoreError(f"The file {self._path} is not a record store of Callveil.")
        rows = list(await database.execute_fetchall("SELECT max(version) FROM schema"))
        version = rows[0][0]
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"The record store {self._path} was made by another version of Callveil"
                f" (its layout is {version}, this one knows {SCHEMA_VERSION}): install the newer version."
            )

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        A caller that is cancelled meanwhile leaves the transaction to end as a whole.

        Raises:
            StoreError: nothing was added.
        """
        joined = join_all(records)
        return await asyncio.shield(asyncio.ensure_future(self._put(joined))) if joined else 0

    async def _put(self, joined: dict[bytes, Record]) -> int:
        async with self._writes:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                try:
                    known = await self._known(list(joined))
                    changed = [
                        record
                        for key, one in joined.items()
                        if (record := join(one, known[key]) if key in known else one) != known.get(key)
                    ]
                    await self._connection.executemany(_PUT, [_row(record) for record in changed])
                    await self._connection.commit()
                except BaseException:
                    with suppress(sqlite3.Error, ValueError):
                        await self._connection.rollback()
                    raise
            except (sqlite3.Error, ValueError) as error:  # ValueError: the connection is closed
                raise _explain(self._path, error) from error
        return len(joined) - len(known)

    async def _known(self, keys: list[bytes]) -> dict[bytes, Record]:
        known: dict[bytes, Record] = {}
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            where = f"WHERE key IN ({','.join('?' * len(some))})"
            for row in await self._connection.execute_fetchall(f"{_SELECT} {where}", some):
                record = _record(tuple(row))
                known[record.key] = record
        return known

    async def records(self, *, line: str | None = None) -> AsyncIterator[Record]:
        """Yield records by day, in an order within a day that says nothing about the calls' order.

        Args:
            line: only those of this line.

        Raises:
            StoreError: they cannot be read.
        """
        where, values = ("", ()) if line is None else (" WHERE line = ?", (line,))
        try:
            async with self._connection.execute(f"{_SELECT}{where} ORDER BY began, key", values) as cursor:
                async for row in cursor:
                    yield _record(tuple(row))
        except (sqlite3.Error, ValueError) as error:
            raise _explain(self._path, error) from error

    async def close(self) -> None:
        """Empty the write-ahead log into the file and release it."""
        async with self._writes:
            with suppress(
                sqlite3.Error, ValueError
            ):  # opened only to read, or another program reads: left to it
                await self._connection.execute("PRAGMA busy_timeout=500")
                await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            with suppress(sqlite3.Error, ValueError):
                await self._connection.close()


def _connect(path: Path, *, read_only: bool) -> aiosqlite.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rw'}"
    # Transactions are begun in words: the module's own would begin them late, as readers.
    return aiosqlite.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
