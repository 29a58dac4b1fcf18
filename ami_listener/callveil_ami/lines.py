"""What one line of the journal says.

Source: ``config/cdr_custom.conf``: nine fields, each in quotes (``CSV_QUOTE``). A line of eight was written
before the last of them was known, and keeps nothing of the other party.
"""

from __future__ import annotations

import csv
import re
from typing import Final

from callveil.coarse import BUCKETS, coarsen_time
from callveil.record import Record

from callveil_ami.fields import FIELDS, FieldError, fits, make_record

MAX_LINE: Final = 4096
"""Bytes; a record takes about 120."""

UNKNOWN: Final = "?"

_FIELD: Final = '"([^",]{0,64})"'
_LAST_RECORD: Final = re.compile(",".join([_FIELD] * len(FIELDS)) + r"\Z")
_LAST_SHORT_RECORD: Final = re.compile(",".join([_FIELD] * (len(FIELDS) - 1)) + r"\Z")
_COMPACT_TIME: Final = re.compile(r"(T[0-9]{2})([0-9]{2})([0-9]{2})\Z")
_BEGAN: Final = FIELDS.index("began")
_KEPT: Final = FIELDS[2:8]
_DIGITS: Final = re.compile(r"[0-9]{4}")


def read_line(line: bytes) -> tuple[Record | None, bytes]:
    """Return the record in a line, and what in it belongs to no record.

    A line that Asterisk could not finish, on a full disk say, has the next record behind it, with no line end
    between: that record is whole and is returned, and the torn one before it is the rest.

    Args:
        line: without its line end.

    Returns:
        The record or None, and the rest; no rest where the line is empty or tells of a call that Callveil's
        dialplan did not see.
    """
    line = line.removesuffix(b"\r")
    if not line.strip():
        return None, b""
    # One character a byte; one that is not ASCII fits no field.
    text = line[-MAX_LINE:].decode("ascii", "replace")
    values = _split(text)
    if len(values) >= len(FIELDS) - 1 and not (values[0] or values[2] or values[3] or values[4]):
        return None, b""
    try:
        return _make_record(values), b""
    except FieldError:
        pass
    for form in (_LAST_RECORD, _LAST_SHORT_RECORD):
        if found := form.search(text):
            try:
                return _make_record(found.groups()), line[: -len(found[0])]
            except FieldError:
                pass
    return None, line


def _make_record(values: tuple[str, ...]) -> Record:
    if len(values) == len(FIELDS) - 1:
        values = (*values, "")
    # Asterisk's IF() takes a colon for its own, so exact times come without.
    return make_record(
        tuple(
            _COMPACT_TIME.sub(r"\1:\2:\3", value) if place == _BEGAN else value
            for place, value in enumerate(values)
        )
    )


def _split(text: str) -> tuple[str, ...]:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return ()
    return tuple(rows[0]) if rows else ()


def describe(rest: bytes) -> str:
    """Return what may safely be kept of something that is no record: one line of text.

    Such a thing can hold anything, a number in a wrong column say. So nothing of it is copied but the words
    that a record could hold there as well; the call's id and sequence, which are digits, are not, nor what is
    kept of the other party, nor any time finer than the day or duration finer than a bucket.
    """
    text = rest[:MAX_LINE].decode("ascii", "replace")
    values = [value.strip().strip('"') for value in text.split(",")]
    values = (values + [""] * len(FIELDS))[: len(FIELDS)]
    kept = [
        value if _is_safe(field, value) else UNKNOWN for field, value in zip(_KEPT, values[2:8], strict=True)
    ]
    return ",".join(f'"{value}"' for value in kept)


def _is_safe(field: str, value: str) -> bool:
    match field:
        case "line":
            return fits(field, value) and not _DIGITS.search(value)
        case "began":
            return fits(field, value) and coarsen_time(value, "day") == value
        case "spoken":
            return value in BUCKETS
    return fits(field, value)
