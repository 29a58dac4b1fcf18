"""What every store of records can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from callveil.record import Record


class StoreError(Exception):
    """A store that cannot be opened, read or written; the text says what to do."""


class Store(Protocol):
    """Keeps one record a call."""

    async def add(self, records: Iterable[Record]) -> int:
        """Commit records in one transaction and return how many calls were new; a known call's are joined.

        Raises:
            StoreError: nothing was added.
        """

    def records(self, *, line: str | None = None) -> AsyncIterator[Record]:
        """Yield records by day, in an order within a day that says nothing about the calls' order."""

    async def close(self) -> None:
        """Release the store."""
