"""The record of one call: all that is ever kept of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from callveil.coarse import earliest, longest

DISPOSITIONS: Final = ("FAILED", "CONGESTION", "NO ANSWER", "BUSY", "ANSWERED")
"""Asterisk's words for how an attempt ended, from the least to the most that happened."""


DECISIONS: Final = ("refuse", "scrub", "hide", "substitute", "show", "emergency")
"""What was decided of a call, from the least to the most that it showed.

A call begins as refused while staff listen to a prompt, and one that the far end rejected because it was
hidden may end as shown: the record says what was shown in the end.
"""

QUEUE_OUTCOMES: Final = ("left", "abandoned", "connected")
"""How the wait in a queue ended, from the least to the most: sent on, hung up, put through to an agent."""


def record_key(call_id: str) -> bytes:
    """Return what makes a record unique: a digest of the call's random id.

    The id itself stands in the journal for a moment; the store cannot be matched with a copy of that by eye.
    """
    return hashlib.sha256(call_id.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """A call's wait in a queue.

    Attributes:
        name: the queue's name.
        outcome: one of `QUEUE_OUTCOMES`.
        waited: how long, one of `callveil.coarse.BUCKETS`.
    """

    name: str
    outcome: str
    waited: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a call.

    Attributes:
        key: see `record_key`.
        line: the policy's name of the line.
        direction: ``in`` or ``out``.
        decision: one of `DECISIONS`: a `callveil.decision.Kind` value for calls out; ``scrub`` or ``show``
            for calls in.
        began: when it began, in the PBX's time zone, as fine as the line keeps it; see `callveil.coarse`.
        spoken: for how long the parties spoke, as fine as the line keeps it; see `callveil.coarse`.
        disposition: one of `DISPOSITIONS`.
        party: what the line keeps of the caller, or of the person called; see `callveil.party`.
        queue: its wait in a queue, where one was heard of.
    """

    key: bytes
    line: str
    direction: str
    decision: str
    began: str
    spoken: str
    disposition: str
    party: str = ""
    queue: QueueVisit | None = None

    @property
    def day(self) -> date:
        """The day on which it began, in the PBX's time zone."""
        return date.fromisoformat(self.began[:10])


def join(one: Record, other: Record) -> Record:
    """Return the record of a call of which two parts are known.

    Asterisk writes a record for each attempt to reach somebody, and a call may make several: a telephone
    that does not answer, then voicemail. A call is one record, with the best that happened in it and the most
    that it showed; of what it keeps, the least that a part keeps. Joining is in any order the same, and
    joining a part again changes nothing, so the same part may come by event and by journal.

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
        began=earliest(one.began, other.began),
        spoken=longest(one.spoken, other.spoken),
        disposition=max(one.disposition, other.disposition, key=DISPOSITIONS.index),
        party=one.party if one.party == other.party else "",
        queue=_join_queue(one.queue, other.queue),
    )


def _join_queue(one: QueueVisit | None, other: QueueVisit | None) -> QueueVisit | None:
    visits = [visit for visit in (one, other) if visit is not None]
    return max(
        visits,
        key=lambda visit: (QUEUE_OUTCOMES.index(visit.outcome), visit.waited, visit.name),
        default=None,
    )


def changes(parts: Mapping[bytes, Record], known: Mapping[bytes, Record]) -> list[Record]:
    """Return the records that are new or become other ones, once parts are joined with what is known.

    Args:
        parts: one record a call, by its key.
        known: the same, of calls that are known already.
    """
    whole = (join(part, known[key]) if key in known else part for key, part in parts.items())
    return [record for record in whole if record != known.get(record.key)]


def join_all(records: Iterable[Record]) -> dict[bytes, Record]:
    """Return one record a call, by its key."""
    joined: dict[bytes, Record] = {}
    for record in records:
        known = joined.get(record.key)
        joined[record.key] = join(known, record) if known else record
    return joined
