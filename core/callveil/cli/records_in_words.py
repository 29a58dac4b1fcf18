"""Records in plain words, as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from callveil.coarse import BUCKETS, BUCKETS_IN_WORDS
from callveil.decision import Kind
from callveil.party import party_kind
from callveil.record import QueueVisit, Record

LEGEND: Final = (
    "The same ~ word on one line and day is the same number; on another day the same number has another word."
)

_DIRECTIONS: Final = {"in": "call in", "out": "call out"}
_DECISIONS: Final = {
    ("out", "emergency"): "Emergency number shown",
    ("out", "hide"): "Hidden",
    ("out", "show"): "Shown",
    ("out", "substitute"): "Substitute shown",
    ("out", "refuse"): "Refused",
    ("in", "scrub"): "Not shown",
    ("in", "show"): "Shown to the phones",
}
_SPOKEN: Final = {"0": "did not speak", **BUCKETS_IN_WORDS}
_WAITED: Final = {**_SPOKEN, "0": "under 1 second"}
_OUTCOMES: Final = {
    "ANSWERED": "answered",
    "NO ANSWER": "no answer",
    "BUSY": "busy",
    "FAILED": "failed",
    "CONGESTION": "network busy",
}
_QUEUE_OUTCOMES: Final = {
    "connected": "put through",
    "abandoned": "gave up",
    "left": "sent on",
}
_DURATION: Final = re.compile(r"([0-9]+)(min|s)")
_PSEUDONYM: Final = 9
"""Signs of a pseudonym that are shown: enough that two do not look alike."""


def in_words(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Return headings and a row for each record. The column of queues is left out where there were none."""
    columns: list[tuple[str, Callable[[Record], str]]] = [
        ("DAY" if all(len(record.began) <= 10 for record in records) else "BEGAN", _began),
        ("LINE", lambda record: record.line),
        ("DIRECTION", lambda record: _DIRECTIONS.get(record.direction, record.direction)),
        ("CALLER ID", lambda record: _DECISIONS.get((record.direction, record.decision), record.decision)),
        ("OTHER PARTY", _party),
        ("SPOKE FOR", lambda record: _spoken(record.spoken)),
        ("OUTCOME", _outcome),
    ]
    if any(record.queue for record in records):
        columns.append(("QUEUE", lambda record: _queue(record.queue)))
    rows = [tuple(tell(record) for _, tell in columns) for record in records]
    return [tuple(heading for heading, _ in columns), *rows]


def needs_legend(records: Sequence[Record]) -> bool:
    """Return whether there are pseudonyms among these records."""
    return any(record.party.startswith("~") for record in records)


def _began(record: Record) -> str:
    """Return the beginning as fine as it is kept: 2026-11-24, 2026-11-24 13 h, or 2026-11-24 13:05:07."""
    day, _, time = record.began.partition("T")
    if not time:
        return day
    return f"{day} {time}" if ":" in time else f"{day} {time} h"


def _party(record: Record) -> str:
    match party_kind(record.party):
        case "country":
            return f"{'from' if record.direction == 'in' else 'to'} {record.party}"
        case "repeat":
            return record.party[:_PSEUDONYM]
        case "full":
            return record.party
    return "not kept"


def _outcome(record: Record) -> str:
    if record.decision == Kind.REFUSE:
        return "not made"
    return _OUTCOMES.get(record.disposition, record.disposition.lower())


def _spoken(text: str) -> str:
    if text in BUCKETS:
        return _SPOKEN[text]
    match = _DURATION.fullmatch(text)
    if not match:
        return text
    number, unit = int(match[1]), "minute" if match[2] == "min" else "second"
    if not number:
        return _SPOKEN["1-59s"]
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _queue(visit: QueueVisit | None) -> str:
    if visit is None:
        return ""
    outcome = _QUEUE_OUTCOMES.get(visit.outcome, visit.outcome)
    return f"{visit.name}: {outcome}, waited {_WAITED.get(visit.waited, visit.waited)}"
