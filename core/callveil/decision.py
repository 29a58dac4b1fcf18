"""What is shown of a call that goes out: the one pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callveil.contacts.hours import may_be_called
from callveil.contacts.model import Contact, ContactsError
from callveil.dialled import DIAL_NOW, Dialled, Wish, emergency_number, read_dialled
from callveil.facts import NO_FACTS, Facts
from callveil.numbers import to_e164, without_formatting
from callveil.policy.model import HIDE, NEUTRAL, DestinationRule, Identity, Line, Policy, Preset, Trunk

# Sounds, by what staff need to know.
SHOW_NOT_ALLOWED: Final = "callveil/show-not-allowed"
CANNOT_DIAL: Final = "callveil/cannot-dial"
CANNOT_CHECK: Final = "callveil/cannot-check"
TRUNK_CANNOT_HIDE: Final = "callveil/trunk-cannot-hide"
OUTSIDE_HOURS: Final = "callveil/outside-hours"
CALL_AGAIN_SHOWN: Final = "callveil/call-again-shown"

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
        confirm: name of a sound that asks staff to press 1 before there is a call; may be empty.
        again: name of a sound that offers, once the far end has rejected a hidden call, to call again by a
            key with `beneath` shown; empty where that is not allowed.
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
    confirm: str = ""
    again: str = ""


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What one rule says; `identity` is what a `HIDE` leaves beneath, and what any other kind shows."""

    kind: Kind
    identity: Identity
    reason: str
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call that may be made: what every rule looks at."""

    policy: Policy
    facts: Facts
    line: Line | None
    dialled: Dialled
    number: str
    contact: Contact | None


def decide(policy: Policy, extension: str, digits: str, facts: Facts = NO_FACTS) -> Decision:
    """Decide what the far end sees of one call.

    Pure: no file, no clock, no log of its own; `facts` brings what it must know of the world. It answers for
    any text, however hostile. The first of these that has something to say decides: an emergency number, the
    wish that was dialled, what is agreed with the person called, the destination's rule, the line's rule, and
    where there is no line, hiding.

    A withheld call still carries an owned number beneath, because a carrier may assert an identity of its
    own (RFC 3325) and toll-free numbers are given the calling number whatever its presentation.

    Args:
        policy: a checked policy.
        extension: the telephone that calls.
        digits: what it dialled, codes and all.
        facts: the world around the call.
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
    try:
        contact = facts.contact(number) if number.startswith("+") else None
    except ContactsError:
        # There may be a rule that protects this very person.
        reason = "what is agreed with contacts could not be read, so nobody can be called"
        return _refuse(line, reason, CANNOT_CHECK)
    call = _Call(policy, facts, line, dialled, number, contact)
    ruling = (
        _by_wish(call) or _by_contact(call) or _by_destination(call) or _by_toll_free(call) or _by_line(call)
    )
    hides = ruling.kind is Kind.HIDE
    suits = can_hide if hides else can_show
    trunks = [trunk for trunk in policy.trunks if suits(trunk, facts)]
    if not trunks:
        reason = (
            "this call must be hidden, and no trunk can hide it"
            if hides
            else f"no trunk would show {ruling.identity.number}: each shows another number"
        )
        return _refuse(line, reason, TRUNK_CANNOT_HIDE)
    may_show = hides and line is not None and line.show_after_rejection and not _must_stay_hidden(call)
    return Decision(
        kind=ruling.kind,
        shown=None if hides else ruling.identity.number,
        beneath=ruling.identity.number if hides else None,
        name="" if hides else ruling.identity.name,
        line=line.key if line else None,
        reason=ruling.reason,
        number=number,
        dial=tuple(trunk.dial_string(number) for trunk in trunks),
        prompt=ruling.prompt,
        confirm="" if contact is None or may_be_called(contact, facts.now) else OUTSIDE_HOURS,
        again=CALL_AGAIN_SHOWN if may_show else "",
    )


def can_hide(trunk: Trunk, facts: Facts) -> bool:
    """Return whether a hidden call may leave by a trunk.

    Only what Asterisk's PJSIP sends is known well enough to be sure by its settings. Other technologies send
    the number and leave it to the next exchange to withhold it; there, somebody has to say why that is well.
    """
    return bool(trunk.trusted_to_hide) or (trunk.technology == "PJSIP" and trunk.key not in facts.cannot_hide)


def can_show(trunk: Trunk, facts: Facts) -> bool:
    """Return whether a call that shows a number may leave by a trunk: not where another would be shown."""
    return bool(trunk.trusted_to_hide) or trunk.key not in facts.cannot_show


def _emergency(policy: Policy, line: Line | None, number: str) -> Decision:
    return Decision(
        kind=Kind.EMERGENCY,
        shown=policy.emergency_callerid,
        beneath=None,
        name="",
        line=line.key if line else None,
        reason="an emergency number always goes out with the registered caller ID",
        number=number,
        dial=tuple(trunk.dial_string(number) for trunk in policy.trunks),
    )


def _refuse(line: Line | None, reason: str, prompt: str = CANNOT_DIAL) -> Decision:
    return Decision(
        kind=Kind.REFUSE,
        shown=None,
        beneath=None,
        name="",
        line=line.key if line else None,
        reason=reason,
        prompt=prompt,
    )


def _callable_number(preset: Preset, rest: str) -> str | None:
    # Short numbers first: the number library would take 411 for the beginning of a longer number.
    bare = without_formatting(rest)
    return bare if bare in preset.services else to_e164(rest, preset.country)


def _by_wish(call: _Call) -> _Ruling | None:
    match call.dialled.wish:
        case None:
            return None
        case Wish.HIDE:
            return _hide(call, "the code that hides this call was dialled")
        case Wish.SHOW:
            return _by_show_code(call)
        case Wish.SUBSTITUTE:
            return _by_substitute_code(call)


def _by_show_code(call: _Call) -> _Ruling:
    line = call.line
    codes = " or ".join(call.policy.preset.show_codes)
    if line is None:
        reason = f"{codes} is not allowed on an extension that belongs to no line; the call goes out hidden"
        return _hide(call, reason, SHOW_NOT_ALLOWED)
    if line.outbound != HIDE:
        reason = f"{codes} was dialled on line {line.key}, which shows {line.outbound}"
        return _Ruling(Kind.SHOW, _named(call, line.outbound), reason)
    if line.allow_show:
        reason = f"{codes} was dialled and is allowed on line {line.key}"
        return _Ruling(Kind.SHOW, _named(call, line.beneath), reason)
    reason = f"{codes} is not allowed on line {line.key}; the call goes out hidden"
    return _hide(call, reason, SHOW_NOT_ALLOWED)


def _by_substitute_code(call: _Call) -> _Ruling:
    code = f"{call.policy.preset.substitute_code}{call.dialled.digit}"
    identity = call.policy.identity_by_digit.get(call.dialled.digit)
    if identity is None:
        return _hide(call, f"no identity has the code {code}; the call goes out hidden", SHOW_NOT_ALLOWED)
    if call.line is None or identity.key not in call.line.substitutes:
        where = f"line {call.line.key}" if call.line else "an extension that belongs to no line"
        return _hide(call, f"{code} is not allowed on {where}; the call goes out hidden", SHOW_NOT_ALLOWED)
    reason = f"{code} was dialled and is allowed on line {call.line.key}"
    return _shown(call, identity.key, reason)


def _by_contact(call: _Call) -> _Ruling | None:
    if call.contact is None or not call.contact.outbound:
        return None
    agreed = call.contact.outbound
    if agreed == HIDE:
        return _hide(call, "agreed with this contact: hide")
    if agreed == NEUTRAL:
        beneath = call.line.beneath if call.line else call.policy.neutral.key
        return _shown(call, beneath, "this contact's telephone rejects hidden calls")
    if _must_stay_hidden(call):
        reason = (
            f'agreed with this contact: "{agreed}", which the policy no longer has; the call goes out hidden'
        )
        return _hide(call, reason)
    return _shown(call, agreed, f"agreed with this contact: {agreed}")


def _must_stay_hidden(call: _Call) -> bool:
    """Return whether staff may not even be offered to show anything, whichever rule hid the call."""
    agreed = call.contact.outbound if call.contact else ""
    names = ("", NEUTRAL, *call.policy.identity_by_key, *call.policy.pool_by_key)
    return agreed not in names  # hiding, or a name that the policy no longer has


def _by_destination(call: _Call) -> _Ruling | None:
    if not call.number.startswith("+"):
        return None  # a short number has no place among patterns of whole ones
    for position, rule in enumerate(call.policy.destinations, start=1):
        if _matches(rule.match, call.number):
            reason = _destination_reason(rule, position, call.number)
            return _hide(call, reason) if rule.outbound == HIDE else _shown(call, rule.outbound, reason)
    return None


def _by_toll_free(call: _Call) -> _Ruling | None:
    """Show toll-free numbers the neutral identity: their owners pay for the call and learn who calls."""
    if call.line is None or not call.number.startswith(call.policy.preset.toll_free):
        return None
    if call.line.outbound == HIDE:
        reason = f"the line {call.line.key} hides its calls; this toll-free number may see the number beneath"
        return _hide(call, reason)
    return _shown(call, call.policy.neutral.key, "toll-free numbers see who calls in any case")


def _by_line(call: _Call) -> _Ruling:
    line = call.line
    if line is None:
        return _hide(call, "the extension belongs to no line, so its calls are hidden")
    if line.outbound == HIDE:
        return _hide(call, f"the line {line.key} hides its calls")
    return _shown(call, line.outbound, f"the line {line.key} shows {line.outbound}")


def _hide(call: _Call, reason: str, prompt: str = "") -> _Ruling:
    policy = call.policy
    beneath = policy.identity_by_key[call.line.beneath] if call.line else policy.neutral
    return _Ruling(Kind.HIDE, beneath, reason, prompt)


def _shown(call: _Call, name: str, reason: str) -> _Ruling:
    """Rule that an identity or a pool is shown: the line's own, or else a substitute for it."""
    own = call.line is not None and name == call.line.outbound
    return _Ruling(Kind.SHOW if own else Kind.SUBSTITUTE, _named(call, name), reason)


def _named(call: _Call, name: str) -> Identity:
    """Return the identity of this name, or the one that a pool of this name has for the person called."""
    pool = call.policy.pool_by_key.get(name)
    if pool is None:
        return call.policy.identity_by_key[name]
    from callveil.pools import choose  # noqa: PLC0415 - a script for each call pays for what it loads

    return call.policy.identity_by_key[choose(pool, call.number, call.facts.pool_key)]


def _matches(pattern: str, number: str) -> bool:
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1])
    return number == pattern


def _destination_reason(rule: DestinationRule, position: int, number: str) -> str:
    if rule.organisation:
        return f"destination rule for {rule.organisation}"
    if rule.match.endswith("*") and len(number) - len(rule.match[:-1]) >= _ENOUGH_OPEN:
        return f"destination rule {rule.match}"
    return f"destination rule number {position} of the policy"
