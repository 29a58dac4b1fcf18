"""What a record may hold: each field checked against the few forms that it can have.

Both ways that a record takes, AMI and the journal, go through here, so that the same call gives the same
record, and nothing that has another form, a number in a wrong place say, is ever stored.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from callveil.decision import Kind
from callveil.record import BUCKETS, DISPOSITIONS, Record, record_key

FIELDS: Final = ("id", "sequence", "line", "direction", "decision", "day", "spoken", "disposition")
"""The fields in the order of the journal's columns."""

"""Asterisk's words (``main/cdr.c``: ``ast_cdr_disp2str``), without its ``UNKNOWN``."""

_WORDS: Final = {
    "direction": frozenset({"in", "out"}),
    "decision": frozenset({*Kind, "scrub"}),
    "spoken": frozenset(BUCKETS),
    "disposition": frozenset(DISPOSITIONS),
}
_FORMS: Final = {
    "id": re.compile(r"[0-9a-f-]{8,64}"),
    "sequence": re.compile(r"[0-9]{1,10}"),
    "line": re.compile(r"[a-z][a-z0-9_-]{0,31}"),
    "day": re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}"),
}


class FieldError(ValueError):
    """A field that no record can hold. The text names the field and never its value."""

    def __init__(self, field: str) -> None:
        super().__init__(f"its {field} has a form that no record has")
        self.field = field


def fits(field: str, value: str) -> bool:
    """Return whether a value has the form of a field, one of `FIELDS`."""
    if field in _WORDS:
        return value in _WORDS[field]
    if not _FORMS[field].fullmatch(value):
        return False
    return field != "day" or _is_day(value)


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def make_record(values: tuple[str, ...]) -> Record:
    """Return the record of eight values in the order of `FIELDS`.

    Raises:
        FieldError: a value does not have its field's form, or there are more or fewer than eight.
    """
    if len(values) != len(FIELDS):
        raise FieldError("number of fields")
    for field, value in zip(FIELDS, values, strict=True):
        if not fits(field, value):
            raise FieldError(field)
    call_id, _, line, direction, decision, day, spoken, disposition = values
    return Record(
        key=record_key(call_id),
        line=line,
        direction=direction,
        decision=decision,
        day=date.fromisoformat(day),
        spoken=spoken,
        disposition=disposition,
    )
