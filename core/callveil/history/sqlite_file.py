"""Takes rows out of an SQLite file that another program has open, so that their bytes are gone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from callveil.history.erase import overwrite

_WAIT: Final = 3.0
"""Seconds to wait for the other program; whoever waits for this one meanwhile fails at once."""


@contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file to read, without any lock: a lock could make the other program lose what it writes.

    Raises:
        sqlite3.Error: if it cannot be read, also because it was just being written.
    """
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
        yield connection


def change(path: Path, statements: Sequence[tuple[str, Sequence[Any]]], *, vacuum: bool) -> None:
    """Run statements that delete, and leave nothing of what they deleted in the file or its journal.

    Args:
        path: the file.
        statements: each with its values.
        vacuum: write the file anew as well, so that nothing is left of what was deleted earlier. A program
            that keeps statements ready, as Asterisk does for its own database, cannot use the file any more.

    Raises:
        sqlite3.Error: if another program uses the file, or it cannot be written.
        OSError: if the journal cannot be overwritten.
    """
    status = path.lstat()
    with _as_owner(status), closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as connection:
        for pragma in (
            "secure_delete = ON",
            "temp_store = MEMORY",
            # The journal holds what the pages were before. It is kept, so that it can be overwritten.
            "journal_mode = PERSIST",
            "locking_mode = EXCLUSIVE",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        try:
            for statement, values in statements:
                connection.execute(statement, values)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        if vacuum:
            connection.execute("VACUUM")
        # Nobody else can use the journal before the lock is let go of.
        _wipe(path.with_name(f"{path.name}-journal"))


def _wipe(journal: Path) -> None:
    try:
        descriptor = os.open(journal, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        overwrite(descriptor)
    finally:
        os.close(descriptor)
    journal.unlink()


@contextmanager
def _as_owner(status: os.stat_result) -> Iterator[None]:
    """Do something as the file's owner: root must not be led elsewhere by a link, nor leave files behind."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
