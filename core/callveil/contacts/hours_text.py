"""Hours as people write them and as they read them: ``mon-fri 09:00-17:00``."""

from __future__ import annotations

import re
from typing import Final

from callveil.contacts.model import Hours

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAILY: Final = "daily"
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_MINUTES: Final = 24 * 60
_WEEK: Final = frozenset(range(7))
_FROM_TO: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")

EXAMPLE: Final = 'Write hours as "mon-fri 09:00-17:00", "sat,sun 10:00-12:00" or "daily 22:00-06:00".'


class HoursError(ValueError):
    """Text that tells no hours; it says why, and does not repeat the text."""


def parse_hours(text: str) -> Hours:
    """Return the hours that a text tells.

    Days are three letters each, alone (``sat``), from one to another (``mon-fri``, ``fri-mon``), several with
    commas between them, or ``daily``. Times are on the 24-hour clock; an end that is not later than the begin
    is on the next day.

    Raises:
        HoursError: if it tells none.
    """
    words = text.lower().split()
    if len(words) != 2:
        raise HoursError(f"These hours must be days and then times. {EXAMPLE}")
    days = _parse_days(words[0])
    return Hours(days, *_parse_times(words[1]))


def write_hours(hours: Hours) -> str:
    """Return the text that `parse_hours` reads as these hours."""
    days = DAILY if hours.days == _WEEK else ",".join(_runs(hours, DAYS, "-"))
    return f"{days} {_clock(hours.begins)}-{_clock(hours.ends)}"


def hours_in_words(hours: Hours) -> str:
    """Return hours for people, as ``Monday to Friday 09:00 to 17:00``."""
    days = "every day" if hours.days == _WEEK else _join(_runs(hours, _NAMES, " to "))
    whole = hours.begins == 0 and hours.ends == _DAY_MINUTES
    night = " of the next day" if hours.ends <= hours.begins else ""
    times = "all day" if whole else f"{_clock(hours.begins)} to {_clock(hours.ends)}{night}"
    return f"{days} {times}"


def _parse_days(text: str) -> frozenset[int]:
    if text == DAILY:
        return _WEEK
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            begin = DAYS.index(first)
            end = DAYS.index(last) if dash else begin
        except ValueError:
            raise HoursError(f"A day is one of {', '.join(DAYS)}, or daily. {EXAMPLE}") from None
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)


def _parse_times(text: str) -> tuple[int, int]:
    found = _FROM_TO.fullmatch(text)
    if not found:
        raise HoursError(f"Times are two of the 24-hour clock with a - between them. {EXAMPLE}")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    begins, ends = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if begin_minute > 59 or end_minute > 59 or begins >= _DAY_MINUTES or ends > _DAY_MINUTES:
        raise HoursError("A time is from 00:00 to 23:59; only the end may be 24:00.")
    if begins == ends:
        raise HoursError("These hours begin and end at the same time. For a whole day write 00:00-24:00.")
    return begins, ends


def _runs(hours: Hours, names: tuple[str, ...], between: str) -> list[str]:
    """Return the days as runs of at least three and single ones. None goes over the end of a week."""
    days = sorted(hours.days)
    found: list[str] = []
    start = 0
    while start < len(days):
        end = start
        while end + 1 < len(days) and days[end + 1] == days[end] + 1:
            end += 1
        if end - start >= 2:
            found.append(f"{names[days[start]]}{between}{names[days[end]]}")
        else:
            found += [names[day] for day in days[start : end + 1]]
        start = end + 1
    return found


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
