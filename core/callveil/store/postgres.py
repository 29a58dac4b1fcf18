"""Records in a PostgreSQL database, for several PBXs or several Callveils with one set of records.

Where a row stands in its table and which transaction wrote it tell what came first. Settling writes anew what
was touched, in the order of the records' random keys: a small table as a whole, a large one as a whole when a
day is over or records were purged, and else the day that goes on. What the server keeps elsewhere (its own
write-ahead log, backups, copies on other servers) is out of reach.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from callveil.record import Record, changes, join_all
from callveil.store.interface import ALL_LINES, PURGE_AT_ONCE, Count, Cutoffs, Hold, Month, StoreError
from callveil.store.place import PostgresUrl
from callveil.store.postgres_layout import (
    ANEW,
    INDEX_RECORDS,
    RECORDS,
    WHOLE,
    bring_up_to_date,
    check,
    create_records,
)
from callveil.store.postgres_server import connect, errors, explain
from callveil.store.rows import COLUMNS, to_record, to_row
from callveil.store.tally import GROUP, tally, tally_months

if TYPE_CHECKING:
    import asyncpg

SMALL_BYTES: Final = 2 * 1024 * 1024
"""A table of at most so many bytes (some 14,000 records) is written anew as a whole."""

TIDY_SECONDS: Final = 0.5
"""How long settling waits for those who read; those who come after it wait, too."""

_LONG: Final = 600.0  # seconds in which a table of millions can be written anew
_ROWS_AT_ONCE: Final = 1000
_LOCK: Final = 0x63616C6C7665696C  # "callveil"; a number of our own among the database's advisory locks

_ALL: Final = ", ".join(COLUMNS)
_GROUP: Final = ", ".join(GROUP)
_TYPES: Final = ("text[]", "bytea[]", *["text[]"] * (len(COLUMNS) - 1))
_ARRAYS: Final = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TYPES, 1))
_PUT: Final = (
    f"INSERT INTO {RECORDS} (day, {_ALL}) SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - constants
    f" ON CONFLICT (key) DO UPDATE SET (day, {_ALL}) = ROW (excluded.day, "
    + ", ".join(f"excluded.{name}" for name in COLUMNS)
    + ")"
)
_TOUCH: Final = (
    "INSERT INTO callveil.unsettled (day) SELECT * FROM unnest($1::text[]) ON CONFLICT (day) DO NOTHING"
)
_COUNT: Final = (
    f"INSERT INTO callveil.months AS known (month, {_GROUP}, calls)"  # noqa: S608 - constants
    f" VALUES ({', '.join(f'${number}' for number in range(1, len(GROUP) + 3))})"
    f" ON CONFLICT (month, {_GROUP}) DO UPDATE SET calls = known.calls + excluded.calls"
)
_OVER: Final = (
    f"FROM {RECORDS}"  # noqa: S608 - constants
    " LEFT JOIN unnest($1::text[], $2::text[]) AS cut (line, before) USING (line)"
    " WHERE day < $3 AND day < coalesce(before, $4) AND line NOT IN (SELECT line FROM callveil.holds)"
    " AND NOT EXISTS (SELECT FROM callveil.holds WHERE line = $5)"
)
_PURGE: Final = (
    f"WITH gone AS (DELETE FROM {RECORDS} WHERE key IN"  # noqa: S608 - constants
    f" (SELECT key {_OVER} ORDER BY day, key LIMIT $6) RETURNING day, {_GROUP})"
    f" SELECT left(day, 7), {_GROUP}, count(*) FROM gone GROUP BY left(day, 7), {_GROUP}"
)

_Result = TypeVar("_Result")


class PostgresStore:
    """A `callveil.store.interface.Store` in a database; make one with `open`.

    One connection writes. When it is lost, the store says so and has to be opened again.
    """

    def __init__(self, connection: asyncpg.Connection[Any], where: PostgresUrl, *, read_only: bool) -> None:
        self._connection = connection
        self._where = where
        self._read_only = read_only
        self._errors = errors()
        self._one = asyncio.Lock()  # a connection does one thing at a time

    @classmethod
    async def open(cls, where: PostgresUrl, *, read_only: bool = False) -> Self:
        """Open a store, and create its tables unless it is only to be read.

        Args:
            where: the database, which must be there.
            read_only: never change anything.

        Raises:
            StoreError: it cannot be opened, or holds something else.
        """
        store = cls(await connect(where, read_only=read_only), where, read_only=read_only)
        try:
            if read_only:
                await store._alone(lambda: check(store._connection, where))
            else:
                await store._write(lambda: bring_up_to_date(store._connection, where))
        except BaseException:
            store._connection.terminate()
            raise
        return store

    async def _alone(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do something with the connection while nobody else does.

        Raises:
            StoreError: it went wrong.
        """
        async with self._one:
            try:
                return await work()
            except self._errors as error:
                raise explain(self._where, error) from None

    async def _write(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do something in one transaction, while no other Callveil writes.

        A caller that is cancelled meanwhile leaves it to end as a whole.

        Raises:
            StoreError: nothing was changed.
        """

        async def transaction() -> _Result:
            async with self._connection.transaction():
                await self._connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                # A new snapshot for each statement: what others committed before is seen from here on.
                return await work()

        return await asyncio.shield(asyncio.ensure_future(self._alone(transaction)))

    async def _fetch(self, statement: str, *values: Any) -> list[Any]:
        return await self._alone(lambda: self._connection.fetch(statement, *values))

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        Raises:
            StoreError: nothing was added.
        """
        joined = join_all(records)
        return await self._write(lambda: self._put(joined)) if joined else 0

    async def _put(self, joined: dict[bytes, Record]) -> int:
        statement = f"SELECT {_ALL} FROM {RECORDS} WHERE key = ANY($1::bytea[])"  # noqa: S608 - constants
        rows = await self._connection.fetch(statement, list(joined))
        known = {one.key: one for one in map(to_record, map(tuple, rows))}
        changed = changes(joined, known)
        if changed:
            table = [(str(one.day), *to_row(one)) for one in changed]
            await self._connection.execute(_PUT, *map(list, zip(*table, strict=True)))
            days = {one.day for one in changed} | {known[one.key].day for one in changed if one.key in known}
            await self._connection.execute(_TOUCH, sorted(map(str, days)))
        return len(joined) - len(known)

    async def records(
        self,
        *,
        line: str | None = None,
        since: date | None = None,
        until: date | None = None,
        most: int | None = None,
    ) -> AsyncIterator[Record]:
        """Yield records by day, in an order within a day that says nothing about the calls' order.

        All are as they were at one moment. While they are read, the store cannot be settled.

        Args:
            line: only those of this line.
            since: only those that began on this day or later.
            until: only those that began before this day.
            most: at most so many, the latest days first to be kept; yielded by day all the same.

        Raises:
            StoreError: they cannot be read.
        """
        if self._connection.is_closed():
            raise StoreError(f"The record store ({self._where}): the connection is closed.")
        statement = (
            f"SELECT {_ALL} FROM (SELECT day, {_ALL} FROM {RECORDS}"  # noqa: S608 - constants
            " WHERE ($1::text IS NULL OR line = $1) AND ($2::text IS NULL OR day >= $2)"
            " AND ($3::text IS NULL OR day < $3) ORDER BY day DESC, key DESC LIMIT $4) AS chosen"
            " ORDER BY day, key"
        )
        days = (str(day) if day is not None else None for day in (since, until))
        reader = await connect(self._where, read_only=True)  # who reads slowly keeps nobody from writing
        try:
            async with reader.transaction():
                # The server may end a transaction that waits for a slow reader.
                await reader.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                cursor = reader.cursor(statement, line, *days, most, prefetch=_ROWS_AT_ONCE)
                async for row in cursor:
                    yield to_record(tuple(row))
        except self._errors as error:
            raise explain(self._where, error) from None
        finally:
            reader.terminate()

    async def counts(self, month: Month) -> list[Count]:
        """Return a month's calls, counted: those whose records are there and those whose records are gone.

        One consistent look, ordered by their fields; no two differ in `calls` alone.

        Raises:
            StoreError: they cannot be read.
        """
        statement = (
            f"SELECT {_GROUP}, count(*) AS calls FROM {RECORDS} WHERE day >= $1 AND day < $2"  # noqa: S608
            f" GROUP BY {_GROUP} UNION ALL SELECT {_GROUP}, calls FROM callveil.months WHERE month = $3"
        )
        rows = await self._fetch(statement, str(month.first), str(month.after), str(month))
        return tally(map(tuple, rows))

    async def purge(self, cutoffs: Cutoffs, *, most: int = PURGE_AT_ONCE) -> int:
        """Turn some records that are over into monthly counts and return how many; 0 when none is left.

        Records of a line that a hold protects stay. Counting and deleting are one transaction.

        Raises:
            StoreError: nothing was deleted.
        """
        values = _over(cutoffs)
        # Looked for before others are kept from writing: mostly there is none.
        if not await self._fetch(f"SELECT {_OVER} LIMIT 1", *values):
            return 0
        return await self._write(lambda: self._purge(values, most))

    async def _purge(self, values: tuple[Any, ...], most: int) -> int:
        rows = [tuple(row) for row in await self._connection.fetch(_PURGE, *values, most)]
        await self._connection.executemany(_COUNT, tally_months(rows))
        if rows:
            await self._connection.execute(_TOUCH, [WHOLE])
        return sum(row[-1] for row in rows)

    async def due(self, cutoffs: Cutoffs) -> dict[str, int]:
        """Return how many records of each line `purge` would delete, lines with none left out.

        Raises:
            StoreError: they cannot be read.
        """
        statement = f"SELECT line, count(*) {_OVER} GROUP BY line ORDER BY line"
        return {row[0]: row[1] for row in await self._fetch(statement, *_over(cutoffs))}

    async def hold(self, hold: Hold) -> None:
        """Add a hold, or put another reason in place of the one that the line has.

        Raises:
            StoreError: nothing was changed.
        """
        statement = (
            "INSERT INTO callveil.holds (line, since, reason) VALUES ($1, $2, $3)"
            " ON CONFLICT (line) DO UPDATE SET reason = excluded.reason"
        )

        async def put() -> None:
            await self._connection.execute(statement, hold.line, str(hold.since), hold.reason)

        await self._write(put)

    async def release(self, line: str) -> bool:
        """Take a line's hold away and return whether there was one.

        Raises:
            StoreError: nothing was changed.
        """

        async def take_away() -> bool:
            done = await self._connection.execute("DELETE FROM callveil.holds WHERE line = $1", line)
            return str(done) != "DELETE 0"

        return await self._write(take_away)

    async def holds(self) -> list[Hold]:
        """Return all holds by line.

        Raises:
            StoreError: they cannot be read.
        """
        rows = await self._fetch("SELECT line, since, reason FROM callveil.holds ORDER BY line")
        return [Hold(line, date.fromisoformat(since), reason) for line, since, reason in rows]

    async def settle(self) -> None:
        """Take away what the tables still tell of deleted records, and of the order in which others came.

        In a large table, traces of the order within the day that goes on may stay until that day is over.

        Raises:
            StoreError: it could not be done now, because another program reads, say; nothing is lost, and
                the next time makes good for it.
        """
        if not await self._fetch("SELECT 1 FROM callveil.unsettled LIMIT 1"):
            return
        if not await self._write(self._put_in_order):
            await self._alone(lambda: self._connection.execute(f"VACUUM {RECORDS}", timeout=_LONG))

    async def _put_in_order(self) -> bool:
        """Write the whole table anew, or the last day, and return whether it was the whole."""
        execute = self._connection.execute
        touched = {row[0] for row in await self._connection.fetch("SELECT day FROM callveil.unsettled")}
        newest = await self._connection.fetchval(f"SELECT max(day) FROM {RECORDS}")  # noqa: S608 - constants
        size = int(await self._connection.fetchval("SELECT pg_relation_size($1::regclass)", RECORDS))
        whole = size <= SMALL_BYTES or bool(touched - {newest})
        if whole:
            await execute(f"SET LOCAL lock_timeout = {int(TIDY_SECONDS * 1000)}")
            await execute(f"LOCK TABLE {RECORDS} IN ACCESS EXCLUSIVE MODE")
            for statement in create_records(ANEW):
                await execute(statement)
            # Neither emptied nor vacuumed: an older snapshot must fail, not find an empty table, and must
            # not keep what is deleted.
            everything = f"SELECT day, {_ALL} FROM {RECORDS} ORDER BY day, key"  # noqa: S608 - constants
            await execute(f"INSERT INTO {ANEW} (day, {_ALL}) {everything}", timeout=_LONG)
            await execute(f"DROP TABLE {RECORDS}")
            await execute(f"ALTER TABLE {ANEW} RENAME TO {RECORDS.partition('.')[2]}")
            for statement in INDEX_RECORDS:
                await execute(statement, timeout=_LONG)
        else:
            await execute(
                f"WITH aside AS (DELETE FROM {RECORDS} WHERE day = $1 RETURNING day, {_ALL})"  # noqa: S608
                f" INSERT INTO {RECORDS} (day, {_ALL}) SELECT day, {_ALL} FROM aside ORDER BY key",
                newest,
            )
        await execute("DELETE FROM callveil.unsettled")
        return whole

    async def close(self) -> None:
        """Release the connection. What `settle` does is done as far as it can be."""
        if not self._connection.is_closed() and not self._read_only:
            with contextlib.suppress(StoreError):
                await self.settle()
        async with self._one:
            try:
                await self._connection.close(timeout=TIDY_SECONDS)
            except self._errors:
                self._connection.terminate()


def _over(cutoffs: Cutoffs) -> tuple[Any, ...]:
    """Return the values of `_OVER`."""
    lines = list(cutoffs.lines)
    days = [str(day) for day in cutoffs.lines.values()]
    return lines, days, str(cutoffs.latest), str(cutoffs.others), ALL_LINES
