"""The file that holds what is agreed: opened, checked, and its errors said in plain words.

SQLite's rollback journal is used and not its write-ahead log: Asterisk's user may read this file but not
write beside it, and readers of a write-ahead log have to.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from callveil.contacts.hours_text import HoursError, parse_hours, write_hours
from callveil.contacts.model import Contact, ContactsError
from callveil.whole_files import MODE, give_to_folder

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x56454943
"""Marks the file as Callveil's contacts, in the header that SQLite has for it."""

READ_BUSY_SECONDS: Final = 0.5
"""How long a call waits for somebody who is writing just now. Asterisk gives up after 3 seconds."""

WRITE_BUSY_SECONDS: Final = 5.0

Row = tuple[str, str, str, str]
"""A contact as it is stored: outbound, hours, zone, expires."""

# Always one row: the key's check value comes with every answer.
_LOOK_UP: Final = (
    "SELECT check_value, outbound, hours, zone, expires FROM key LEFT JOIN contacts ON digest = ?"
)

_TABLES: Final = (
    "CREATE TABLE key (check_value BLOB NOT NULL) STRICT",
    # Without row numbers, which would tell in which order people were added.
    "CREATE TABLE contacts (digest BLOB NOT NULL PRIMARY KEY, outbound TEXT NOT NULL, hours TEXT NOT NULL,"
    " zone TEXT NOT NULL, expires TEXT NOT NULL) STRICT, WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_SAID: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it may not be written; check its owner and that its folder may be written",
    sqlite3.SQLITE_PERM: "it may not be opened; check its owner",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check its owner and mode",
    sqlite3.SQLITE_BUSY: "another program has held it for too long",
    sqlite3.SQLITE_LOCKED: "another program has held it for too long",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written, or is full",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database",
    sqlite3.SQLITE_CORRUPT: "it is damaged; put back a copy, or delete it and add the contacts again",
}


class Found(NamedTuple):
    """What a look-up gives.

    Attributes:
        check: of the key that the database was written with.
        row: None where nothing is agreed.
    """

    check: bytes
    row: Row | None


def explain(path: Path, error: Exception) -> ContactsError:
    """Return a plain error for what SQLite or the system says (codes: https://www.sqlite.org/rescode.html).

    The error's own words are left out, but for a system's: they could quote a statement's values.
    """
    if isinstance(error, OSError):
        said = error.strerror or type(error).__name__
    else:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        said = _SAID.get(code, f"SQLite failed ({type(error).__name__}, code {code})")
    return ContactsError(f"The contacts {path}: {said}.")


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """Open a database of this version, or return None where it has never been written.

    Raises:
        ContactsError: if the file is something else.
        sqlite3.Error: see `explain`.
    """
    connection = _connect(path, "ro", READ_BUSY_SECONDS)
    try:
        try:
            known = check_schema(connection, path)
        except sqlite3.OperationalError as error:
            roll_back_after(error, path)
            known = check_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    if not known:
        connection.close()
        return None
    return connection


def roll_back_after(error: sqlite3.OperationalError, path: Path) -> None:
    """Undo what a killed writer left half done, if that is what a reader was told of; else raise the error.

    Raises:
        sqlite3.Error: also if this user may not write; nobody else can clear up.
    """
    if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
        raise error
    connection = _connect(path, "rw", READ_BUSY_SECONDS)
    try:
        # SQLite does it by itself when somebody who may write reads.
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    finally:
        connection.close()


def open_to_write(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a database in a transaction of the only writer; close it to give that up.

    Raises:
        ContactsError: if the file is something else.
        OSError: if it cannot be created.
        sqlite3.Error: see `explain`.
    """
    if create:
        _create_empty(path)
    connection = _connect(path, "rw", WRITE_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        # What is deleted is overwritten, not only marked as free.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        if not check_schema(connection, path):
            for statement in _TABLES:
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def check_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the database has its tables; False means that nothing was ever written to it.

    Raises:
        ContactsError: if it is something else, or of another version.
        sqlite3.Error: if it cannot be read.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchall()[0]
    (version,) = connection.execute("PRAGMA user_version").fetchall()[0]
    if (application, version) == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
        return False
    if application != APPLICATION_ID:
        raise ContactsError(f"The file {path} is not the contacts of Callveil.")
    if version != SCHEMA_VERSION:
        raise ContactsError(
            f"The contacts {path} were written by another version of Callveil (their layout is {version}, "
            f"this one knows {SCHEMA_VERSION}): install the newer version."
        )
    return True


def has_contacts(connection: sqlite3.Connection) -> bool:
    """Return whether anything is agreed with anybody.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    return bool(connection.execute("SELECT 1 FROM contacts LIMIT 1").fetchall())


def belongs_to(connection: sqlite3.Connection, check: bytes) -> bool:
    """Return whether the database was written with the key that has this check value.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    return connection.execute("SELECT check_value FROM key").fetchall() == [(check,)]


def look_up(connection: sqlite3.Connection, digest: bytes) -> Found:
    """Return what is stored for a digest.

    Raises:
        sqlite3.Error: if it cannot be read.
    """
    # Every row is taken: a statement that could give more would keep writers out.
    rows = connection.execute(_LOOK_UP, (digest,)).fetchall()
    if not rows:
        return Found(b"", None)
    check, *row = rows[0]
    return Found(check, None if row[0] is None else (row[0], row[1], row[2], row[3]))


def to_row(contact: Contact) -> Row:
    """Return a contact as it is stored."""
    expires = contact.expires.isoformat() if contact.expires else ""
    return contact.outbound, "; ".join(map(write_hours, contact.hours)), contact.zone, expires


def from_row(row: Row, path: Path) -> Contact:
    """Return the contact of a row.

    Raises:
        ContactsError: if no version of Callveil writes such a row.
    """
    outbound, hours, zone, expires = row
    try:
        return Contact(
            outbound,
            tuple(parse_hours(part) for part in hours.split("; ")) if hours else (),
            zone,
            date.fromisoformat(expires) if expires else None,
        )
    except (HoursError, ValueError):
        raise ContactsError(
            f"The contacts {path} hold a rule that this version of Callveil cannot read."
        ) from None


def _connect(path: Path, mode: str, busy_seconds: float) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    # Transactions are begun in words: the module's own would begin them late, as readers.
    return sqlite3.connect(address, uri=True, timeout=busy_seconds, isolation_level=None)


def _create_empty(path: Path) -> None:
    """Create an empty file unless there is one; SQLite gives its journal the same owner and mode."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return
    try:
        give_to_folder(descriptor, path.parent)
    finally:
        os.close(descriptor)
