"""Records in one SQLite file.

Nothing in the file tells in which order the calls of a day came, once it is settled. Rows stand by day and by
the record's random key, without row numbers. But SQLite puts a new row where its page has room and leaves
copies behind where it parts a page, so that places in the file tell what came first; and its secure deletion
does not reach those copies. Settling writes anew what was touched; a small file as a whole, a large one as a
whole when a day is over or records were purged, and else the day that goes on.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import aiosqlite

from callveil.record import Record, changes, join_all
from callveil.store.interface import ALL_LINES, PURGE_AT_ONCE, Count, Cutoffs, Hold, Month, StoreError
from callveil.store.rows import COLUMNS, to_record, to_row
from callveil.store.sqlite_file import BUSY_SECONDS, connect, create_private, explain, require_file, set_up
from callveil.store.sqlite_layout import WHOLE, bring_up_to_date, check
from callveil.store.tally import GROUP, tally, tally_months

KEYS_AT_ONCE: Final = 500
"""How many known records are looked up in one statement; SQLite takes at most 32766 values."""

RECENT_DAYS: Final = 7
"""For how many days before the last one the parts of a call are joined, whatever days they began on.

Parts that come later still are joined if they began within a day of each other.
"""

SMALL_PAGES: Final = 512
"""A file of at most so many pages (2 MiB, some 17,000 records) is written anew as a whole: in 0.02 s."""

CHECKPOINT_SECONDS: Final = 0.5
"""How long settling waits for those who read."""

_ROWS_AT_ONCE: Final = 1000
_ALL: Final = ", ".join(COLUMNS)
_QUALIFIED: Final = ", ".join(f"records.{name}" for name in COLUMNS)
_GROUP: Final = ", ".join(GROUP)
_DAY: Final = timedelta(days=1)

_PUT: Final = (
    f"INSERT OR REPLACE INTO records (day, {_ALL})"  # noqa: S608 - constants
    f" VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
)
_REMEMBER: Final = "INSERT OR REPLACE INTO recent (key, day) VALUES (?, ?)"
_TOUCH: Final = (
    "INSERT INTO unsettled (day, times) VALUES (?, 1) ON CONFLICT (day) DO UPDATE SET times = times + 1"
)
_COUNT: Final = (
    f"INSERT INTO months (month, {_GROUP}, calls)"  # noqa: S608 - constants
    f" VALUES ({', '.join('?' * (len(GROUP) + 2))})"
    " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls"
)

_Result = TypeVar("_Result")


class SqliteStore:
    """A `callveil.store.interface.Store` in a file; make one with `open`.

    Several processes may use one file. Statements run in a thread, so the event loop never waits for a disk.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path, *, read_only: bool) -> None:
        self._connection = connection
        self._path = path
        self._read_only = read_only
        self._closed = False
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
        await asyncio.to_thread(require_file if read_only else create_private, path)
        store = cls(connect(path, read_only=read_only), path, read_only=read_only)
        try:
            await store._connection
        except sqlite3.Error as error:
            raise explain(path, error) from error
        try:
            await store._prepare()
        except BaseException as error:
            with suppress(sqlite3.Error, ValueError):
                await store._connection.close()
            if isinstance(error, sqlite3.Error):
                raise explain(path, error) from error
            raise
        return store

    async def _prepare(self) -> None:
        await set_up(self._connection, read_only=self._read_only)
        if self._read_only:
            await check(self._connection, self._path)
            return
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            await bring_up_to_date(self._connection, self._path)
            await self._connection.commit()
        except BaseException:
            with suppress(sqlite3.Error, ValueError):
                await self._connection.rollback()
            raise

    async def _write(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do something in one transaction. A caller that is cancelled meanwhile leaves it to end as a whole.

        Raises:
            StoreError: nothing was changed.
        """
        return await asyncio.shield(asyncio.ensure_future(self._transaction(work)))

    async def _transaction(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        async with self._writes:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                try:
                    result = await work()
                    await self._connection.commit()
                except BaseException:
                    with suppress(sqlite3.Error, ValueError):
                        await self._connection.rollback()
                    raise
            except (sqlite3.Error, ValueError) as error:  # ValueError: the connection is closed
                raise explain(self._path, error) from error
            return result

    async def _fetch(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        return [tuple(row) for row in await self._connection.execute_fetchall(statement, values)]

    async def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        try:
            return await self._fetch(statement, values)
        except (sqlite3.Error, ValueError) as error:
            raise explain(self._path, error) from error

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        A caller that is cancelled meanwhile leaves the transaction to end as a whole.

        Raises:
            StoreError: nothing was added.
        """
        joined = join_all(records)
        return await self._write(lambda: self._put(joined)) if joined else 0

    async def _put(self, joined: dict[bytes, Record]) -> int:
        known = await self._known(list(joined.values()))
        changed = changes(joined, known)
        moved = [known[one.key] for one in changed if one.key in known and known[one.key].day != one.day]
        days = {str(one.day) for one in (*changed, *moved)}
        many = self._connection.executemany
        await many(
            "DELETE FROM records WHERE day = ? AND key = ?", [(str(one.day), one.key) for one in moved]
        )
        await many(_PUT, [(str(one.day), *to_row(one)) for one in changed])
        await many(_REMEMBER, [(one.key, str(one.day)) for one in changed])
        await many(_TOUCH, [(day,) for day in sorted(days)])
        return len(joined) - len(known)

    async def _known(self, wanted: list[Record]) -> dict[bytes, Record]:
        known: dict[bytes, Record] = {}
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            some = wanted[start : start + KEYS_AT_ONCE]
            statement = (
                f"SELECT {_QUALIFIED} FROM recent JOIN records USING (day, key)"  # noqa: S608 - constants
                f" WHERE recent.key IN ({','.join('?' * len(some))})"
            )
            found = [to_record(row) for row in await self._fetch(statement, [one.key for one in some])]
            known |= {one.key: one for one in found}
            places = [
                (str(day), one.key)
                for one in some
                if one.key not in known
                for day in (one.day, one.day - _DAY, one.day + _DAY)
            ]
            if not places:
                continue
            statement = (
                f"WITH place (day, key) AS (VALUES {','.join(['(?, ?)'] * len(places))})"  # noqa: S608
                f" SELECT {_QUALIFIED} FROM place CROSS JOIN records USING (day, key)"
            )
            rows = await self._fetch(statement, [value for place in places for value in place])
            known |= {one.key: one for one in map(to_record, rows)}
        return known

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
        statement, values = _select(line, since, until, most)
        if self._closed:
            raise explain(self._path, ValueError())
        # By a connection of its own: an open cursor would keep this one from being settled.
        reader = connect(self._path, read_only=True)
        try:
            await reader
            try:
                await set_up(reader, read_only=True)
                async with reader.execute(statement, values) as cursor:
                    while rows := list(await cursor.fetchmany(_ROWS_AT_ONCE)):
                        for row in rows:
                            yield to_record(tuple(row))
            finally:
                await reader.close()
        except (sqlite3.Error, ValueError) as error:
            raise explain(self._path, error) from error

    async def counts(self, month: Month) -> list[Count]:
        """Return a month's calls, counted: those whose records are there and those whose records are gone.

        One consistent look, ordered by their fields; no two differ in `calls` alone.

        Raises:
            StoreError: they cannot be read.
        """
        statement = (
            f"SELECT {_GROUP}, count(*) FROM records WHERE day >= ? AND day < ?"  # noqa: S608 - constants
            f" GROUP BY {_GROUP} UNION ALL SELECT {_GROUP}, calls FROM months WHERE month = ?"
        )
        return tally(await self._read(statement, (str(month.first), str(month.after), str(month))))

    async def purge(self, cutoffs: Cutoffs, *, most: int = PURGE_AT_ONCE) -> int:
        """Turn some records that are over into monthly counts and return how many; 0 when none is left.

        Records of a line that a hold protects stay. Counting and deleting are one transaction.

        Raises:
            StoreError: nothing was deleted.
        """
        over, values = _over(cutoffs)
        # Looked for before the file is locked: there may be many to look through, and mostly there is none.
        first = await self._read(f"SELECT day FROM records WHERE {over} ORDER BY day LIMIT 1", values)  # noqa: S608
        if not first:
            return 0
        statement = (
            f"SELECT day, key, {_GROUP}, 1 FROM records WHERE day >= ? AND {over}"  # noqa: S608 - constants
            " ORDER BY day, key LIMIT ?"
        )
        return await self._write(lambda: self._purge(statement, (first[0][0], *values, most)))

    async def _purge(self, statement: str, values: Sequence[Any]) -> int:
        rows = await self._fetch(statement, values)
        many = self._connection.executemany
        await many(_COUNT, tally_months((day[:7], *group) for day, _, *group in rows))
        await many("DELETE FROM records WHERE day = ? AND key = ?", [(row[0], row[1]) for row in rows])
        await many("DELETE FROM recent WHERE key = ?", [(row[1],) for row in rows])
        if rows:
            await self._connection.execute(_TOUCH, (WHOLE,))
        return len(rows)

    async def due(self, cutoffs: Cutoffs) -> dict[str, int]:
        """Return how many records of each line `purge` would delete, lines with none left out.

        Raises:
            StoreError: they cannot be read.
        """
        over, values = _over(cutoffs)
        statement = f"SELECT line, count(*) FROM records WHERE {over} GROUP BY line"  # noqa: S608 - constants
        return {str(row[0]): int(row[1]) for row in await self._read(statement, values)}

    async def hold(self, hold: Hold) -> None:
        """Add a hold, or put another reason in place of the one that the line has.

        Raises:
            StoreError: nothing was changed.
        """
        statement = (
            "INSERT INTO holds (line, since, reason) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET reason = excluded.reason"
        )
        values = (hold.line, str(hold.since), hold.reason)

        async def put() -> None:
            await self._connection.execute(statement, values)

        await self._write(put)

    async def release(self, line: str) -> bool:
        """Take a line's hold away and return whether there was one.

        Raises:
            StoreError: nothing was changed.
        """

        async def take_away() -> bool:
            cursor = await self._connection.execute("DELETE FROM holds WHERE line = ?", (line,))
            return cursor.rowcount > 0

        return await self._write(take_away)

    async def holds(self) -> list[Hold]:
        """Return all holds by line.

        Raises:
            StoreError: they cannot be read.
        """
        rows = await self._read("SELECT line, since, reason FROM holds ORDER BY line")
        return [Hold(line, date.fromisoformat(since), reason) for line, since, reason in rows]

    async def settle(self) -> None:
        """Take away what the files still tell of deleted records, and of the order in which others came.

        In a large file, a page that the day that goes on shares with the day before may keep a little until
        that day is over.

        Raises:
            StoreError: it could not be done now, because another program reads, say; nothing is lost, and
                the next time makes good for it.
        """
        await asyncio.shield(asyncio.ensure_future(self._settle()))

    async def _settle(self) -> None:
        touched = [str(row[0]) for row in await self._read("SELECT day FROM unsettled")]
        if touched:
            await self._write(self._put_in_order)
        rows = await self._read("SELECT times FROM unsettled WHERE day = ?", (WHOLE,))
        if rows:
            await self._write_anew(rows[0][0])
        async with self._writes:
            await self._empty_log(CHECKPOINT_SECONDS)

    async def _put_in_order(self) -> None:
        """Write the touched days anew, or leave word that the whole file has to be."""
        execute = self._connection.execute
        touched = [str(row[0]) for row in await self._fetch("SELECT day FROM unsettled")]
        newest = await self._newest()
        small = (await self._fetch("PRAGMA page_count"))[0][0] <= SMALL_PAGES
        if not small:
            await self._sweep(newest)
        if small or any(day != newest for day in touched):
            await execute(_TOUCH, (WHOLE,))
        else:
            await self._rewrite("records", "day, key", "WHERE day = ?", (newest,))
            await self._rewrite("recent", "key")
        await execute("DELETE FROM unsettled WHERE day <> ?", (WHOLE,))

    async def _newest(self) -> str:
        return str((await self._fetch("SELECT coalesce(max(day), '') FROM records"))[0][0])

    async def _sweep(self, newest: str) -> None:
        """Forget the places of records that are not recent any more, once a day."""
        if not newest or await self._fetch("SELECT 1 FROM swept WHERE newest = ?", (newest,)):
            return
        since = date.fromisoformat(newest) - RECENT_DAYS * _DAY
        await self._connection.execute("DELETE FROM recent WHERE day < ?", (str(since),))
        await self._connection.execute("DELETE FROM swept")
        await self._connection.execute("INSERT INTO swept VALUES (?)", (newest,))

    async def _rewrite(self, table: str, order: str, where: str = "", values: Sequence[Any] = ()) -> None:
        """Take rows out of a table, and only then put them back, in order."""
        execute = self._connection.execute
        await execute(f"CREATE TEMP TABLE aside AS SELECT * FROM {table} {where}", values)  # noqa: S608
        await execute(f"DELETE FROM {table} {where}", values)  # noqa: S608
        await execute(f"INSERT INTO {table} SELECT * FROM aside ORDER BY {order}")  # noqa: S608
        await execute("DROP TABLE aside")

    async def _write_anew(self, times: int) -> None:
        """Write the whole file anew: what it holds afterwards depends on its records alone."""
        async with self._writes:
            try:
                await self._connection.execute("VACUUM")
                # What it took to hold the file twice is of no use until the next time.
                await self._connection.execute("PRAGMA shrink_memory")
            except (sqlite3.Error, ValueError) as error:
                raise explain(self._path, error) from error
        # Somebody may have purged again meanwhile.
        forget = "DELETE FROM unsettled WHERE day = ? AND times = ?"

        async def done() -> None:
            await self._connection.execute(forget, (WHOLE, times))

        await self._write(done)

    async def _empty_log(self, seconds: float) -> None:
        """Bring all of the write-ahead log into the file and cut it to nothing.

        Raises:
            StoreError: it still holds something.
        """
        try:
            # Records wait behind this: it is better tried again than waited for.
            await self._connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
            try:
                rows = await self._fetch("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                await self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        except (sqlite3.Error, ValueError) as error:
            raise explain(self._path, error) from error
        if rows[0][0]:
            raise StoreError(
                f"The record store {self._path} cannot be tidied now,"
                " because another program reads or writes it."
            )

    async def close(self) -> None:
        """Release the file. What `settle` does is done as far as it can be."""
        if not self._closed and not self._read_only:
            with suppress(StoreError):
                await self.settle()
        self._closed = True
        async with self._writes:
            with suppress(sqlite3.Error, ValueError):
                await self._connection.close()


def _select(
    line: str | None, since: date | None, until: date | None, most: int | None
) -> tuple[str, list[Any]]:
    """Return the statement that reads records, and its values; see `SqliteStore.records`."""
    values: list[Any] = []
    where = []
    for condition, value in (("line = ?", line), ("day >= ?", since), ("day < ?", until)):
        if value is not None:
            where.append(condition)
            values.append(str(value))
    chosen = "records" + (f" WHERE {' AND '.join(where)}" if where else "")
    if most is not None:
        chosen = f"(SELECT * FROM {chosen} ORDER BY day DESC, key DESC LIMIT ?)"  # noqa: S608 - constants
        values.append(most)
    return f"SELECT {_ALL} FROM {chosen} ORDER BY day, key", values  # noqa: S608 - constants


def _over(cutoffs: Cutoffs) -> tuple[str, list[Any]]:
    """Return the condition for records that are over and not held, and its values."""
    values: list[Any] = [str(cutoffs.latest)]
    each = "?"
    if cutoffs.lines:
        each = f"CASE line {'WHEN ? THEN ? ' * len(cutoffs.lines)}ELSE ? END"
        values += [value for line, day in cutoffs.lines.items() for value in (line, str(day))]
    values += [str(cutoffs.others), ALL_LINES]
    return (
        f"day < ? AND day < {each} AND line NOT IN (SELECT line FROM holds)"  # noqa: S608 - constants
        " AND NOT EXISTS (SELECT 1 FROM holds WHERE line = ?)"
    ), values
