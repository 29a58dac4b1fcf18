"""How a decision travels to the dialplan: one line of text in one channel variable.

Fields are separated by ``|``, which no checked policy and no number can contain::

    veil3|ID|decision|presentation|number|name|line|prompt|confirm|again|party|dial string|dial string...

The sounds (prompt, confirm, again) are those of `callveil.decision.Decision`; the party is what the record
keeps of the person called (`callveil.party`), mostly nothing. The dialplan takes the answer
only if it begins with ``veil3``, which changes with the fields, and carries the id that it asked with, so
that nothing left over from another call, and no half answer, can pass for a decision.
"""

from __future__ import annotations

import re
from typing import Final

from callveil.decision import Decision, Kind

TOKEN: Final = "veil3"  # noqa: S105 - the first word of an answer, no secret
SEPARATOR: Final = "|"
WITHHELD: Final = "prohib_passed_screen"
PRESENTED: Final = "allowed_passed_screen"
UNLISTED_LINE: Final = "unlisted"
"""The line that a record names when an extension belongs to no line of the policy."""

MAX_LENGTH: Final = 1900
"""Bytes: Asterisk reads AGI lines of 2048 bytes and takes the rest of a longer one for the next command."""


_SPLITS_AN_ANSWER: Final = re.compile(r"[|\x00-\x1f\x7f]")


class AnswerError(ValueError):
    """An answer that the dialplan could not read back."""


def pack(fields: tuple[str, ...]) -> str:
    """Join the fields of an answer.

    Raises:
        AnswerError: if a field holds the separator or a control character, or the whole is too long.
    """
    if _SPLITS_AN_ANSWER.search("".join(fields)):
        raise AnswerError("a field of the answer holds a character that would split it")
    packed = SEPARATOR.join((TOKEN, *fields))
    if len(packed.encode()) > MAX_LENGTH:
        raise AnswerError("the answer is longer than Asterisk reads")
    return packed


def pack_outbound(call_id: str, decision: Decision, party: str = "") -> str:
    """Return the answer for a call that goes out.

    Args:
        call_id: the random id that the dialplan asked with.
        decision: what was decided.
        party: what the record keeps of the person called, see `callveil.party`.

    Raises:
        AnswerError: see `pack`.
    """
    return pack((*decided_fields(call_id, decision), decision.again, party, *decision.dial))


def decided_fields(call_id: str, decision: Decision) -> tuple[str, ...]:
    """Return the fields of an answer that say what was decided, from the id to the sound that asks first."""
    withheld = decision.kind in (Kind.HIDE, Kind.REFUSE)
    return (
        call_id,
        decision.kind.value,
        WITHHELD if withheld else PRESENTED,
        (decision.beneath if withheld else decision.shown) or "",
        "" if withheld else decision.name,
        decision.line or UNLISTED_LINE,
        decision.prompt,
        decision.confirm,
    )


def pack_inbound(call_id: str, line: str, *, show_caller: bool, party: str = "") -> str:
    """Return the answer for a call that comes in: ``veil3|ID|show|line|party``, or ``scrub`` for show.

    Args:
        call_id: the random id that the dialplan asked with.
        line: the policy's name of the line.
        show_caller: whether the telephones may be shown who calls.
        party: what the record keeps of the caller, see `callveil.party`.

    Raises:
        AnswerError: see `pack`.
    """
    return pack((call_id, "show" if show_caller else "scrub", line, party))
