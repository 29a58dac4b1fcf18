"""When the store is settled: soon after the last write, at the latest after a minute, never all the time."""

from __future__ import annotations

from typing import Final

QUIET: Final = 3.0
"""Seconds without a write after which it is done."""

LATEST: Final = 60.0
"""Seconds after a write after which it is done in any case."""

SHARE: Final = 0.05
"""Most of the time that it may take: after a settling of one second there is none for twenty."""


class Settling:
    """Knows the writes and the settlings, by a clock in seconds that is never set.

    A store may come with something that a Callveil before this one left to do, so it begins with a write.
    """

    def __init__(self, now: float) -> None:
        self._first: float | None = now
        self._last = now
        self._not_before = now

    def wrote(self, now: float) -> None:
        """Remember a write."""
        self._first = now if self._first is None else self._first
        self._last = now

    def is_due(self, now: float) -> bool:
        """Return whether the store is to be settled now."""
        if self._first is None or now < self._not_before:
            return False
        return now - self._last >= QUIET or now - self._first >= LATEST

    def begin(self) -> None:
        """All writes until now are being settled; those that come meanwhile are not."""
        self._first = None

    def done(self, began: float, now: float) -> None:
        """It took so long, and succeeded."""
        self._not_before = now + (now - began) * (1 / SHARE - 1)

    def failed(self, began: float, now: float, pause: float) -> None:
        """It took so long, in vain; it is tried again after a pause at least."""
        self.done(began, now)
        self._not_before = max(self._not_before, now + pause)
        self._first = began
