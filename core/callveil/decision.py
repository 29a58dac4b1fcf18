"""What is shown of a call that goes out: the one pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callveil.dialled import DIAL_NOW, Wish, emergency_number, read_dialled
from callveil.numbers import to_e164, without_formatting
from callveil.policy.model import HIDE, DestinationRule, Identity, Line, Policy, Preset

SHOW_NOT_ALLOWED: Final = "callveil/show-not-allowed"
CANNOT_DIAL: Final = "callveil/cannot-dial"

MAX_DIALLED: Final = 80
"""Characters: what Asterisk keeps of an extension. More is no telephone number, with any codes in front."""

_ENOUGH_OPEN: Final = 4
"""Digits that a pattern must leave open before a reason may name it: else it repeats the number called."""


class Kind(StrEnum):
    """What happens to a call that goes out."""

    EMERGENCY = "emergency"
    HIDE = "hide"
    SHOW = "show"
    SUBSTITUTE = "substitute"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one call.

    Attributes:
        kind: what happens.
        shown: E.164 that the far end sees, or None when it is withheld or there is no call.
        beneath: E.164 that stands under the withholding, or None.
        name: display name beside `shown`.
        line: the policy's name of the line, or None where no line has the extension.
        reason: in plain words, without the number called.
        number: what is called: E.164, or a short number as dialled; empty when refused.
        dial: one Asterisk dial string a trunk, in order; empty when refused.
        prompt: name of a sound to play to staff first (or instead, when refused); may be empty.
    """

    kind: Kind
    shown: str | None
    beneath: str | None
    name: str
    line: str | None
    reason: str
    number: str = ""
    dial: tuple[str, ...] = ()
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What one rule says; `identity` is what a `HIDE` leaves beneath, and what any other kind shows."""

    kind: Kind
    identity: Identity
    reason: str
    prompt: str = ""


def decide(policy: Policy, extension: str, digits: str) -> Decision:
    """Decide what the far end sees of one call.

    Pure: no file, no clock, no log. It answers for any text, however hostile. The first of these that
    has something to say decides: an emergency number, the wish that was dialled, the destination's rule,
    the line's rule, and where there is no line, hiding.

    A withheld call still carries an owned number beneath, because a carrier may assert an identity of its
    own (RFC 3325) and toll-free numbers are given the calling number whatever its presentation.

    Args:
        policy: a checked policy.
        extension: the telephone that calls.
        digits: what it dialled, codes and all.
    """
    line = policy.line_by_extension.get(extension)
    emergency = emergency_number(policy.preset, digits)
    if emergency is not None:
        return _emergency(policy, line, emergency)
    if len(digits) > MAX_DIALLED:
        return _refuse(line, "what was dialled is too long for a telephone number")
    dialled = read_dialled(policy.preset, digits)
    number = _callable_number(policy.preset, dialled.rest.removesuffix(DIAL_NOW))
    if number is None:
        return _refuse(line, "what was dialled is no number that can be called")
    ruling = (
        _by_wish(policy, line, dialled.wish)
        or _by_destination(policy, line, number)
        or _by_line(policy, line)
    )
    hides = ruling.kind is Kind.HIDE
    return Decision(
        kind=ruling.kind,
        shown=None if hides else ruling.identity.number,
        beneath=ruling.identity.number if hides else None,
        name="" if hides else ruling.identity.name,
        line=line.key if line else None,
        reason=ruling.reason,
        number=number,
        dial=_dial_strings(policy, number),
        prompt=ruling.prompt,
    )


def _emergency(policy: Policy, line: Line | None, number: str) -> Decision:
    return Decision(
        kind=Kind.EMERGENCY,
        shown=policy.emergency_callerid,
        beneath=None,
        name="",
        line=line.key if line else None,
        reason="an emergency number always goes out with the registered caller ID",
        number=number,
        dial=_dial_strings(policy, number),
    )


def _refuse(line: Line | None, reason: str) -> Decision:
    return Decision(
        kind=Kind.REFUSE,
        shown=None,
        beneath=None,
        name="",
        line=line.key if line else None,
        reason=reason,
        prompt=CANNOT_DIAL,
    )


def _callable_number(preset: Preset, rest: str) -> str | None:
    # Short numbers first: the number library would take 411 for the beginning of a longer number.
    bare = without_formatting(rest)
    return bare if bare in preset.services else to_e164(rest, preset.country)


def _dial_strings(policy: Policy, number: str) -> tuple[str, ...]:
    return tuple(trunk.dial_string(number) for trunk in policy.trunks)


def _by_wish(policy: Policy, line: Line | None, wish: Wish | None) -> _Ruling | None:
    if wish is None:
        return None
    if wish is Wish.HIDE:
        return _hide(policy, line, "the code that hides this call was dialled")
    codes = " or ".join(policy.preset.show_codes)
    if line is None:
        return _hide(
            policy,
            line,
            f"{codes} is not allowed on an extension that belongs to no line; the call goes out hidden",
            SHOW_NOT_ALLOWED,
        )
    if line.outbound != HIDE:
        reason = f"{codes} was dialled on line {line.key}, which shows {line.outbound}"
        return _Ruling(Kind.SHOW, policy.identity_by_key[line.outbound], reason)
    if line.allow_show:
        reason = f"{codes} was dialled and is allowed on line {line.key}"
        return _Ruling(Kind.SHOW, policy.identity_by_key[line.beneath], reason)
    reason = f"{codes} is not allowed on line {line.key}; the call goes out hidden"
    return _hide(policy, line, reason, SHOW_NOT_ALLOWED)


def _by_destination(policy: Policy, line: Line | None, number: str) -> _Ruling | None:
    if not number.startswith("+"):
        return None  # a short number has no place among patterns of whole ones
    for position, rule in enumerate(policy.destinations, start=1):
        if not _matches(rule.match, number):
            continue
        reason = _destination_reason(rule, position, number)
        if rule.outbound == HIDE:
            return _hide(policy, line, reason)
        own = line is not None and rule.outbound == line.outbound
        return _Ruling(Kind.SHOW if own else Kind.SUBSTITUTE, policy.identity_by_key[rule.outbound], reason)
    return None


def _by_line(policy: Policy, line: Line | None) -> _Ruling:
    if line is None:
        return _hide(policy, line, "the extension belongs to no line, so its calls are hidden")
    if line.outbound == HIDE:
        return _hide(policy, line, f"the line {line.key} hides its calls")
    reason = f"the line {line.key} shows {line.outbound}"
    return _Ruling(Kind.SHOW, policy.identity_by_key[line.outbound], reason)


def _hide(policy: Policy, line: Line | None, reason: str, prompt: str = "") -> _Ruling:
    beneath = policy.identity_by_key[line.beneath] if line else policy.neutral
    return _Ruling(Kind.HIDE, beneath, reason, prompt)


def _matches(pattern: str, number: str) -> bool:
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1])
    return number == pattern


def _destination_reason(rule: DestinationRule, position: int, number: str) -> str:
    if rule.match.endswith("*") and len(number) - len(rule.match[:-1]) >= _ENOUGH_OPEN:
        return f"destination rule {rule.match}"
    return f"destination rule number {position} of the policy"
