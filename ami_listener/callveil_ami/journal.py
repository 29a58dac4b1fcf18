"""Brings the journal that Asterisk writes into the store: every record, whatever stops when.

``cdr_custom`` opens ``journal.csv``, appends one line and closes it, for each record
(``cdr/cdr_custom.c``: ``custom_log``). The way of a record, and what a crash after each step leaves:

1. ``journal.csv`` is renamed to ``taken-….csv``; Asterisk makes a new one. A taken file is found on start.
2. Its complete lines are committed to the store. Read again, they are known there by their keys.
3. It is watched for a while: Asterisk may have opened it before the rename and write to it after. What is
   added is committed too.
4. What in it is no record is described in ``set-aside.csv``. After a crash here it is described twice.
5. It is deleted. After a power cut it may be there again: as after step 2.

Several Callveils may work on one folder with one store: each brings in what it finds, and a file is described
and deleted by one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import secrets
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callveil.record import Record
from callveil.store.interface import StoreError

from callveil_ami.room import is_full
from callveil_ami.taken import NotPlainError, describe_bad, is_written, open_plain, read_piece
from callveil_ami.waiting import first_of, plain_error, say

log = logging.getLogger(__name__)

JOURNAL: Final = "journal.csv"
SET_ASIDE: Final = "set-aside.csv"
GRACE: Final = 2.0
"""Seconds without growth after which a taken file may be deleted, if nobody has it open for writing."""

LONG_GRACE: Final = 30.0
"""The same where the system does not tell who has it open: Callveil runs as another user than Asterisk."""

POLL: Final = 1.0
_LEAST_PAUSE: Final = 0.2  # seconds between two looks, however many events wake it

Commit = Callable[[Sequence[Record]], Awaitable[int]]


@dataclass(slots=True)
class _Taken:
    """How far a taken file is read.

    Attributes:
        end: bytes that are committed.
        grown: loop time at which it was last seen to grow.
        bad: whether something in it is no record.
    """

    end: int
    grown: float
    bad: bool = False


class Journal:
    """The reader of one journal folder.

    Args:
        folder: where Asterisk writes ``journal.csv``.
        commit: puts records in the store; raises `StoreError` if it cannot.
        troubles: where it says what is wrong.
        grace: seconds; see `GRACE`.
        long_grace: seconds; see `LONG_GRACE`.
        poll: seconds between two looks.
    """

    def __init__(
        self,
        folder: Path,
        commit: Commit,
        troubles: dict[str, str],
        *,
        grace: float = GRACE,
        long_grace: float = LONG_GRACE,
        poll: float = POLL,
    ) -> None:
        self._folder = folder
        self._commit = commit
        self._troubles = troubles
        self._grace = grace
        self._long_grace = long_grace
        self._poll = poll
        self._taken: dict[Path, _Taken] = {}
        self._aside_seen = -1

    async def run(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Bring records in until told to stop; `wake` makes it look at once."""
        while not stop.is_set():
            wake.clear()
            await self.sweep(stop)
            await first_of(stop, seconds=min(_LEAST_PAUSE, self._poll))
            await first_of(stop, wake, seconds=max(0.0, self._poll - _LEAST_PAUSE))

    async def sweep(self, stop: asyncio.Event | None = None) -> None:
        """Look once: take the journal, commit what is new in all taken files, delete those that are done.

        Says what goes wrong and leaves the files for the next look.
        """
        problem = ""
        await self._say_room()
        try:
            paths = await asyncio.to_thread(_take, self._folder)
        except OSError as error:
            paths, problem = [], self._explain(error)
        self._taken = {path: taken for path, taken in self._taken.items() if path in paths}
        for path in paths:
            if stop and stop.is_set():
                return
            try:
                await self._bring_in(path, stop)
            except StoreError:
                return  # said by the recorder; nothing is deleted
            except FileNotFoundError:
                self._taken.pop(path, None)  # another Callveil on this folder is done with it
            except OSError as error:
                problem = self._explain(error)
        if not problem:
            self._troubles.pop("journal", None)
        elif say(self._troubles, "journal", problem):
            log.warning("%s", problem)
        with contextlib.suppress(OSError):
            await self._say_set_aside()

    async def _say_room(self) -> None:
        try:
            full = await asyncio.to_thread(is_full, self._folder)
        except OSError:
            return  # the folder itself is missing, which is said
        if not full:
            self._troubles.pop("journal-disk", None)
            return
        text = (
            f"The disk of the journal folder {self._folder} is full: make room there. Until then Asterisk"
            " tells of calls by its events alone, and those that end while Callveil does not run are lost."
        )
        if say(self._troubles, "journal-disk", text):
            log.warning("%s", text)

    def _explain(self, error: OSError) -> str:
        if isinstance(error, NotPlainError):
            kind = SET_ASIDE if Path(error.filename).name == SET_ASIDE else "taken-….csv"
            return (
                f"The journal in {self._folder} cannot be worked on: what is called {kind} there is no plain"
                " file. Look at it and move it away; everything else goes on."
            )
        if isinstance(error, FileNotFoundError):
            return (
                f"The journal folder {self._folder} does not exist, so Asterisk cannot write records there:"
                " make it as the README says."
            )
        if isinstance(error, PermissionError):
            return (
                f"The journal in {self._folder} may not be read or moved by the user that Callveil runs as:"
                " that user needs the folder's group, with write permission, and the files' group."
            )
        return f"The journal in {self._folder} cannot be worked on ({plain_error(error)}). Trying again."

    async def _bring_in(self, path: Path, stop: asyncio.Event | None) -> None:
        clock = asyncio.get_running_loop().time
        taken = self._taken.setdefault(path, _Taken(end=0, grown=clock()))
        await self._read(path, taken, stop)
        quiet = clock() - taken.grown
        if quiet < self._grace or (stop and stop.is_set()):
            return
        written = await asyncio.to_thread(is_written, path)
        if written or (written is None and quiet < self._long_grace):
            return
        # Nobody writes to it any more: a last line without an end is one too.
        await self._read(path, taken, stop, last=True)
        if stop and stop.is_set():
            return
        done = await asyncio.to_thread(
            _finish, path, taken.end, self._folder / SET_ASIDE if taken.bad else None
        )
        if done:
            self._taken.pop(path, None)
        else:
            self._taken[path] = _Taken(
                end=0, grown=clock()
            )  # it grew after all: once more from its beginning

    async def _read(
        self, path: Path, taken: _Taken, stop: asyncio.Event | None, *, last: bool = False
    ) -> None:
        while not (stop and stop.is_set()):
            piece = await asyncio.to_thread(read_piece, path, taken.end, last=last)
            if piece.records:
                await self._commit(piece.records)
            if piece.end > taken.end:
                taken.grown = asyncio.get_running_loop().time()
            taken.bad = taken.bad or bool(piece.bad)
            taken.end = piece.end
            if piece.whole:
                return

    async def _say_set_aside(self) -> None:
        path = self._folder / SET_ASIDE
        size = await asyncio.to_thread(_size, path)
        if size == self._aside_seen:
            return
        self._aside_seen = size
        if not size:
            self._troubles.pop("set-aside", None)
            return
        count = await asyncio.to_thread(_count_lines, path)
        lines = (
            "1 line of the journal is no record"
            if count == 1
            else f"{count} lines of the journal are no records"
        )
        text = (
            f"{lines}, and calls may be missing from the totals:"
            f" {path} has what is known of them. Delete that file once you have looked."
        )
        if say(self._troubles, "set-aside", text):
            log.warning("%s", text)


def _take(folder: Path) -> list[Path]:
    """Rename the journal, if there is one, and return all taken files."""
    journal = folder / JOURNAL
    with contextlib.suppress(FileNotFoundError):
        if journal.lstat().st_size:
            journal.rename(folder / f"taken-{secrets.token_hex(8)}.csv")
    return sorted(
        Path(entry.path)
        for entry in os.scandir(folder)
        if entry.name.startswith("taken-") and entry.name.endswith(".csv")
    )


def _set_aside(taken: Path, aside: Path) -> None:
    """Append what is safe to say of the things in a taken file that are no records."""
    lines = "".join(f"{line}\n" for line in describe_bad(taken)).encode("ascii")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(aside, flags, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise NotPlainError(aside) from error
        raise
    with open(descriptor, "wb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotPlainError(aside)
        while lines:
            lines = lines[file.write(lines) :]
        os.fsync(descriptor)


def _finish(path: Path, size: int, aside: Path | None) -> bool:
    """Describe what is no record in a taken file, if told where, and delete the file; return whether it did.

    A file that no longer has exactly this size is left alone. One that another Callveil is finishing counts
    as deleted.

    Raises:
        OSError: it could not be done, or another Callveil has done it.
    """
    descriptor = open_plain(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        if not os.fstat(descriptor).st_nlink:
            return True
        if os.fstat(descriptor).st_size != size:
            return False
        if aside:
            _set_aside(path, aside)
            if os.fstat(descriptor).st_size != size:
                return False
        path.unlink()
        return True
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _count_lines(path: Path) -> int:
    with open(open_plain(path), "rb") as file:
        return sum(1 for _ in file)
