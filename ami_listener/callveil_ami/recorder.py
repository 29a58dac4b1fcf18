"""The one writer of the store: records from AMI and from the journal meet here, each kept once by its key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from callveil.record import Record
from callveil.store.interface import Store, StoreError

from callveil_ami.intake import Intake
from callveil_ami.waiting import Backoff, first_of, say

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Most records in one transaction."""

_Result = TypeVar("_Result")

LONGEST_REFUSAL: Final = 5.0
"""Seconds for which a store that could not be opened is not tried again, at most."""


class Recorder:
    """Commits records to a store that it opens when first needed, and again after a failure.

    Args:
        open_store: opens the store; raises `StoreError` if it cannot.
        troubles: where it says what is wrong.
        limit: returns a record with nothing more in it than the policy in force lets its line keep.

    Attributes:
        recorded: new records that it committed.
        writes: grows with each write to the store.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[Store]],
        troubles: dict[str, str],
        limit: Callable[[Record], Record] = lambda record: record,
    ) -> None:
        self._open_store = open_store
        self._troubles = troubles
        self._limit = limit
        self._store: Store | None = None
        self._opening = asyncio.Lock()
        self._refusal = ""
        self._not_before = 0.0
        self._held: list[Record] = []
        self.recorded = 0
        self.writes = 0

    async def commit(self, records: Sequence[Record]) -> int:
        """Commit records and return how many were new.

        Raises:
            StoreError: none was committed; it has been said already.
        """
        added = await self.use(lambda store: store.add(map(self._limit, records)))
        self.writes += bool(records)
        self.recorded += added
        return added

    async def use(self, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
        """Return what some work on the store returns. After a failure the store is opened again for the next.

        Raises:
            StoreError: the work was not done; it has been said already.
        """
        try:
            result = await work(await self._ready())
        except StoreError as error:
            if say(self._troubles, "store", f"{error} Calls go on, and the journal holds their records."):
                log.warning("%s", error)
            await self.close()
            raise
        self._say_it_works()
        return result

    async def settle(self) -> None:
        """Settle the store.

        Raises:
            StoreError: it could not be done now.
        """
        store = await self._ready()
        try:
            await store.settle()
        except StoreError:
            # A store that another program reads just now is kept open; one that is lost is opened again.
            await self.use(lambda store: store.holds())
            raise
        self._say_it_works()

    def _say_it_works(self) -> None:
        if self._troubles.pop("store", None):
            log.warning("The record store works again")

    async def _ready(self) -> Store:
        async with self._opening:
            if self._store is None:
                self._store = await self._open_patiently()
            return self._store

    async def _open_patiently(self) -> Store:
        clock = asyncio.get_running_loop().time
        began = clock()
        if began < self._not_before:
            raise StoreError(self._refusal)
        try:
            return await self._open_store()
        except StoreError as error:
            # To find that a large file is damaged takes a while, and many ask for it.
            self._refusal = str(error)
            self._not_before = clock() + min(LONGEST_REFUSAL, 10 * (clock() - began))
            raise

    async def check(self) -> None:
        """Open the store before the first record comes, so that what is wrong with it is said at once."""
        try:
            await self.commit(())
        except StoreError:
            return

    async def record_events(self, intake: Intake, wake: asyncio.Event, stop: asyncio.Event) -> None:
        """Commit what comes in until told to stop, and then what is left.

        Args:
            intake: where records come from.
            wake: set after each commit, because the journal then has the same records.
            stop: ends it.
        """
        backoff = Backoff()
        await self.check()
        while True:
            # Held until committed: whatever ends this early, the next run begins with them.
            self._held = self._held or intake.next_batch(BATCH)
            if not self._held:
                if stop.is_set():
                    return
                await first_of(intake.arrived, stop)
                continue
            try:
                await self.commit(self._held)
            except StoreError:
                if stop.is_set():
                    return  # the journal holds them
                await first_of(stop, seconds=backoff.pause())
                continue
            self._held = []
            backoff.reset()
            wake.set()

    async def close(self) -> None:
        """Release the store."""
        async with self._opening:
            store, self._store = self._store, None
            if store is not None:
                await store.close()
