"""What a line of the policy does, in plain sentences."""

from __future__ import annotations

from typing import Final

from callveil.coarse import Duration, Time
from callveil.party import PartyKept
from callveil.policy.model import HIDE, Identity, Line, Policy

_TIMES: Final[dict[Time, str]] = {
    "day": "the day",
    "hour": "the day and hour",
    "exact": "the exact time",
}
_DURATIONS: Final[dict[Duration, str]] = {
    "bucket": "a rough duration",
    "minute": "the duration in minutes",
    "exact": "the exact duration",
}
_PARTIES: Final[dict[PartyKept, str]] = {
    "none": "nothing of",
    "country": "the country of",
    "repeat": "a pseudonym, new each day, of",
    "full": "the whole number of",
}


def describe_line(line: Line, policy: Policy) -> str:
    """Return what people see and what is kept of calls from and to one line."""
    beneath = policy.identity_by_key[line.beneath]
    return " ".join(
        (
            _outbound(line, policy, beneath),
            *_show_code(line, policy, beneath),
            *_substitutes(line, policy),
            *_after_rejection(line),
            *_inbound(line),
            _recorded(line),
            *_kept(line),
        )
    )


def _outbound(line: Line, policy: Policy, beneath: Identity) -> str:
    if line.outbound == HIDE:
        return f"calls out are hidden ({f'{beneath.name} {beneath.number}'.strip()} beneath)."
    pool = policy.pool_by_key.get(line.outbound)
    if pool is not None:
        return (
            f"calls out show one of {len(pool.identities)} numbers of pool {pool.key}, always the same one "
            "to each person."
        )
    return f"calls out show {_named(policy.identity_by_key[line.outbound])}."


def _show_code(line: Line, policy: Policy, beneath: Identity) -> tuple[str, ...]:
    if line.outbound != HIDE or not line.allow_show:
        return ()
    return (f"Staff may show {beneath.number} with {' or '.join(policy.preset.show_codes)}.",)


def _substitutes(line: Line, policy: Policy) -> tuple[str, ...]:
    choices = [
        f"{_named(identity)} with {policy.preset.substitute_code}{identity.digit}"
        for identity in (policy.identity_by_key[key] for key in line.substitutes)
    ]
    return (f"Staff may show {' or '.join(choices)}.",) if choices else ()


def _after_rejection(line: Line) -> tuple[str, ...]:
    if line.show_after_rejection:
        return ()
    return ("When a hidden call is rejected, staff are not offered to show the number.",)


def _inbound(line: Line) -> tuple[str, ...]:
    return ("The telephones that ring show who calls.",) if line.show_caller else ()


def _recorded(line: Line) -> str:
    """Return what records hold beside the line, the direction, the decision and the outcome."""
    held = f"Records hold {_TIMES[line.time]} and {_DURATIONS[line.duration]}"
    if line.caller == line.called == "none":
        return f"{held}, and nothing of who calls or is called."
    return f"{held}; {_PARTIES[line.caller]} who calls, and {_PARTIES[line.called]} who is called."


def _kept(line: Line) -> tuple[str, ...]:
    records = f"They are deleted after {_days(line.keep.records)}; monthly counts stay."
    if not line.mailboxes:
        return (records,)
    voicemail = _days(line.keep.voicemail)
    return (records, f"Voicemail is to be kept for {voicemail} (this version does not delete it by itself).")


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _named(identity: Identity) -> str:
    return f"{identity.number} ({identity.name})" if identity.name else identity.number
