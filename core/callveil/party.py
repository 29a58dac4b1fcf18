"""What a record keeps of the other party: of who called, or of who was called.

A flagged line keeps nothing. Another line may keep one of these, which can be told apart by their form:

- ``US``: the country of the number (`country`). Nothing finer: an exchange tells where somebody lives.
- ``~`` and 32 hexadecimal digits: the same for the same number on the same line and day (`repeat`), so that
  repeated calls can be counted. This is a pseudonym, not anonymous: whoever holds the key of the day can try
  all numbers. The key is in the memory of one process only and new every day.
- a number, as ``+12065550123``, or a short one as it was dialled (`full`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

PartyKept = Literal["none", "country", "repeat", "full"]
"""What a line keeps of the other party."""

PARTY_KEPT: Final[tuple[PartyKept, ...]] = ("none", "country", "repeat", "full")

_FORMS: Final[dict[PartyKept, re.Pattern[str]]] = {
    "none": re.compile(""),
    "country": re.compile(r"[A-Z]{2}"),
    "repeat": re.compile(r"~[0-9a-f]{32}"),
    "full": re.compile(r"\+[0-9]{6,15}|[0-9]{2,6}"),
}


def party_kind(text: str) -> PartyKept | None:
    """Return what a text keeps of somebody, or None where no record can hold it."""
    return next((kind for kind, form in _FORMS.items() if form.fullmatch(text)), None)


def limit_party(text: str, to: PartyKept) -> str:
    """Return what is kept of somebody if a line keeps just that, else nothing."""
    return text if party_kind(text) == to else ""


Pseudonym = Callable[[str, str], str]
"""Returns the pseudonym of a number on a line, given the line's name and the number."""


def keep_party(kept: PartyKept, line: str, number: str, pseudonym: Pseudonym | None = None) -> str:
    """Return what a record keeps of somebody; nothing where it cannot be known.

    Args:
        kept: what the line keeps.
        line: the policy's name of the line.
        number: in E.164, or a short one as it was dialled; anything else is no number that could be kept.
        pseudonym: makes pseudonyms; None where no process lives long enough to make the same one twice.
    """
    if kept == "none" or not _FORMS["full"].fullmatch(number):
        return ""
    match kept:
        case "full":
            return number
        case "repeat":
            return pseudonym(line, number) if pseudonym else ""
        case "country":
            return _country(number)


def _country(number: str) -> str:
    """Return the ISO 3166 code of a number's country; nothing for one that several or none have."""
    import phonenumbers  # noqa: PLC0415 - a script for each call pays for what it loads

    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
    return region if region and _FORMS["country"].fullmatch(region) else ""
