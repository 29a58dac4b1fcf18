"""What has been agreed with one person, as plain immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


class ContactsError(Exception):
    """The contacts cannot be asked; the text says why, without any number."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of the week in which somebody may be called.

    Attributes:
        days: weekdays on which it begins, Monday is 0.
        begins: minutes after midnight.
        ends: minutes after midnight; not later than `begins` where it ends on the next day.
    """

    days: frozenset[int]
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Contact:
    """The rule for one person, without the number.

    Attributes:
        outbound: `callveil.policy.model.HIDE`, the key of an identity or a pool, `NEUTRAL` where the person's
            telephone rejects hidden calls, or empty where nothing is agreed about the caller ID.
        hours: when the person may be called; empty means at any time.
        zone: IANA name of the time zone of `hours`.
        expires: the last day on which all this holds; None means until it is removed.
    """

    outbound: str = ""
    hours: tuple[Hours, ...] = ()
    zone: str = ""
    expires: date | None = None
