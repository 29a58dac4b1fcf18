"""A folder that others may write to, looked through without following any link that is in it.

Asterisk's user owns most of these folders, and the purge runs as root: a link, a second name of another
file, a pipe or a device among the files is refused and said, never opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_DEPTH: Final = 12


class RefusedError(Exception):
    """A file that is not touched; the text says what it is."""


class _Search(NamedTuple):
    wanted: Callable[[str], object]
    found: list[str]


class Tree:
    """A folder of Asterisk's.

    Args:
        root: where the machine's disk is; `/` unless it is mounted elsewhere.
        folder: its path on that machine.

    Attributes:
        shown: the folder, as people know it.
        unseen: what could not be looked at in the last `files`, and why.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self.root = root
        self.shown = folder
        self.unseen: list[str] = []

    @contextmanager
    def _top(self) -> Iterator[int]:
        """Open the folder itself. It may be a link on this machine's own disk, where root has made it."""
        if self.root == Path("/"):
            descriptor = os.open(self.shown, _FOLDER)
        else:
            top = os.open(self.root, _FOLDER)
            try:
                descriptor = _descend(top, PurePosixPath(self.shown.lstrip("/")).parts)
            finally:
                os.close(top)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        parts = PurePosixPath(path).parts
        with self._top() as top:
            descriptor = _descend(top, parts[:-1])
            try:
                yield descriptor, parts[-1]
            finally:
                os.close(descriptor)

    def real_path(self, path: str) -> Path:
        """Return a file's path for a library that opens files by name."""
        return self.root / self.shown.lstrip("/") / path

    def status(self, path: str) -> os.stat_result | None:
        """Return what is known of a file or folder, not of what it links to; None where there is none."""
        try:
            with self._parent(path) as (folder, name):
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None

    def files(
        self,
        below: str = "",
        depth: int = _MAX_DEPTH,
        wanted: Callable[[str], object] = lambda path: True,
    ) -> list[str]:
        """Return the paths of the files in a folder and those below it, in order.

        Args:
            below: a folder in this one; the whole of it where it is empty.
            depth: how many levels of folders; 1 is this folder's files alone.
            wanted: says of a path whether it matters; nothing is said of other files.
        """
        self.unseen = []
        found: list[str] = []
        try:
            with self._top() as top:
                descriptor = _descend(top, PurePosixPath(below).parts)
                try:
                    self._walk(descriptor, PurePosixPath(below), depth, _Search(wanted, found))
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.unseen.append(f"{self.folder(below)}: {_reason(error)}.")
        return sorted(found)

    def folder(self, below: str) -> str:
        """Return a folder's path, as people know it."""
        return str(PurePosixPath(self.shown) / below)

    def _walk(
        self,
        descriptor: int,
        path: PurePosixPath,
        depth: int,
        search: _Search,
    ) -> None:
        refused: dict[str, int] = {}
        with os.scandir(descriptor) as entries:
            listed = list(entries)
        for entry in listed:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if depth > 1:
                    self._walk_below(descriptor, entry.name, path, depth, search)
                continue
            if not search.wanted(str(path / entry.name)):
                continue
            try:
                _require_own(status)
            except RefusedError as error:
                refused[str(error)] = refused.get(str(error), 0) + 1
            else:
                search.found.append(str(path / entry.name))
        for what, number in refused.items():
            self.unseen.append(f"{self._told(path)}: {number} not touched: {what}.")

    def _walk_below(
        self,
        descriptor: int,
        name: str,
        path: PurePosixPath,
        depth: int,
        search: _Search,
    ) -> None:
        try:
            below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        except OSError as error:
            self.unseen.append(f"A folder in {self._told(path)}: {_reason(error)}.")
            return
        try:
            self._walk(below, path / name, depth - 1, search)
        finally:
            os.close(below)

    def _told(self, path: PurePosixPath) -> str:
        # A mailbox, a recording's folder and others may be named by a number: only the first level is told.
        return str(PurePosixPath(self.shown, *path.parts[:1]))

    @contextmanager
    def open(self, path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
        """Open a file that is nothing but a file, and has no other name.

        Raises:
            RefusedError: if it is anything else.
            OSError: if it cannot be opened.
        """
        with self._parent(path) as (folder, name):
            # Even opening a device can do something.
            _require_own(os.stat(name, dir_fd=folder, follow_symlinks=False))
            descriptor = os.open(name, flags | _FILE, dir_fd=folder)
            try:
                _require_own(os.fstat(descriptor))
                yield descriptor
            finally:
                os.close(descriptor)

    def unlink(self, path: str) -> None:
        """Take a file's name out of its folder, for good.

        Raises:
            OSError: if that cannot be done.
        """
        with self._parent(path) as (folder, name):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)


def _descend(top: int, parts: tuple[str, ...]) -> int:
    """Open a folder below another, following no link on the way."""
    descriptor = os.dup(top)
    try:
        for part in parts:
            below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_own(status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        raise RefusedError("a link to somewhere else")
    if not stat.S_ISREG(mode):
        raise RefusedError("a pipe, a device or a socket")
    if status.st_nlink > 1:
        raise RefusedError("a file that has a second name elsewhere")


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "this user may not read it"
    if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
        return "it is a link, which is not followed"
    return (error.strerror or "it cannot be read").lower()
