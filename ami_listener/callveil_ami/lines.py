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

# A record anywhere in a line. Where two stand with no line end between them, a quote that ends the first is
# followed by one that begins the second: so no half of a field is taken for the other party, and the quote
# that begins the second is not taken for the one that the first has lost.
_RECORD: Final = re.compile(
    r'"([0-9a-f-]{8,64})","([0-9]{1,10})","([a-z][a-z0-9_-]{0,31})","(in|out)","([a-z]{1,16})"'
    r',"([0-9T:-]{10,19})","([0-9a-z+-]{1,16})"'
    r',"([A-Z ]{1,16})(?:(?="[0-9a-f])|"(?=[",\0\r]|\Z))(?:,"([^",\0\r]{0,64})"(?=["\0\r]|\Z))?'
)
_TORN_PARTY: Final = re.compile(r',("[^",]{0,64})?')
_COMPACT_TIME: Final = re.compile(r"(T[0-9]{2})([0-9]{2})([0-9]{2})\Z")
_BEGAN: Final = FIELDS.index("began")
_KEPT: Final = FIELDS[2:8]
_DIGITS: Final = re.compile(r"[0-9]{4}")


def read_line(line: bytes) -> tuple[list[Record], list[bytes]]:
    """Return the records in a line, and what in it belongs to none.

    A line that Asterisk could not finish, on a full disk say or because it was killed, has the next record
    behind it with no line end between. What of it is missing may be no more than the other party: then it is
    a record, which keeps nothing of that.

    Args:
        line: without its line end.

    Returns:
        The records and the rest; no rest where the line is empty or tells of a call that Callveil's dialplan
        did not see.
    """
    line = line.removesuffix(b"\r")
    if not line.strip():
        return [], []
    # One character a byte; one that is not ASCII fits no field.
    text = line.decode("ascii", "replace")
    values = _split(text)
    if len(values) >= len(FIELDS) - 1 and not (values[0] or values[2] or values[3] or values[4]):
        return [], []
    try:
        return [_make_record(values)], []
    except FieldError:
        return _search(line, text)


def _search(line: bytes, text: str) -> tuple[list[Record], list[bytes]]:
    records: list[Record] = []
    rests: list[bytes] = []
    end = 0
    look = 0
    while found := _RECORD.search(text, look):
        values = found.groups(default="")
        look = found.start() + 1
        stop = found.end()
        try:
            records.append(_make_record(values))
        except FieldError:
            # Of another party in a form that no record has, nothing is kept.
            if not values[-1] or (record := _make_record_without_party(values)) is None:
                continue
            records.append(record)
            stop = found.end(len(FIELDS) - 1) + 1
        rests += _rest(line, end, found.start())
        end = look = stop
    return records, rests + _rest(line, end, len(line))


def _rest(line: bytes, begin: int, end: int) -> list[bytes]:
    rest = line[begin:end].strip()
    after_record = begin > 0
    if not rest or (after_record and _TORN_PARTY.fullmatch(rest.decode("ascii", "replace"))):
        return []
    return [rest]


def _make_record_without_party(values: tuple[str, ...]) -> Record | None:
    try:
        return _make_record(values[:-1])
    except FieldError:
        return None


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
