"""The record of one call: all that is ever kept of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

BUCKETS: Final = ("0", "1-59s", "1-4min", "5-14min", "15-29min", "30-59min", "60min+")
"""How long the parties spoke, coarsened. `0` means that nobody answered."""

_BUCKET_LIMITS: Final = (1, 60, 300, 900, 1800, 3600)


def bucket(seconds: int) -> str:
    """Return the bucket for a number of seconds of speech."""
    for limit, name in zip(_BUCKET_LIMITS, BUCKETS, strict=False):
        if seconds < limit:
            return name
    return BUCKETS[-1]


DISPOSITIONS: Final = ("FAILED", "CONGESTION", "NO ANSWER", "BUSY", "ANSWERED")
"""Asterisk's words for how an attempt ended, from the least to the most that happened."""


DECISIONS: Final = ("refuse", "scrub", "hide", "substitute", "show", "emergency")
"""What was decided of a call, from the least to the most that it showed.

A call begins as refused while staff listen to a prompt, and one that the far end rejected because it was
hidden may end as shown: the record says what was shown in the end.
"""


def record_key(call_id: str) -> bytes:
    """Return what makes a record unique: a digest of the call's random id.

    The id itself stands in the journal for a moment; the store cannot be matched with a copy of that by eye.
    """
    return hashlib.sha256(call_id.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a call.

    Attributes:
        key: see `record_key`.
        line: the policy's name of the line.
        direction: ``in`` or ``out``.
        decision: one of `DECISIONS`: a `callveil.decision.Kind` value for calls out; ``scrub`` or ``show``
            for calls in.
        day: the day on which it began, in the PBX's time zone.
        spoken: one of `BUCKETS`.
        disposition: one of `DISPOSITIONS`.
    """

    key: bytes
    line: str
    direction: str
    decision: str
    day: date
    spoken: str
    disposition: str


def join(one: Record, other: Record) -> Record:
    """Return the record of a call of which two parts are known.

    Asterisk writes a record for each attempt to reach somebody, and a call may make several: a telephone
    that does not answer, then voicemail. A call is one record, with the best that happened in it and the most
    that it showed. Joining is in any order the same, and joining a part again changes nothing, so the same
    part may come by event and by journal.

    Raises:
        ValueError: they are parts of different calls.
    """
    if one.key != other.key:
        raise ValueError("parts of different calls")
    return Record(
        key=one.key,
        line=min(one.line, other.line),
        direction=min(one.direction, other.direction),
        decision=max(one.decision, other.decision, key=DECISIONS.index),
        day=min(one.day, other.day),
        spoken=max(one.spoken, other.spoken, key=BUCKETS.index),
        disposition=max(one.disposition, other.disposition, key=DISPOSITIONS.index),
    )


def join_all(records: Iterable[Record]) -> dict[bytes, Record]:
    """Return one record a call, by its key."""
    joined: dict[bytes, Record] = {}
    for record in records:
        known = joined.get(record.key)
        joined[record.key] = join(known, record) if known else record
    return joined
