"""Turns what staff dialled into one spelling: E.164 with the plus sign.

Nothing here logs, and no exception leaves with a number in it.
"""

from __future__ import annotations

import re
from typing import Final

MAX_SPELLED: Final = 40
"""Characters of a number as spelled. The longest E.164 number with its usual spacing has about 25."""

# ASCII only. `str.isdigit` and `\d` also take the digits of other scripts, and so does phonenumbers. No
# country code begins with 0; phonenumbers would drop the plus sign and guess, and a guess rings a stranger.
_PLAIN: Final = re.compile(r"[0-9]+|\+[1-9][0-9]*")
# A whole number of the numbering plan of North America, whose areas and offices never begin with 0 or 1. Most
# calls are to one, and need no library for it: loading it takes longer than all else that a script does.
_NORTH_AMERICAN: Final = re.compile(r"(\+1|1?)([2-9][0-9]{9})")
_NORTH_AMERICA: Final = ("US", "CA")
_E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")

FORMATTING: Final = " \t.-()"
"""What people write between digits."""

_NO_FORMATTING: Final = str.maketrans("", "", FORMATTING)


def without_formatting(digits: str) -> str:
    """Return the text without the spaces, dots, dashes and parentheses that people write between digits."""
    return digits.translate(_NO_FORMATTING)


def to_e164(digits: str, region: str) -> str | None:
    """Return a number in E.164 (ITU-T E.164, at most 15 digits), or None where it cannot be called.

    Only the length is judged, not whether a range is in use: numbering plans change faster than metadata,
    and a number that staff cannot call is worse than one that the carrier turns down. A number that is
    complete only within its own area (seven digits in North America) is None, because nothing says which
    area is meant.

    Args:
        digits: the number as dialled or written, dial codes already taken off: national, with the
            region's international prefix, or with a plus sign.
        region: ISO 3166 code of the country whose national numbers and international prefix apply.
    """
    if len(digits) > MAX_SPELLED:
        return None
    plain = without_formatting(digits)
    if _PLAIN.fullmatch(plain) is None:
        return None
    whole = _NORTH_AMERICAN.fullmatch(plain)
    if whole is not None and (whole[1] == "+1" or region in _NORTH_AMERICA):
        return f"+1{whole[2]}"
    # A second reading of the result must agree with it. It does not where the library took digits for
    # something they are not (a national number with zeros to spare), and then nobody knows who would ring.
    spelled = _read(plain, region)
    return spelled if spelled is not None and _read(spelled, region) == spelled else None


def _read(plain: str, region: str) -> str | None:
    # About 25 ms, paid on the first ordinary number: emergency calls must not wait for it.
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    # `is_possible_number` alone also accepts numbers that are complete only within their area.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    spelled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return spelled if _E164.fullmatch(spelled) else None
