"""Of which days the journal still holds records.

A record that is in the store and still in a file of the journal, because something stopped between the two,
is known by its key when it comes again. Once it is deleted nobody would know it: it would be taken for a new
one, and counted twice. So nothing of a day may be deleted while the journal has something of that day.
"""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Final

_FILE: Final = re.compile(r"(journal|taken-.*)\.csv")
_DAY: Final = re.compile(rb'"((?:19[7-9][0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2})["T]')
_AT_ONCE: Final = 1024 * 1024
_OVERLAP: Final = 16  # more bytes than one day takes


def earliest_day(folder: Path) -> date | None:
    """Return the earliest day that stands in the journal's files; None if none does.

    Args:
        folder: where Asterisk writes the journal; a folder that is not there holds nothing.

    Raises:
        OSError: it cannot be known.
    """
    found: set[bytes] = set()
    try:
        # Nobody reads records from a link, a pipe or a folder.
        paths = [
            entry.path
            for entry in os.scandir(folder)
            if _FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    except FileNotFoundError:
        return None
    for path in paths:
        found |= _days(path)
    return min((day for text in found if (day := _as_day(text))), default=None)


def is_past(folder: Path, day: date) -> bool:
    """Return whether the journal's files hold nothing of any day before this one.

    Args:
        folder: see `earliest_day`.
        day: the first day of which they may hold something.

    Raises:
        OSError: it cannot be known.
    """
    earliest = earliest_day(folder)
    return earliest is None or earliest >= day


def _days(path: str) -> set[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return set()  # done with, a moment ago
    with open(descriptor, "rb", buffering=0) as file:
        found: set[bytes] = set()
        end = b""
        while data := file.read(_AT_ONCE):
            found.update(_DAY.findall(end + data))
            end = data[-_OVERLAP:]
    return found


def _as_day(text: bytes) -> date | None:
    try:
        return date.fromisoformat(text.decode("ascii"))
    except ValueError:
        return None
