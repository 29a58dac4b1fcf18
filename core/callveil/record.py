"""The record of one call: all that is ever kept of it."""

from __future__ import annotations

import hashlib
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


def record_key(call_id: str, sequence: str) -> bytes:
    """Return what makes a record unique: a digest of the call's random id and its CDR sequence number.

    The digest, not its parts, is stored: the sequence number would put records in order.
    """
    return hashlib.sha256(f"{call_id}:{sequence}".encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a call.

    Attributes:
        key: see `record_key`.
        line: the policy's name of the line.
        direction: ``in`` or ``out``.
        decision: a `callveil.decision.Kind` value for calls out; ``scrub`` or ``show`` for calls in.
        day: the day on which it began, in the PBX's time zone.
        spoken: one of `BUCKETS`.
        disposition: Asterisk's word: ``ANSWERED``, ``NO ANSWER``, ``BUSY``, ``FAILED``, ``CONGESTION``.
    """

    key: bytes
    line: str
    direction: str
    decision: str
    day: date
    spoken: str
    disposition: str
