"""Reads what staff dialled: hide codes, show codes, and what remains to be called.

The codes are for people's fingers. They become a wish here and are never sent down a trunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from callveil.numbers import FORMATTING
from callveil.policy.model import Preset

# Telephones store pauses (`,` `;` `p` `w`) with a number, mostly between a code and what follows it.
_BETWEEN: Final = FORMATTING + ",;pPwW"
DIAL_NOW: Final = "#"
"""What many telephones take after a number for the end of it."""

_NOTHING_BETWEEN: Final = str.maketrans("", "", _BETWEEN)


class Wish(StrEnum):
    """What the caller asked for, for this call only."""

    HIDE = "hide"
    SHOW = "show"
    SUBSTITUTE = "substitute"


@dataclass(frozen=True, slots=True)
class Dialled:
    """What staff dialled, read.

    Attributes:
        wish: what the codes in front ask for, or None where there is no code.
        rest: what remains to be called, as it was dialled; may be empty or no number at all.
        digit: of the identity that a substitute code asks for; else empty.
    """

    wish: Wish | None
    rest: str
    digit: str = ""


def read_dialled(preset: Preset, digits: str) -> Dialled:
    """Take every code off the front of what was dialled.

    Codes may be repeated and mixed: one hide code among them hides, whatever the others say; else the first
    identity asked for counts. A code made of digits alone, as the ``141`` of the United Kingdom, is a code
    only where something follows it.
    """
    short_numbers = {*preset.emergency, *preset.services}
    hides = False
    shows = False
    digit = ""
    rest = digits.strip(_BETWEEN)
    while rest not in short_numbers and (code := _code_in_front(preset, rest)):
        if code in preset.hide_codes:
            hides = True
        elif code in preset.show_codes:
            shows = True
        else:
            digit = digit or code[-1]
        rest = rest[len(code) :].lstrip(_BETWEEN)
    if hides:
        return Dialled(Wish.HIDE, rest)
    if digit:
        return Dialled(Wish.SUBSTITUTE, rest, digit)
    return Dialled(Wish.SHOW if shows else None, rest)


def emergency_number(preset: Preset, digits: str) -> str | None:
    """Return the emergency number that was dialled, with any codes in front of it, or None.

    Nothing may follow the number but a ``#``, which on many telephones means "dial now": 9111 is not 911.
    Here alone formatting and pauses count for nothing anywhere, and every way of taking codes off is tried,
    not only the longest code first: of two readings, the one that reaches help is right.
    """
    bare = digits.translate(_NOTHING_BETWEEN).removesuffix(DIAL_NOW)
    starts = [0]
    seen = {0}
    for start in starts:
        for number in preset.emergency:
            if start + len(number) == len(bare) and bare.endswith(number):
                return number
        for code in _codes_in_a_hurry(preset):
            after = start + len(code)
            if after not in seen and bare.startswith(code, start):
                seen.add(after)
                starts.append(after)
    return None


def is_emergency(preset: Preset, digits: str) -> bool:
    """Return whether an emergency number was dialled, with or without codes in front of it."""
    return emergency_number(preset, digits) is not None


@lru_cache(maxsize=8)
def _codes_in_a_hurry(preset: Preset) -> tuple[str, ...]:
    """Return every code, and the substitute code alone: somebody in a hurry leaves its digit out."""
    return (*_codes(preset), *filter(None, (preset.substitute_code,)))


@lru_cache(maxsize=8)
def _codes(preset: Preset) -> tuple[str, ...]:
    """Return every code, the longest first, so that no code hides a longer one that begins with it."""
    codes = {code for code in (*preset.hide_codes, *preset.show_codes) if code}
    codes |= set(substitute_codes(preset))
    return tuple(sorted(codes, key=lambda code: (-len(code), code)))


def substitute_codes(preset: Preset) -> tuple[str, ...]:
    """Return the substitute code with each digit: which of them an identity has makes no difference here."""
    return (
        tuple(f"{preset.substitute_code}{digit}" for digit in "0123456789") if preset.substitute_code else ()
    )


def _code_in_front(preset: Preset, text: str) -> str | None:
    if not text.startswith(_codes(preset)):
        return None
    for code in _codes(preset):
        if text.startswith(code) and (not _looks_like_a_number(code) or text[len(code) :].strip(_BETWEEN)):
            return code
    return None


def _looks_like_a_number(code: str) -> bool:
    return code.isascii() and code.isdigit()
