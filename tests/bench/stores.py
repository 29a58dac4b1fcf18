"""The stores that are measured, empty ones or with a year's records in them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg
from callveil.record import Record
from callveil.store import opening
from callveil.store.interface import Store
from callveil.store.place import to_place
from callveil.store.rows import COLUMNS, to_row
from harness.databases import start_postgres


async def open_store(address: str) -> Store:
    """Open the store at an address."""
    return await opening.open_store(to_place(address))


@dataclass(frozen=True)
class NewStore:
    """An empty store.

    Attributes:
        address: where it is.
        fill: puts records of calls in it that are all different, ordered by day and key, as fast as can be.
    """

    address: str
    fill: Callable[[Iterable[Record]], None]


@contextmanager
def _sqlite() -> Iterator[NewStore]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.sqlite3"
        yield NewStore(str(path), lambda records: _fill_sqlite(path, records))


def _fill_sqlite(path: Path, records: Iterable[Record]) -> None:
    asyncio.run(_make(str(path)))
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("BEGIN IMMEDIATE")
        names = ", ".join(("day", *COLUMNS))
        places = ", ".join("?" * (len(COLUMNS) + 1))
        put = f"INSERT INTO records ({names}) VALUES ({places})"  # noqa: S608 - constants
        database.executemany(put, ((str(one.day), *to_row(one)) for one in records))
        database.execute("COMMIT")
    finally:
        database.close()


async def _make(address: str) -> None:
    await (await open_store(address)).close()


@contextmanager
def _postgres() -> Iterator[NewStore]:
    # As it is by default, with nothing set to make it faster or to use less memory.
    with start_postgres() as server:
        address = server.url(server.new_database())
        yield NewStore(address, lambda records: asyncio.run(_fill_postgres(address, records)))


async def _fill_postgres(address: str, records: Iterable[Record]) -> None:
    await _make(address)
    connection = await asyncpg.connect(address)
    try:
        rows = ((str(one.day), *to_row(one)) for one in records)
        await connection.copy_records_to_table(
            "records", records=rows, columns=("day", *COLUMNS), schema_name="callveil", timeout=120
        )
        await connection.execute("VACUUM callveil.records")
    finally:
        await connection.close()


STORES: Final[Mapping[str, Callable[[], AbstractContextManager[NewStore]]]] = {
    "SQLite": _sqlite,
    "PostgreSQL": _postgres,
}
"""By name: makes a new store, and removes it afterwards."""
