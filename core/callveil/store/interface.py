"""What every store of records can do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol, Self

from callveil.record import Record

PURGE_AT_ONCE: Final = 1000
"""Most records that one transaction of a purge deletes, so that nobody who writes waits for long."""


_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


class StoreError(Exception):
    """A store that cannot be opened, read or written; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, as ``2026-10``."""

    year: int
    month: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the month that is written as ``2026-10``.

        Raises:
            ValueError: it is not written so.
        """
        found = _MONTH.fullmatch(text)
        if not found:
            raise ValueError("a month is written as 2026-10")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def after(self) -> date:
        """The first day after it."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls of a month had all of this in common. It is all that is left of purged records.

    Attributes:
        line, direction, decision, disposition: as in `Record`.
        spoken: a bucket, also where the line keeps more.
        queue, outcome, waited: as in `callveil.record.QueueVisit`; empty without a queue.
        calls: how many.
    """

    line: str
    direction: str
    decision: str
    disposition: str
    spoken: str
    queue: str
    outcome: str
    waited: str
    calls: int


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Up to when records are deleted: those that began before these days.

    Attributes:
        lines: the day for each line of the policy.
        others: the day for records of lines that the policy does not have.
    """

    lines: Mapping[str, date] = field(default_factory=dict)
    others: date = date.min

    def of(self, line: str) -> date:
        """The day for one line."""
        return self.lines.get(line, self.others)

    @property
    def latest(self) -> date:
        """The day from which on no line's records are over."""
        return max(self.others, *self.lines.values()) if self.lines else self.others


ALL_LINES: Final = ""
"""The line of a hold on everything; no line of a policy has an empty name."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A stop of all deletion, for a court or a lawyer. It keeps what is there and never widens what is kept.

    Attributes:
        line: the line that it protects, or `ALL_LINES`.
        since: the day on which it was made.
        reason: in the program's words.
    """

    line: str
    since: date
    reason: str


class EarlierLayoutError(StoreError):
    """The store is still as an earlier version made it, and was opened only to be read."""


class Store(Protocol):
    """Keeps one record a call, for several processes at once."""

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        Raises:
            StoreError: nothing was added.
        """

    def records(
        self,
        *,
        line: str | None = None,
        since: date | None = None,
        until: date | None = None,
        most: int | None = None,
    ) -> AsyncIterator[Record]:
        """Yield records by day, in an order within a day that says nothing about the calls' order.

        Args:
            line: only those of this line.
            since: only those that began on this day or later.
            until: only those that began before this day.
            most: at most so many, the latest days first to be kept; yielded by day all the same.

        Raises:
            StoreError: they cannot be read.
        """

    async def counts(self, month: Month) -> list[Count]:
        """Return a month's calls, counted: those whose records are there and those whose records are gone.

        One consistent look, ordered by their fields; no two differ in `calls` alone.

        Raises:
            StoreError: they cannot be read.
        """

    async def settle(self) -> None:
        """Take away what the files still tell of deleted records, and of the order in which others came.

        What was touched since the last time, by this or another process, is written anew in the order of the
        records' random keys; a log of changes and free space hold nothing of older states any more. A large
        store that a purge or a new day has touched is written anew as a whole, and others who write wait.

        Raises:
            StoreError: it could not be done now, because another program reads, say; nothing is lost, and
                the next time makes good for it.
        """

    async def purge(self, cutoffs: Cutoffs, *, most: int = PURGE_AT_ONCE) -> int:
        """Turn some records that are over into monthly counts and return how many; 0 when none is left.

        Records of a line that a hold protects stay. Counting and deleting are one transaction.

        Raises:
            StoreError: nothing was deleted.
        """

    async def due(self, cutoffs: Cutoffs) -> dict[str, int]:
        """Return how many records of each line `purge` would delete, lines with none left out.

        Raises:
            StoreError: they cannot be read.
        """

    async def hold(self, hold: Hold) -> None:
        """Add a hold, or put another reason in place of the one that the line has.

        Raises:
            StoreError: nothing was changed.
        """

    async def release(self, line: str) -> bool:
        """Take a line's hold away and return whether there was one.

        Raises:
            StoreError: nothing was changed.
        """

    async def holds(self) -> list[Hold]:
        """Return all holds by line.

        Raises:
            StoreError: they cannot be read.
        """

    async def close(self) -> None:
        """Release the store. What `settle` does is done as far as it can be."""
