"""What is agreed with the person that a call goes to, asked once for each call."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from callveil.contacts import database
from callveil.contacts.key import Purpose, check_value, derive, digest, read_key
from callveil.contacts.model import Contact, ContactsError

KEY_IS_MISSING: Final = (
    "The contacts' key {key} is missing, so nobody can be found in {database}. Put back a copy of the key. "
    "Without a copy, delete that file and add the contacts again."
)
KEY_HAS_CHANGED: Final = (
    "The contacts' key {key} is not the one that {database} was written with, so nobody can be found there. "
    "Put back the right one. Without it, delete that file and add the contacts again."
)

_Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Opened:
    connection: sqlite3.Connection
    contacts_key: bytes
    check: bytes
    """What the database must still say of its key whenever it is asked."""
    inode: _Inode
    """Which file this was, so that another one in its place is noticed."""


class ContactBook:
    """Looks people up in a database that other programs change.

    The standard library's SQLite is asked, in the thread of the caller: a look-up is some file system calls
    and one search by primary key, all of it microseconds, and a decision must not wait between two of its
    steps. `aiosqlite` would add a thread, and two hand-overs that each take longer than the look-up.

    Args:
        path: the database; while there is no such file, nothing is agreed with anybody.
        key_path: its key.
    """

    def __init__(self, path: Path, key_path: Path) -> None:
        self._path = path
        self._path_text = str(path)
        self._key_path = key_path
        self._opened: _Opened | None = None

    def contact(self, number: str, today: date) -> Contact | None:
        """Return what is agreed with the owner of a number, or None.

        Args:
            number: E.164 with the plus sign.
            today: contacts that expired before this day count as absent.

        Raises:
            ContactsError: if it cannot be known.
        """
        try:
            row = self._row(number)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise database.explain(self._path, error) from None
        contact = database.from_row(row, self._path) if row else None
        return None if contact is None or has_expired(contact, today) else contact

    def check(self) -> None:
        """Find out whether people can be looked up.

        Raises:
            ContactsError: if not.
        """
        self.contact("", date.min)

    def close(self) -> None:
        """Release the database; it is opened again when it is asked again."""
        opened, self._opened = self._opened, None
        if opened:
            with contextlib.suppress(sqlite3.Error):
                opened.connection.close()

    def _row(self, number: str) -> database.Row | None:
        for _ in range(2):
            opened = self._current()
            if opened is None:
                return None
            try:
                found = database.look_up(opened.connection, digest(opened.contacts_key, number))
            except sqlite3.OperationalError as error:
                database.roll_back_after(error, self._path)
                continue
            if found.check == opened.check:
                return found.row
            # Everybody was removed and somebody added with a new key, or a copy was put in the file's place.
            self.close()
        raise ContactsError(f"The contacts {self._path} are being replaced just now.")

    def _current(self) -> _Opened | None:
        """Return the database that the path names now, or None where nothing is agreed with anybody."""
        # While a file is open nothing else can get its inode: another one there is another file.
        inode = _inode(self._path_text)
        if self._opened is not None and self._opened.inode != inode:
            self.close()
        if self._opened is None and inode is not None:
            self._opened = self._open(inode)
        return self._opened

    def _open(self, inode: _Inode) -> _Opened | None:
        connection = database.open_to_read(self._path)
        if connection is None:
            return None
        try:
            if database.has_contacts(connection):
                key = require_key(connection, self._path, self._key_path)
                return _Opened(connection, derive(key, Purpose.CONTACTS), check_value(key), inode)
        except BaseException:
            connection.close()
            raise
        connection.close()  # looked at afresh next time: the first contact may come with another key
        return None


def require_key(connection: sqlite3.Connection, path: Path, key_path: Path) -> bytes:
    """Return the key of a database in which something is agreed.

    Raises:
        ContactsError: if it is missing or another one.
        sqlite3.Error: if the database cannot be read.
    """
    key = read_key(key_path)
    if key is None:
        raise ContactsError(KEY_IS_MISSING.format(key=key_path, database=path))
    if not database.belongs_to(connection, check_value(key)):
        raise ContactsError(KEY_HAS_CHANGED.format(key=key_path, database=path))
    return key


def has_expired(contact: Contact, today: date) -> bool:
    """Return whether the last day of a contact is over."""
    return contact.expires is not None and contact.expires < today


def _inode(path: str) -> _Inode | None:
    """Return which file there is at a path, or None where there is none.

    Raises:
        OSError: if that cannot be known; also if a link leads nowhere, as it may to a disk that is missing.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        found = os.stat(path)
    return found.st_dev, found.st_ino
