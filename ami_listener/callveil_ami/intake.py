"""Where AMI events come in: a bounded queue of records, filled by a callback that cannot fail."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Final

from callveil.record import Record

from callveil_ami.events import Problem, read_cdr
from callveil_ami.queues import QUEUE_EVENTS, Queues
from callveil_ami.waiting import say

log = logging.getLogger(__name__)

CAPACITY: Final = 10_000
"""Records held in memory, a few megabytes. Asterisk's connection is never made to wait for them instead:
it would cut it off (``writetimeout``). What does not fit is in the journal."""


class Intake:
    """Records from AMI on their way to the store.

    Args:
        troubles: where it says what is wrong.
        capacity: how many records it holds.

    Attributes:
        arrived: set while there are records.
        ignored: events of calls that Callveil's dialplan did not see.
        unreadable: events that are Callveil's and are no record.
        overflowed: records that found it full.
    """

    def __init__(self, troubles: dict[str, str], capacity: int = CAPACITY) -> None:
        self._troubles = troubles
        self._capacity = capacity
        self._waiting: deque[Record] = deque()
        self._queues = Queues()
        self.arrived = asyncio.Event()
        self.ignored = 0
        self.unreadable = 0
        self.overflowed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, headers: Mapping[str, object]) -> None:
        """Take in one event of `callveil_ami.session.HEARD`.

        Never raises: an error in here would cost the connection.
        """
        try:
            if headers.get("Event") in QUEUE_EVENTS:
                self._queues.hear(headers)
                return
            found = read_cdr(headers, self._queues.visit(headers))
        except Exception as error:
            found = Problem(f"reading it failed ({type(error).__name__})")
        if found is None:
            self.ignored += 1
        elif isinstance(found, Problem):
            self.unreadable += 1
            if say(self._troubles, "events", f"An event from Asterisk is no record: {found.text}."):
                log.warning("An event from Asterisk is no record: %s. The journal may hold it.", found.text)
        elif len(self._waiting) >= self._capacity:
            self.overflowed += 1
            text = "Records come faster than the store takes them; the journal holds those that do not fit."
            if say(self._troubles, "queue", text):
                log.warning(text)
        else:
            self._waiting.append(found)
            self.arrived.set()
            self._troubles.pop("events", None)

    def next_batch(self, most: int) -> list[Record]:
        """Remove and return the oldest records, at most so many."""
        batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting:
            self.arrived.clear()
            if self._troubles.pop("queue", None):
                log.warning("The store takes records again; %d were left to the journal", self.overflowed)
        return batch
