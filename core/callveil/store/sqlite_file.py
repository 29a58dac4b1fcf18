"""The file of a SQLite store: how it is made and opened, and what is said of its errors."""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiosqlite

from callveil.store.interface import StoreError

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another program that writes."""

_OPEN_ATTEMPTS: Final = 40  # a quarter of a second apart: twice BUSY_SECONDS

# Its DEBUG messages repeat every statement with its values.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)


def move_away(path: Path) -> str:
    """Return what to do about a file that is of no use; what stands beside it belongs to it."""
    return (
        f"move it away with what belongs to it: mv {path}* FOLDER. Then put a copy in its place, if there is"
        " one; without one a new store begins"
    )


def _give_back(path: Path) -> str:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return f"it and its folder must belong to the user that Callveil runs as: chown {user} {path}*"


def explain(path: Path, error: Exception) -> StoreError:
    """Return a plain error for what SQLite says (codes: https://www.sqlite.org/rescode.html)."""
    if isinstance(error, ValueError):
        return StoreError(f"The record store {path}: it was closed or holds a value that no record has.")
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    said = {
        sqlite3.SQLITE_FULL: "the disk is full; make room there",
        sqlite3.SQLITE_READONLY: f"it may not be written; {_give_back(path)}",
        sqlite3.SQLITE_PERM: f"it may not be opened; {_give_back(path)}",
        sqlite3.SQLITE_CANTOPEN: f"it cannot be opened; {_give_back(path)}",
        sqlite3.SQLITE_BUSY: f"another program has held it for too long; fuser {path} names it",
        sqlite3.SQLITE_LOCKED: f"another program has held it for too long; fuser {path} names it",
        sqlite3.SQLITE_IOERR: "the disk cannot be read or written, or is full; make room there",
        sqlite3.SQLITE_NOTADB: f"it is not a SQLite database, or its beginning is damaged; {move_away(path)}",
        sqlite3.SQLITE_CORRUPT: f"it is damaged; {move_away(path)}",
    }.get(code, f"SQLite failed ({type(error).__name__}, code {code})")
    return StoreError(f"The record store {path}: {said}.")


def create_private(path: Path) -> None:
    """Create an empty file that only its owner may read, unless there is one.

    SQLite gives the ``-wal`` and ``-shm`` files beside it the same mode.

    Raises:
        StoreError: it cannot be created.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"The record store {path} cannot be created: {error.strerror}.") from error


def require_file(path: Path) -> None:
    """Check that there is something to read.

    Raises:
        StoreError: there is not, or it cannot be known.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise StoreError(
            f"The record store {path} does not exist; nothing has been recorded there."
        ) from None
    except OSError as error:
        raise StoreError(f"The record store {path} cannot be looked at: {error.strerror}.") from None


def address(path: Path, *, read_only: bool) -> str:
    """Return a file's address for SQLite, which never creates it (https://www.sqlite.org/uri.html)."""
    return f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rw'}"


def connect(path: Path, *, read_only: bool) -> aiosqlite.Connection:
    """Return a connection that is opened when it is awaited."""
    # Transactions are begun in words: the module's own would begin them late, as readers.
    return aiosqlite.connect(
        address(path, read_only=read_only), uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )


async def set_up(database: aiosqlite.Connection, *, read_only: bool) -> None:
    """Make a connection write nothing anywhere but in the store's own files, and those so that it lasts.

    Raises:
        sqlite3.Error: it cannot.
    """
    await database.execute("PRAGMA temp_store=MEMORY")  # no copy of a sorted table in a temporary file
    if read_only:
        return
    for attempt in range(_OPEN_ATTEMPTS):
        try:
            await database.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # Changing the mode does not wait for another process that opens the file just now.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _OPEN_ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.25)
    await database.execute("PRAGMA synchronous=FULL")
    await database.execute("PRAGMA secure_delete=ON")
