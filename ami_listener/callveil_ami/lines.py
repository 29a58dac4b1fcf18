"""What one line of the journal says.

Source: ``config/cdr_custom.conf``: eight fields, each in quotes (``CSV_QUOTE``).
"""

from __future__ import annotations

import csv
import re
from typing import Final

from callveil.record import Record

from callveil_ami.fields import FIELDS, FieldError, fits, make_record

MAX_LINE: Final = 4096
"""Bytes; a record takes about 120."""

UNKNOWN: Final = "?"

_LAST_RECORD: Final = re.compile(",".join(['"([^",]{1,64})"'] * len(FIELDS)) + r"\Z")
_KEPT: Final = FIELDS[2:]
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
    if len(values) == len(FIELDS) and not (values[0] or values[2] or values[3] or values[4]):
        return None, b""
    try:
        return make_record(values), b""
    except FieldError:
        pass
    if found := _LAST_RECORD.search(text):
        try:
            return make_record(found.groups()), line[: -len(found[0])]
        except FieldError:
            pass
    return None, line


def _split(text: str) -> tuple[str, ...]:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return ()
    return tuple(rows[0]) if rows else ()


def describe(rest: bytes) -> str:
    """Return what may safely be kept of something that is no record: one line of text.

    Such a thing can hold anything, a number in a wrong column say. So nothing of it is copied but the words
    that a record could hold there as well; the call's id and sequence, which are digits, are not.
    """
    text = rest[:MAX_LINE].decode("ascii", "replace")
    values = [value.strip().strip('"') for value in text.split(",")]
    values = (values + [""] * len(FIELDS))[: len(FIELDS)]
    kept = [
        value if _is_safe(field, value) else UNKNOWN for field, value in zip(_KEPT, values[2:], strict=True)
    ]
    return ",".join(f'"{value}"' for value in kept)


def _is_safe(field: str, value: str) -> bool:
    return fits(field, value) and not (field == "line" and _DIGITS.search(value))
