"""What Asterisk's events tell of calls that wait in a queue: one visit a call, held in memory only.

Source: ``apps/app_queue.c``. Its ``QueueCallerAbandon`` says no more than that nobody took the call: it comes
too where the time in the queue ran out. Whether the caller hung up shows in what follows: the call's `Cdr`
event at once, or later.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from callveil.coarse import bucket
from callveil.record import QueueVisit

from callveil_ami.fields import fits

JOIN: Final = "QueueCallerJoin"
LEAVE: Final = "QueueCallerLeave"
ABANDON: Final = "QueueCallerAbandon"
CONNECT: Final = "AgentConnect"

QUEUE_EVENTS: Final = (JOIN, LEAVE, ABANDON, CONNECT)
"""The events of the class ``agent`` that are listened to. A call has its record without any of them."""

CAPACITY: Final = 10_000
"""Calls that wait, or have waited and are not over, that are held in memory: a few megabytes."""

LONGEST: Final = 12 * 3600.0
"""Seconds after its last event for which a call is remembered that never gets a record."""

MOMENT: Final = 2.0
"""Seconds. Whoever hangs up so soon after the queue was over gave up in it, and was not sent on."""

# A name of the PBX may stand before it, see `systemname` in `asterisk.conf`.
_CHANNEL: Final = re.compile(r"[!-~]{1,150}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


@dataclass(slots=True)
class _Wait:
    """A call that waits in a queue or did so.

    Attributes:
        queue: the queue's name.
        heard: when its last event came, as all times here in seconds of the clock.
        link: what Asterisk calls the whole call by.
        joined: when it came into the queue, if that was heard.
        over: when it was out of the queue.
        held: how long it waited, in seconds, where Asterisk said so.
        connected: whether somebody took it.
    """

    queue: str
    heard: float
    link: str
    joined: float | None = None
    over: float | None = None
    held: int | None = None
    connected: bool = False


class Queues:
    """Follows calls through queues until their records come.

    Args:
        clock: seconds that never go back.
        capacity: most calls that are remembered; the ones longest not heard of are forgotten first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._waits: OrderedDict[str, _Wait] = OrderedDict()
        self._links: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def hear(self, headers: Mapping[str, object]) -> None:
        """Take in one of `QUEUE_EVENTS`; one of an unknown shape is passed over."""
        event = headers.get("Event")
        channel, queue = _channel(headers, "Uniqueid"), headers.get("Queue")
        if event not in QUEUE_EVENTS or not channel or not isinstance(queue, str) or not fits("queue", queue):
            return
        now = self._clock()
        wait = self._waits.get(channel)
        if wait is not None and wait.connected:
            # Somebody took the call: a later queue makes that no less so.
            return
        if wait is None or event == JOIN or wait.queue != queue:
            # What the end of a wait would add may have come after the call's record: nobody would ask for it.
            if event not in (JOIN, CONNECT):
                return
            wait = _Wait(queue, now, _channel(headers, "Linkedid"))
            self._forget(channel)
            self._waits[channel] = wait
            if wait.link:
                self._links[wait.link] = channel
        wait.heard = now
        self._waits.move_to_end(channel)
        if event == JOIN:
            wait.joined = now
        else:
            wait.over = now
            wait.held = _seconds(headers, "HoldTime") if event != LEAVE else wait.held
            wait.connected = event == CONNECT
        self._make_room(now)

    def visit(self, headers: Mapping[str, object]) -> QueueVisit | None:
        """Return what was heard of a call's wait, and forget it.

        Args:
            headers: of a `Cdr` event. Where it names the channel that waited, that one is told of; else one
                of the same whole call: on a line that shows callers, the number travels on a channel of its
                own, and it is that channel that waits. Only the part that came in can have waited: a queue
                may call its agents at numbers outside, and those calls have records, too.
        """
        if headers.get("VeilDirection") != "in":
            return None
        channel = _channel(headers, "UniqueID")
        if channel not in self._waits:
            channel = self._links.get(_channel(headers, "LinkedID"), "")
        wait = self._forget(channel)
        if wait is None:
            return None
        now = self._clock()
        over = wait.over if wait.over is not None else now
        if wait.held is not None:
            waited = wait.held
        elif wait.joined is not None:
            waited = int(over - wait.joined)
        else:
            return None
        unserved = "abandoned" if now - over < MOMENT else "left"
        return QueueVisit(wait.queue, "connected" if wait.connected else unserved, bucket(waited))

    def _forget(self, channel: str) -> _Wait | None:
        wait = self._waits.pop(channel, None)
        if wait is not None and self._links.get(wait.link) == channel:
            del self._links[wait.link]
        return wait

    def _make_room(self, now: float) -> None:
        while self._waits:
            channel, oldest = next(iter(self._waits.items()))
            if len(self._waits) <= self._capacity and now - oldest.heard < LONGEST:
                return
            self._forget(channel)


def _channel(headers: Mapping[str, object], name: str) -> str:
    """Return what a header calls a channel by, or nothing where it does not have that form."""
    value = headers.get(name)
    return value if isinstance(value, str) and _CHANNEL.fullmatch(value) else ""


def _seconds(headers: Mapping[str, object], name: str) -> int | None:
    """Return a number of seconds; Asterisk's may be below zero, where its clock was set back."""
    value = headers.get(name)
    return int(value) if isinstance(value, str) and _SECONDS.fullmatch(value) else None
