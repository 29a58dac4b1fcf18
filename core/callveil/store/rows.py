"""A record as a row of a table, the same in every store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from callveil.record import QueueVisit, Record

COLUMNS: Final = (
    "key",
    "line",
    "direction",
    "decision",
    "began",
    "spoken",
    "disposition",
    "party",
    "queue",
    "outcome",
    "waited",
)
"""What is kept of a record; beside it each row has its ``day``, by which rows stand together."""


def to_record(row: Sequence[Any]) -> Record:
    """Return the record of a row, whose values are in the order of `COLUMNS`."""
    key, line, direction, decision, began, spoken, disposition, party, queue, outcome, waited = row
    visit = QueueVisit(queue, outcome, waited) if queue else None
    return Record(key, line, direction, decision, began, spoken, disposition, party, visit)


def to_row(record: Record) -> tuple[Any, ...]:
    """Return a record's values in the order of `COLUMNS`."""
    queue = record.queue
    return (
        record.key,
        record.line,
        record.direction,
        record.decision,
        record.began,
        record.spoken,
        record.disposition,
        record.party,
        *((queue.name, queue.outcome, queue.waited) if queue else ("", "", "")),
    )
