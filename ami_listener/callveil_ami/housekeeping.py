"""Keeps the store in order: deletes what is over, and lets no file tell what it must not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from callveil import journal_days
from callveil.policy.model import Policy
from callveil.retention import cutoffs
from callveil.store.interface import Cutoffs, StoreError

from callveil_ami.last_day import LastDay
from callveil_ami.recorder import Recorder
from callveil_ami.settling import Settling
from callveil_ami.waiting import Backoff, first_of, say

log = logging.getLogger(__name__)

POLL: Final = 1.0
"""Seconds between two looks at whether there is something to do."""

LONG: Final = 60 * 60.0
"""Seconds for which something may not succeed before that is said: others may use the store for a while."""

_MOST_PAUSE: Final = 60.0  # seconds between two attempts


class Housekeeping:
    """Works on the recorder's store, in small steps between which records are written.

    Args:
        recorder: has the store.
        policy: returns the policy in force.
        journal: the journal's folder: nothing is deleted while it has records of a day that is over.
        last_day: knows whether today can be believed.
        troubles: where it says what is wrong.
        today: returns the day in the PBX's time zone.
        poll: seconds between two looks.
    """

    def __init__(
        self,
        recorder: Recorder,
        policy: Callable[[], Policy],
        journal: Path,
        last_day: LastDay,
        troubles: dict[str, str],
        *,
        today: Callable[[], date] = date.today,
        poll: float = POLL,
    ) -> None:
        self._recorder = recorder
        self._policy = policy
        self._journal = journal
        self._last_day = last_day
        self._troubles = troubles
        self._today = today
        self._poll = poll
        self._seen = 0
        self._deleted = 0
        self._purged: tuple[date, Policy] | None = None
        self._purging = False
        self._purge_not_before = 0.0
        self._purge_backoff = Backoff(most=_MOST_PAUSE)
        self._settle_backoff = Backoff(most=_MOST_PAUSE)
        self._in_vain: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is due until told to stop."""
        settling = Settling(_now())
        while not stop.is_set():
            pause = await self._purge_some()
            await self._settle(settling)
            await first_of(stop, seconds=pause)

    async def _purge_some(self) -> float:
        """Delete some of what is over, if anything is and may be; return the seconds until the next look."""
        today, policy = self._today(), self._policy()
        if (self._purged and self._purged[0] == today and self._purged[1] is policy) or not self._may_purge(
            today
        ):
            return self._poll
        over = cutoffs(policy, today)
        if not self._purging and not await self._journal_is_past(over):
            return self._poll
        began = _now()
        try:
            deleted = await self._recorder.use(lambda store: store.purge(over))
        except StoreError:
            self._purge_not_before = _now() + self._purge_backoff.pause()
            return self._poll
        self._purge_backoff.reset()
        self._deleted += deleted
        self._purging = deleted > 0
        if self._purging:
            self._recorder.writes += 1
            return _now() - began  # as long a breath for all others
        if self._deleted:
            log.warning("%d records were over and are deleted; their monthly counts stay", self._deleted)
        self._deleted, self._purged = 0, (today, policy)
        return self._poll

    def _may_purge(self, today: date) -> bool:
        if _now() < self._purge_not_before:
            return False
        if self._last_day.believes(today, _now()):
            self._troubles.pop("clock", None)
            return True
        text = self._last_day.doubt(today)
        if say(self._troubles, "clock", text):
            log.warning("%s", text)
        return False

    async def _journal_is_past(self, over: Cutoffs) -> bool:
        """Return whether the journal has no record that may be in the store too, and is over."""
        try:
            is_past = await asyncio.to_thread(journal_days.is_past, self._journal, over.latest)
        except OSError:
            is_past = False
        text = (
            "Records that are over are not deleted, because the journal still has some of the same days and"
            f" cannot be brought in. See what is wrong with {self._journal}."
        )
        self._succeeded_or_say("retention", is_past, text)
        return is_past

    async def _settle(self, settling: Settling) -> None:
        if self._recorder.writes != self._seen:
            self._seen = self._recorder.writes
            settling.wrote(_now())
        if not settling.is_due(began := _now()):
            return
        settling.begin()
        try:
            await self._recorder.settle()
        except StoreError as error:
            settling.failed(began, _now(), self._settle_backoff.pause())
            text = (
                "The record store's files may still tell of deleted records, or in which order calls came:"
                f" for an hour that could not be taken away. {error} It is tried again."
            )
            self._succeeded_or_say("settling", False, text)
        else:
            settling.done(began, _now())
            self._settle_backoff.reset()
            self._succeeded_or_say("settling", True, "")

    def _succeeded_or_say(self, part: str, succeeded: bool, text: str) -> None:
        """Say what has not succeeded for long, and take it back once it has."""
        if succeeded:
            self._in_vain.pop(part, None)
            if self._troubles.pop(part, None):
                log.warning("The %s works again", part)
            return
        since = self._in_vain.setdefault(part, _now())
        if _now() - since >= LONG and say(self._troubles, part, text):
            log.warning("%s", text)


def _now() -> float:
    return asyncio.get_running_loop().time()
