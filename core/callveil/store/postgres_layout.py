"""The tables of a PostgreSQL store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from callveil.store.interface import StoreError
from callveil.store.place import PostgresUrl
from callveil.store.rows import COLUMNS

if TYPE_CHECKING:
    import asyncpg

LAYOUT: Final = 1

WHOLE: Final = ""
"""The day in ``unsettled`` that stands for the whole table; a record's day is never empty."""

ANEW: Final = "callveil.records_anew"
RECORDS: Final = "callveil.records"

# Compared byte by byte, as Python does, whatever language the server speaks.
_TEXT: Final = 'text COLLATE "C" NOT NULL'


def create_records(name: str) -> tuple[str, ...]:
    """Return the statements that make a table of records without its indexes."""
    columns = ", ".join(f"{column} {_TEXT}" for column in COLUMNS if column != "key")
    return (
        f"CREATE TABLE {name} (day {_TEXT}, key bytea NOT NULL, {columns})",
        # The server's statistics would repeat values of records that are gone.
        *(
            f"ALTER TABLE {name} ALTER COLUMN {column} SET STATISTICS 0"
            for column in ("key", "began", "spoken", "party")
        ),
    )


INDEX_RECORDS: Final = (
    f"ALTER TABLE {RECORDS} ADD CONSTRAINT records_by_key PRIMARY KEY (key)",
    f"CREATE INDEX records_by_day ON {RECORDS} (day, key)",
)
_TABLES: Final = (
    "CREATE TABLE callveil.layout (version integer NOT NULL)",
    *create_records(RECORDS),
    *INDEX_RECORDS,
    f"CREATE TABLE callveil.unsettled (day {_TEXT} PRIMARY KEY)",
    f"CREATE TABLE callveil.months (month {_TEXT}, line {_TEXT}, direction {_TEXT}, decision {_TEXT},"
    f" disposition {_TEXT}, spoken {_TEXT}, queue {_TEXT}, outcome {_TEXT}, waited {_TEXT},"
    " calls bigint NOT NULL,"
    " PRIMARY KEY (month, line, direction, decision, disposition, spoken, queue, outcome, waited))",
    f"CREATE TABLE callveil.holds (line {_TEXT} PRIMARY KEY, since {_TEXT}, reason {_TEXT})",
)


async def bring_up_to_date(connection: asyncpg.Connection[Any], where: PostgresUrl) -> None:
    """Create the tables where there are none. Belongs in a transaction that nobody else runs.

    Raises:
        StoreError: there are those of another version.
        asyncpg.PostgresError: it cannot be done.
    """
    if await _is_there(connection):
        await check(connection, where)
        return
    await connection.execute("CREATE SCHEMA IF NOT EXISTS callveil")
    for statement in _TABLES:
        await connection.execute(statement)
    await connection.execute("INSERT INTO callveil.layout VALUES ($1)", LAYOUT)


async def check(connection: asyncpg.Connection[Any], where: PostgresUrl) -> None:
    """Check that the tables are there and of this version.

    Raises:
        StoreError: they are not.
        asyncpg.PostgresError: it cannot be known.
    """
    if not await _is_there(connection):
        raise StoreError(f"The record store ({where}) does not exist; nothing has been recorded there.")
    version = await connection.fetchval("SELECT max(version) FROM callveil.layout")
    if version != LAYOUT:
        raise StoreError(
            f"The record store ({where}) was made by another version of Callveil"
            f" (its layout is {version}, this one knows {LAYOUT}): install the newer version."
        )


async def _is_there(connection: asyncpg.Connection[Any]) -> bool:
    return bool(await connection.fetchval("SELECT to_regclass('callveil.layout') IS NOT NULL"))
