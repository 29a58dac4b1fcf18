"""What Asterisk's ``Cdr`` event says, as a record.

Source: ``cdr/cdr_manager.c``; the ``Veil…`` and ``Sequence`` headers come from ``config/cdr_manager.conf``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from callveil.coarse import DURATIONS, TIMES, coarsen_seconds, coarsen_time
from callveil.record import QueueVisit, Record

from callveil_ami.fields import FieldError, make_record

_START: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_SECONDS: Final = re.compile(r"[0-9]{1,8}")
_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an event of Callveil's is no record.

    Attributes:
        text: in plain words; names a header, never what it holds.
    """

    text: str


def read_cdr(headers: Mapping[str, object], queue: QueueVisit | None = None) -> Record | Problem | None:
    """Return the record that an event tells of.

    Args:
        headers: the event's headers; one that came twice is a list.
        queue: what was heard of the call's wait in a queue.

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
        time = _one_of(TIMES, _text(headers, "VeilTime"))
        duration = _one_of(DURATIONS, _text(headers, "VeilDuration"))
        return make_record(
            (
                _text(headers, "VeilId"),
                _text(headers, "Sequence"),
                _text(headers, "VeilLine"),
                _text(headers, "VeilDirection"),
                _text(headers, "VeilDecision"),
                coarsen_time(start.replace(" ", "T"), time),
                coarsen_seconds(int(seconds), duration),
                _text(headers, "Disposition"),
                _text(headers, "VeilParty"),
            ),
            queue,
        )
    except FieldError as error:
        return Problem(str(error))


def _one_of(known: tuple[_Word, ...], said: str) -> _Word:
    """Return the word that is said, or the first, which keeps least, where another one is or none."""
    return next((word for word in known if word == said), known[0])


def _text(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(name, "")
    if not isinstance(value, str):
        raise FieldError(f"header {name}, which came twice,")
    return value
