"""Times and durations, as fine as a line may keep them.

A time is ``2026-11-24``, ``2026-11-24T13`` or ``2026-11-24T13:05:07``: its length says how fine it is. A
duration is one of `BUCKETS`, or minutes as ``7min`` (whole ones, rounded down), or seconds as ``431s``.
``0`` is nobody spoke, whatever the line keeps. An exact time can be matched with somebody's own telephone
bill.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import date
from typing import Final, Literal

Time = Literal["day", "hour", "exact"]
"""How fine a line keeps the beginning of a call."""

Duration = Literal["bucket", "minute", "exact"]
"""How fine a line keeps how long the parties spoke."""

TIMES: Final[tuple[Time, ...]] = ("day", "hour", "exact")
"""From the coarsest to the finest."""

DURATIONS: Final[tuple[Duration, ...]] = ("bucket", "minute", "exact")
"""From the coarsest to the finest."""

BUCKETS: Final = ("0", "1-59s", "1-4min", "5-14min", "15-29min", "30-59min", "60min+")
"""How long the parties spoke, coarsened. `0` means that nobody spoke."""

BUCKETS_IN_WORDS: Final = {
    "1-59s": "under 1 minute",
    "1-4min": "1 to 4 minutes",
    "5-14min": "5 to 14 minutes",
    "15-29min": "15 to 29 minutes",
    "30-59min": "30 to 59 minutes",
    "60min+": "1 hour or more",
}
"""What people are told of a bucket. Of `0` it depends on what lasted so long."""

_BUCKET_BEGINS: Final = (0, 1, 60, 300, 900, 1800, 3600)
_TIME_LENGTHS: Final = {"day": 10, "hour": 13, "exact": 19}
# A clock without a battery begins at 1970; the calls of then count, too.
_TIME: Final = re.compile(
    r"((19[7-9][0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2})(T([01][0-9]|2[0-3])(:[0-5][0-9]:[0-5][0-9])?)?"
)
_SPOKEN: Final = re.compile(r"(0|[1-9][0-9]{0,5})min|[1-9][0-9]{0,7}s")


def bucket(seconds: int) -> str:
    """Return the bucket for a number of seconds of speech."""
    return BUCKETS[max(0, bisect_right(_BUCKET_BEGINS, seconds) - 1)]


def is_time(text: str) -> bool:
    """Return whether a text is a time in one of the three forms, and a time that exists."""
    found = _TIME.fullmatch(text)
    if not found:
        return False
    try:
        date.fromisoformat(found[1])
    except ValueError:
        return False
    return True


def is_duration(text: str) -> bool:
    """Return whether a text is a duration in one of the three forms."""
    return text in BUCKETS or _SPOKEN.fullmatch(text) is not None


def coarsen_time(text: str, to: Time) -> str:
    """Return a time as fine as `to`, or as it is where it is coarser already."""
    return text[: _TIME_LENGTHS[to]]


def coarsen_seconds(seconds: int, to: Duration) -> str:
    """Return a number of seconds of speech as fine as `to`."""
    if seconds < 1 or to == "bucket":
        return bucket(seconds)
    return f"{seconds // 60}min" if to == "minute" else f"{seconds}s"


def coarsen_duration(text: str, to: Duration) -> str:
    """Return a duration as fine as `to`, or as it is where it is coarser already."""
    if text in BUCKETS or DURATIONS.index(to) >= DURATIONS.index(_fineness(text)):
        return text
    return coarsen_seconds(_begins(text), to)


def as_bucket(text: str) -> str:
    """Return the bucket that a duration lies in."""
    return coarsen_duration(text, "bucket")


def earliest(one: str, other: str) -> str:
    """Return the earlier of two times, as fine as the coarser one."""
    length = min(len(one), len(other))
    return min(one[:length], other[:length])


def longest(one: str, other: str) -> str:
    """Return the longer of two durations, as fine as the coarser one; ``0`` is coarser than nothing."""
    if BUCKETS[0] in (one, other):
        return other if one == BUCKETS[0] else one
    to = min(_fineness(one), _fineness(other), key=DURATIONS.index)
    return max(coarsen_duration(one, to), coarsen_duration(other, to), key=_begins)


def _fineness(text: str) -> Duration:
    if text in BUCKETS:
        return "bucket"
    return "minute" if text.endswith("min") else "exact"


def _begins(text: str) -> int:
    """Return the least number of seconds that a duration can mean."""
    if text in BUCKETS:
        return _BUCKET_BEGINS[BUCKETS.index(text)]
    number = int(text.removesuffix("min").removesuffix("s"))
    # Under a minute of speech is not nothing.
    return max(1, number * 60) if text.endswith("min") else number
