"""Turns a policy file that has passed every check into what it means."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from callveil.policy.fields import split_mailbox
from callveil.policy.model import (
    KEEP_RECORDS,
    KEEP_VOICEMAIL,
    DestinationRule,
    Identity,
    Keep,
    Line,
    Mailbox,
    Policy,
    Pool,
    Preset,
    Trunk,
)
from callveil.policy.ranges import parse_range
from callveil.policy.schema import LinePart, PolicyPart


def build_policy(part: PolicyPart, preset: Preset) -> Policy:
    """Return the policy that a checked file describes."""
    identities = tuple(
        Identity(key, item.number, item.name, item.digit, tuple(item.trunks))
        for key, item in part.identities.items()
    )
    neutral = identities[0].key
    return Policy(
        preset=replace(preset, substitute_code=part.substitute_code),
        emergency_callerid=part.emergency.callerid,
        identities=identities,
        trunks=tuple(Trunk(key, item.dial, item.trusted_to_hide) for key, item in part.trunks.items()),
        lines=tuple(
            _line(key, item, preset, part.identities.keys(), neutral) for key, item in part.lines.items()
        ),
        destinations=tuple(
            DestinationRule(item.match, item.outbound, item.organisation) for item in part.destinations
        ),
        pools=tuple(Pool(key, tuple(item.identities)) for key, item in part.pools.items()),
        rejected=tuple(part.rejected),
    )


def _line(key: str, part: LinePart, preset: Preset, identities: Collection[str], neutral: str) -> Line:
    # Beneath a pool's calls stands the neutral number: which of the pool a person sees must not vary.
    own = part.outbound if part.outbound in identities else neutral
    return Line(
        key=key,
        purpose=part.purpose,
        flagged=part.flagged,
        outbound=part.outbound,
        beneath=part.beneath or own,
        allow_show=part.allow_show,
        substitutes=tuple(part.substitutes),
        show_after_rejection=part.show_after_rejection,
        show_caller=part.show_caller,
        dids=tuple(part.dids),
        extensions=tuple(
            extension
            for text in part.extensions
            for extension in parse_range(text)
            # A range may run across one: an emergency number is nobody's extension.
            if extension not in preset.emergency
        ),
        mailboxes=tuple(box for text in part.mailboxes for box in _mailboxes(text)),
        ring=part.ring or None,
        caller=part.caller,
        called=part.called,
        time=part.time,
        duration=part.duration,
        keep=Keep(_days(part.keep.records, KEEP_RECORDS), _days(part.keep.voicemail, KEEP_VOICEMAIL)),
    )


def _mailboxes(text: str) -> list[Mailbox]:
    numbers, context = split_mailbox(text)
    return [Mailbox(number, context) for number in parse_range(numbers)]


def _days(text: str, default: int) -> int:
    return int(text.removesuffix("d")) if text else default
