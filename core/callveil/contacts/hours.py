"""Whether somebody may be called now."""

from __future__ import annotations

from datetime import datetime

from callveil.contacts.model import Contact, Hours


def may_be_called(contact: Contact, now: datetime | None) -> bool:
    """Return whether the moment lies within the hours that were agreed.

    Where it cannot be known, because nobody says what time it is or the time zone is not installed, the
    answer is no: staff are then asked, not kept from calling.

    Args:
        contact: with its hours.
        now: any time zone, but one it must have.
    """
    if not contact.hours:
        return True
    if now is None:
        return False
    # Loaded only here: most contacts have no hours, and a script for each call must not pay for it.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    try:
        local = now.astimezone(ZoneInfo(contact.zone))
    except (OSError, ValueError, KeyError):  # KeyError: no such zone
        return False
    minute = local.hour * 60 + local.minute
    return any(_holds(hours, local.weekday(), minute) for hours in contact.hours)


def _holds(hours: Hours, weekday: int, minute: int) -> bool:
    if hours.begins < hours.ends:
        return weekday in hours.days and hours.begins <= minute < hours.ends
    # Over midnight: the evening belongs to the day on which it begins, and so does the night after it.
    evening = weekday in hours.days and minute >= hours.begins
    return evening or ((weekday - 1) % 7 in hours.days and minute < hours.ends)
