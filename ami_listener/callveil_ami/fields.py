"""What a record may hold: each field checked against the few forms that it can have.

Both ways that a record takes, AMI and the journal, go through here, so that the same call gives the same
record, and nothing that has another form, a number in a wrong place say, is ever stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from callveil.coarse import BUCKETS, is_duration, is_time
from callveil.decision import Kind
from callveil.party import party_kind
from callveil.record import DISPOSITIONS, QUEUE_OUTCOMES, QueueVisit, Record, record_key

FIELDS: Final = (
    "id",
    "sequence",
    "line",
    "direction",
    "decision",
    "began",
    "spoken",
    "disposition",
    "party",
)
"""The fields in the order of the journal's columns."""

_WORDS: Final = {
    "direction": frozenset({"in", "out"}),
    "decision": frozenset({*Kind, "scrub"}),
    # Asterisk's words (``main/cdr.c``: ``ast_cdr_disp2str``), without its ``UNKNOWN``.
    "disposition": frozenset(DISPOSITIONS),
    "outcome": frozenset(QUEUE_OUTCOMES),
}
_FORMS: Final = {
    "id": re.compile(r"[0-9a-f-]{8,64}"),
    "sequence": re.compile(r"[0-9]{1,10}"),
    "line": re.compile(r"[a-z][a-z0-9_-]{0,31}"),
    # An admin names queues; some name them by an extension.
    "queue": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"),
}
_CHECKS: Final[dict[str, Callable[[str], object]]] = {
    "began": is_time,
    "spoken": is_duration,
    "party": lambda value: party_kind(value) is not None,
    **{field: words.__contains__ for field, words in _WORDS.items()},
    **{field: form.fullmatch for field, form in _FORMS.items()},
}


class FieldError(ValueError):
    """A field that no record can hold. The text names the field and never its value."""

    def __init__(self, field: str) -> None:
        super().__init__(f"its {field} has a form that no record has")
        self.field = field


def fits(field: str, value: str) -> bool:
    """Return whether a value has the form of a field: one of `FIELDS`, ``queue`` or ``outcome``."""
    return bool(_CHECKS[field](value))


def make_record(values: tuple[str, ...], queue: QueueVisit | None = None) -> Record:
    """Return the record of nine values in the order of `FIELDS`.

    Raises:
        FieldError: a value does not have its field's form, or there are more or fewer than nine.
    """
    if len(values) != len(FIELDS):
        raise FieldError("number of fields")
    for field, value in zip(FIELDS, values, strict=True):
        if not fits(field, value):
            raise FieldError(field)
    call_id, _, line, direction, decision, began, spoken, disposition, party = values
    if decision == Kind.REFUSE:
        # It was not made. Where the telephone, or a caller who was transferred, had been answered before,
        # Asterisk says that it was.
        disposition = "NO ANSWER"
    if disposition != "ANSWERED":
        # For the same reason Asterisk counts how long it rang.
        spoken = BUCKETS[0]
    return Record(
        key=record_key(call_id),
        line=line,
        direction=direction,
        decision=decision,
        began=began,
        spoken=spoken,
        disposition=disposition,
        party=party,
        queue=queue,
    )
