"""Whether today can be believed: a clock that is wrong must not delete what is to be kept.

A machine with an empty battery may start in another year, and its time is corrected a few minutes later. So
a day that is far beyond the last one on which Callveil ran is only believed after some hours of running. A
clock that is behind needs no care: by it, less is over.
"""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from callveil.whole_files import write_whole

NAME: Final = "last-day"
"""The file's name; it holds the last day on which Callveil ran."""

AWAY: Final = timedelta(days=7)
"""For so long a machine may be off without anybody wondering."""

DOUBT: Final = 3 * 60 * 60.0
"""Seconds of running after which a day that is further away is believed."""


class LastDay:
    """Remembers the last day that was believed.

    Args:
        folder: where its file is kept. Without a file any day is believed: there is nothing to compare with.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: date | None = None
        self._read = False
        self._doubted: date | None = None
        self._since = 0.0

    def believes(self, today: date, now: float) -> bool:
        """Return whether a day can be believed, and remember it if so.

        Args:
            today: what the clock says.
            now: seconds on a clock that is never set.
        """
        if not self._read:
            self._known, self._read = _read_day(self._path), True
        if today == self._known:
            self._doubted = None
            return True
        if self._known and today - self._known > AWAY:
            if self._doubted is None or abs(today - self._doubted) > AWAY:
                self._doubted, self._since = today, now
            if now - self._since < DOUBT:
                return False
        self._doubted, self._known = None, today
        with contextlib.suppress(OSError):  # said by whoever else writes there; a doubt too many does no harm
            write_whole(self._path, f"{today.isoformat()}\n")
        return True

    def doubt(self, today: date) -> str:
        """Return what to say of a day that is not believed."""
        days = (today - self._known).days if self._known else 0
        return (
            f"By the clock today is {today.isoformat()}, {days} days after Callveil ran last. In case that is"
            f" wrong, no records are deleted until it has run for {DOUBT / 3600:.0f} hours. Check the time."
        )


def _read_day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
