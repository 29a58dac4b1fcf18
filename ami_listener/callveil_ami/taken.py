"""One journal file that was taken from Asterisk: reading it in pieces, and when it may be deleted."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callveil.record import Record

from callveil_ami.lines import MAX_LINE, describe, read_line

CHUNK: Final = 64 * 1024
"""Bytes read and committed at once: some 600 records."""


class NotPlainError(OSError):
    """Something that is no plain file, where one should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a plain file", str(path))


def open_plain(path: Path) -> int:
    """Open a file for reading and return its descriptor; never a link, a pipe or a device.

    Raises:
        NotPlainError: it is none.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise NotPlainError(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlainError(path)
    return descriptor


@dataclass(slots=True)
class Piece:
    """What one read found.

    Attributes:
        records: the records in it.
        bad: the things in it that are no records.
        of_first: how many of these are in its first line.
        goes_on: whether it ends within a line that is longer than any record, of which more follows.
        end: where in the file it ends.
        whole: whether nothing is left in the file but a line without an end.
    """

    records: list[Record] = field(default_factory=list)
    bad: list[bytes] = field(default_factory=list)
    of_first: int = 0
    goes_on: bool = False
    end: int = 0
    whole: bool = True

    def take_in(self, line: bytes) -> None:
        """Add what a line says."""
        records, rests = read_line(line)
        self.records += records
        self.bad += [rest[:MAX_LINE] for rest in rests]


def read_piece(path: Path, start: int, *, last: bool = False) -> Piece:
    """Read the next complete lines of a file.

    Args:
        path: the file.
        start: where to begin.
        last: whether nobody writes to it any more, so that a line without an end is one too.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = open_plain(path)
    try:
        data = os.pread(descriptor, CHUNK, start)
    finally:
        os.close(descriptor)
    full = len(data) == CHUNK
    length = len(data) if last and not full else data.rfind(b"\n") + 1
    piece = Piece(end=start + length, whole=not full)
    if full and not length:
        # Longer than any line, but whole records may stand in it; one at its end is read once more.
        piece.end += CHUNK - MAX_LINE
        piece.take_in(data)
        piece.goes_on = True
        return piece
    for number, line in enumerate(data[:length].split(b"\n")):
        piece.take_in(line)
        if not number:
            piece.of_first = len(piece.bad)
    return piece


def describe_bad(path: Path) -> list[str]:
    """Return what may safely be kept of each thing in a file that is no record, a line of text each.

    A line that is longer than any record is one thing, however long it is.

    Raises:
        OSError: it cannot be read.
    """
    found: list[str] = []
    piece = Piece(whole=False)
    while not piece.whole:
        before, piece = piece, read_piece(path, piece.end, last=True)
        if piece.goes_on:
            found += [] if before.goes_on else [describe(rest) for rest in piece.bad[:1]]
        else:
            found += [describe(rest) for rest in piece.bad[piece.of_first if before.goes_on else 0 :]]
    return found


def is_written(path: Path) -> bool | None:
    """Return whether a program has a file open for writing, or None where the system does not tell.

    Linux grants a read lease only on a file that nobody has open for writing (``fcntl(2)``, ``F_SETLEASE``),
    and grants it only to the file's owner.

    Raises:
        OSError: the file cannot be opened.
    """
    descriptor = open_plain(path)
    try:
        answer = _ask_lease(descriptor)
    finally:
        os.close(descriptor)  # gives the lease back
    if answer and not _tells_leases(path.parent):
        return None
    return answer


def _ask_lease(descriptor: int) -> bool | None:
    """Return whether a lease is refused because of a writer; None where it is refused for another reason."""
    try:
        # Sent to this process if somebody opens the file right now: SIGIO would end it, SIGURG does nothing.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False


def _tells_leases(folder: Path) -> bool:
    """Return whether leases mean anything here; on a container's overlay, each is refused."""
    try:
        # A file without a name: whoever is killed now leaves nothing behind.
        writable = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        readable = os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    finally:
        os.close(writable)
    try:
        return _ask_lease(readable) is False
    finally:
        os.close(readable)
