"""A store with a million records: how long people wait for what they ask of it, and records for that."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from statistics import median
from typing import Final

from callveil.record import Record
from callveil.store.interface import Cutoffs, Month, Store, StoreError

from bench.figures import Figure, Goal, alternate, number
from bench.stores import STORES, NewStore, open_store
from bench.writer import Writer, new_record

ROWS: Final = 1_000_000
FEWER: Final = 100_000
"""Records in the store that is compared."""

DAYS: Final = 365
LINES: Final = 8
PURGED: Final = 100_000
"""Records that are deleted while others are written."""

QUIET: Final = 5.0
"""Seconds in which nothing but the writer works on the store."""

PAUSE: Final = 0.5
"""Seconds before settling is tried again."""

SECOND: Final = Goal(1000, own=True)

_TODAY: Final = date.today()
_FIRST: Final = _TODAY - timedelta(days=DAYS - 1)
_SPOKEN: Final = ("0", "1-59s", "1-4min", "5-14min", "15-29min", "30-59min", "60min+")


def records(count: int) -> Iterator[Record]:
    """Yield records of a year that ends today, on several lines, by day and key."""
    for place in range(DAYS):
        day = (_FIRST + timedelta(days=place)).isoformat()
        first, after = count * place // DAYS, count * (place + 1) // DAYS
        for turn, key in enumerate(sorted(os.urandom(16) for _ in range(after - first)), start=first):
            spoken = _SPOKEN[turn % len(_SPOKEN)]
            goes_in = turn % 3 == 0
            yield Record(
                key=key,
                line=f"line{turn % LINES}",
                direction="in" if goes_in else "out",
                decision="scrub" if goes_in else "hide",
                began=day,
                spoken=spoken,
                disposition="NO ANSWER" if spoken == "0" else "ANSWERED",
            )


class Asked:
    """An open store that is asked things, each in turn.

    Args:
        runner: has the event loop.
        new: the store, filled.

    Attributes:
        in_vain: how many times settling did not succeed.
    """

    def __init__(self, runner: asyncio.Runner, new: NewStore) -> None:
        self._runner = runner
        self._store: Store = runner.run(open_store(new.address))
        self._over = 0
        self.in_vain = 0

    def nothing(self) -> None:
        """Do nothing."""

    def one_more(self) -> None:
        """Add the record of a call of today."""
        self._do(self._store.add([new_record()]))

    def counts(self) -> None:
        """Count a month of which all records are there."""
        month = Month(_TODAY.year, _TODAY.month)
        last = month.first - timedelta(days=1)
        self._do(self._store.counts(Month(last.year, last.month)))

    def latest(self) -> None:
        """Read the last thousand records."""

        async def read() -> None:
            assert len([one async for one in self._store.records(most=1000)]) == 1000

        self._do(read())

    def due(self) -> None:
        """Ask how many records are over."""
        self._do(self._store.due(self._cutoffs(30)))

    def year(self) -> None:
        """Count each month of the year, as whoever makes twelve reports does."""
        for place in range(12):
            month = _FIRST.month - 1 + place
            self._do(self._store.counts(Month(_FIRST.year + month // 12, month % 12 + 1)))

    def next_day(self) -> None:
        """Delete the records of the earliest day that there is."""
        self.purge(1)

    def purge(self, days: int) -> int:
        """Delete the records of so many more days and return how many they were.

        After each transaction there is as long a breath for others as it took, as in `callveil serve`.
        """
        self._over += days
        over, gone = self._cutoffs(self._over), 0

        async def delete() -> int:
            began = time.perf_counter()
            deleted = await self._store.purge(over)
            await asyncio.sleep(time.perf_counter() - began)
            return deleted

        while deleted := self._runner.run(delete()):
            gone += deleted
        return gone

    def settle(self) -> None:
        """Settle the store; where others who write are in the way, try again after a moment."""
        while True:
            try:
                return self._do(self._store.settle())
            except StoreError:
                self.in_vain += 1
                time.sleep(PAUSE)

    def _cutoffs(self, days: int) -> Cutoffs:
        day = _FIRST + timedelta(days=days)
        return Cutoffs({f"line{place}": day for place in range(LINES)}, day)

    def _do(self, work: Awaitable[object]) -> None:
        async def wait() -> None:
            await work

        self._runner.run(wait())

    def close(self) -> None:
        """Close the store."""
        self._do(self._store.close())


def milliseconds(work: Callable[[], object], before: Callable[[], object]) -> float:
    """Return how long something takes, after something that does not count."""
    before()
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


ASKED: Final[dict[str, tuple[Callable[[Asked], object], Callable[[Asked], object]]]] = {
    "counts of a month": (Asked.nothing, Asked.counts),
    "the latest 1,000 records": (Asked.nothing, Asked.latest),
    "how many records are over": (Asked.nothing, Asked.due),
    "purge of a day": (Asked.nothing, Asked.next_day),
    "settling after a purge": (Asked.next_day, Asked.settle),
    "settling after a call": (Asked.one_more, Asked.settle),
}
"""What is measured, by its name: what comes before it, and what it is."""


def measure() -> Iterator[Figure]:
    """Yield the figures of a store with very many records."""
    for name, new_store in STORES.items():
        with ExitStack() as stack:
            runner = stack.enter_context(asyncio.Runner())
            large, small = stack.enter_context(new_store()), stack.enter_context(new_store())
            large.fill(records(ROWS))
            small.fill(records(FEWER))
            asked = [Asked(runner, large), Asked(runner, small)]
            for one in asked:
                stack.callback(one.close)
            yield from waited_for(name, *asked)
            yield from in_the_way(name, large.address, asked[0])


def waited_for(name: str, large: Asked, small: Asked) -> Iterator[Figure]:
    """Yield how long the answers take."""
    for what, (before, ask) in ASKED.items():
        ways = [partial(milliseconds, partial(ask, one), partial(before, one)) for one in (large, small)]
        alternate(ways, rounds=1)
        of_large, of_small = alternate(ways)
        yield Figure(
            f"{name}, {ROWS:,} records: {what}", "ms", of_large, of_small, f"{FEWER:,} records", SECOND
        )


def in_the_way(name: str, address: str, asked: Asked) -> Iterator[Figure]:
    """Yield how long a record takes to be written while others work on the store."""
    days = round(PURGED / ROWS * DAYS)
    works: dict[str, Callable[[], object]] = {
        "twelve reports are made": asked.year,
        f"{PURGED:,} records are deleted": lambda: asked.purge(days),
        "it is settled after that": asked.settle,
    }
    asked.in_vain = 0
    with Writer(address) as writer:
        alone = writer.waits(lambda: time.sleep(QUIET))
        for what, work in works.items():
            waits = writer.waits(work)
            yield Figure(
                f"{name}, {ROWS:,} records: the slowest of others' records while {what}",
                "ms",
                [max(waits)],
                [max(alone)],
                "else",
                SECOND,
                f"medians {number(median(waits))} and {number(median(alone))} ms; {len(waits)} meanwhile"
                + (f"; settling was tried {asked.in_vain} times in vain" if asked.in_vain else ""),
            )
