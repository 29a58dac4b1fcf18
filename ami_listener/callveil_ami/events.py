"""What Asterisk's ``Cdr`` event says, as a record.

Source: ``cdr/cdr_manager.c``; the ``Veil…`` and ``Sequence`` headers come from ``config/cdr_manager.conf``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callveil.record import Record, bucket

from callveil_ami.fields import FieldError, make_record

_START: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an event of Callveil's is no record.

    Attributes:
        text: in plain words; names a header, never what it holds.
    """

    text: str


def read_cdr(headers: Mapping[str, object]) -> Record | Problem | None:
    """Return the record that an event tells of.

    Args:
        headers: the event's headers; one that came twice is a list.

    Returns:
        None for an event without ``VeilId``: a call that Callveil's dialplan did not see.
    """
    if not headers.get("VeilId"):
        return None
    try:
        start, seconds = _text(headers, "StartTime"), _text(headers, "BillableSeconds")
        if not _START.fullmatch(start):
            return Problem("its StartTime is not a time")
        if not _SECONDS.fullmatch(seconds):
            return Problem("its BillableSeconds is not a number")
        return make_record(
            (
                _text(headers, "VeilId"),
                _text(headers, "Sequence"),
                _text(headers, "VeilLine"),
                _text(headers, "VeilDirection"),
                _text(headers, "VeilDecision"),
                start.partition(" ")[0],
                bucket(int(seconds)),
                _text(headers, "Disposition"),
            )
        )
    except FieldError as error:
        return Problem(str(error))


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name, "")
    if not isinstance(value, str):
        raise FieldError(f"header {name}, which came twice,")
    return value
