"""The tables of a SQLite store, and how those of an earlier version of Callveil become them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiosqlite

from callveil.store.interface import EarlierLayoutError, StoreError

SCHEMA_VERSION: Final = 2

WHOLE: Final = ""
"""The day in ``unsettled`` that stands for the whole file; a record's day is never empty."""

_RECORDS: Final = (
    # Kept in the order of its primary key, without row numbers: a day's records stand together.
    "CREATE TABLE records (day TEXT NOT NULL, key BLOB NOT NULL, line TEXT NOT NULL, direction TEXT NOT NULL,"
    " decision TEXT NOT NULL, began TEXT NOT NULL, spoken TEXT NOT NULL, disposition TEXT NOT NULL,"
    " party TEXT NOT NULL, queue TEXT NOT NULL, outcome TEXT NOT NULL, waited TEXT NOT NULL,"
    " PRIMARY KEY (day, key)) STRICT, WITHOUT ROWID",
    # On which day the record of a call stands, for the calls of the last days.
    "CREATE TABLE recent (key BLOB NOT NULL PRIMARY KEY, day TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # The last day that there was when days that are not recent any more were last taken out of that.
    "CREATE TABLE swept (newest TEXT NOT NULL) STRICT",
    # Days that were written to, and how many times: until they are settled.
    "CREATE TABLE unsettled (day TEXT NOT NULL PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE months (month TEXT NOT NULL, line TEXT NOT NULL, direction TEXT NOT NULL,"
    " decision TEXT NOT NULL, disposition TEXT NOT NULL, spoken TEXT NOT NULL, queue TEXT NOT NULL,"
    " outcome TEXT NOT NULL, waited TEXT NOT NULL, calls INTEGER NOT NULL,"
    " PRIMARY KEY (month, line, direction, decision, disposition, spoken, queue, outcome, waited))"
    " STRICT, WITHOUT ROWID",
    "CREATE TABLE holds (line TEXT NOT NULL PRIMARY KEY, since TEXT NOT NULL, reason TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID",
)
_FROM_1: Final = (
    "ALTER TABLE records RENAME TO records_1",
    *_RECORDS,
    "INSERT INTO records SELECT day, key, line, direction, decision, day, spoken, disposition, '', '', '', ''"
    " FROM records_1 ORDER BY day, key",
    "INSERT INTO recent SELECT key, day FROM records ORDER BY key",
    f"INSERT INTO unsettled VALUES ('{WHOLE}', 1)",  # noqa: S608 - a constant
    "DROP TABLE records_1",
)


async def bring_up_to_date(database: aiosqlite.Connection, path: Path) -> None:
    """Create the tables in an empty file, or bring those of an earlier version up to date.

    Belongs in a transaction: a process that is killed meanwhile leaves what was there.

    Raises:
        StoreError: the file holds something else, or is of a newer version.
        sqlite3.Error: it cannot be read or written.
    """
    if not await _tables(database):
        for statement in ("CREATE TABLE schema (version INTEGER NOT NULL) STRICT", *_RECORDS):
            await database.execute(statement)
        await database.execute("INSERT INTO schema VALUES (?)", (SCHEMA_VERSION,))
    elif await _version(database, path) == 1:
        for statement in _FROM_1:
            await database.execute(statement)
        await database.execute("UPDATE schema SET version = ?", (SCHEMA_VERSION,))
    else:
        await check(database, path)


async def check(database: aiosqlite.Connection, path: Path) -> None:
    """Check that the tables are those of this version.

    Raises:
        EarlierLayoutError: they are those of an earlier version.
        StoreError: they are not; says what to do.
        sqlite3.Error: they cannot be read.
    """
    version = await _version(database, path)
    if version == SCHEMA_VERSION:
        return
    if version < SCHEMA_VERSION:
        raise EarlierLayoutError(
            f"The record store {path} is still as an earlier version of Callveil made it: start Callveil"
            " (callveil serve), which brings it up to date."
        )
    raise StoreError(
        f"The record store {path} was made by another version of Callveil"
        f" (its layout is {version}, this one knows {SCHEMA_VERSION}): install the newer version."
    )


async def _tables(database: aiosqlite.Connection) -> set[str]:
    return {str(row[0]) for row in await database.execute_fetchall("SELECT name FROM sqlite_master")}


async def _version(database: aiosqlite.Connection, path: Path) -> int:
    if not {"schema", "records"} <= await _tables(database):
        raise StoreError(f"The file {path} is not a record store of Callveil.")
    rows = list(await database.execute_fetchall("SELECT max(version) FROM schema"))
    version = rows[0][0]
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"The file {path} is not a record store of Callveil.")
    return version
