"""Changes to what is agreed: kept, removed, and forgotten when its time is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from callveil.contacts import database
from callveil.contacts.book import require_key
from callveil.contacts.key import Purpose, check_value, derive, digest, make_key, read_key
from callveil.contacts.model import Contact, ContactsError

AT_ONCE: Final = 500
"""Contacts that are forgotten in one transaction: a call that is placed meanwhile waits for its end."""


def prepare_key(path: Path, key_path: Path) -> bytes:
    """Return the key, made now where there is none and nothing was kept with another one.

    Args:
        path: the database.
        key_path: the key.

    Raises:
        ContactsError: if there is none and none may be made.
    """
    key = read_key(key_path)
    if key is not None:
        return key
    try:
        connection = database.open_to_read(path) if path.exists() else None
        if connection is not None:
            try:
                if database.has_contacts(connection):
                    return require_key(connection, path, key_path)
            finally:
                connection.close()
    except (sqlite3.Error, OSError) as error:
        raise database.explain(path, error) from None
    return make_key(key_path)


def keep(path: Path, key_path: Path, number: str, contact: Contact) -> bool:
    """Keep what is agreed with the owner of a number; return whether something was agreed before.

    Args:
        path: the database, created where there is none.
        key_path: its key, made where there is none.
        number: E.164 with the plus sign.
        contact: all that is agreed from now on.

    Raises:
        ContactsError: if it cannot be kept; nothing was changed.
    """
    prepare_key(path, key_path)
    with _writing(path, create=True) as connection:
        key = _key_to_write_with(connection, path, key_path)
        mine = digest(derive(key, Purpose.CONTACTS), number)
        replaced = database.look_up(connection, mine).row is not None
        connection.execute(
            "INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?)", (mine, *database.to_row(contact))
        )
    return replaced


def remove(path: Path, key_path: Path, number: str) -> bool:
    """Remove what is agreed with the owner of a number; return whether anything was.

    Args:
        path: the database.
        key_path: its key.
        number: E.164 with the plus sign.

    Raises:
        ContactsError: if it cannot be removed.
    """
    if not _exists(path):
        return False
    with _writing(path, create=False) as connection:
        if not database.has_contacts(connection):
            return False
        key = require_key(connection, path, key_path)
        mine = digest(derive(key, Purpose.CONTACTS), number)
        return connection.execute("DELETE FROM contacts WHERE digest = ?", (mine,)).rowcount > 0


def forget_expired(path: Path, today: date) -> int:
    """Delete the contacts that expired before a day; return how many. It needs no key.

    Args:
        path: the database.
        today: the day.

    Raises:
        ContactsError: if they cannot be deleted.
    """
    forgotten = 0
    while _exists(path):
        with _writing(path, create=False) as connection:
            gone = connection.execute(
                "DELETE FROM contacts WHERE digest IN"
                " (SELECT digest FROM contacts WHERE expires <> '' AND expires < ? LIMIT ?)",
                (today.isoformat(), AT_ONCE),
            ).rowcount
        forgotten += gone
        if gone < AT_ONCE:
            break
    return forgotten


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise database.explain(path, error) from None
    return True


def _key_to_write_with(connection: sqlite3.Connection, path: Path, key_path: Path) -> bytes:
    """Return the key; a database in which nothing is agreed takes any key for its own."""
    if database.has_contacts(connection):
        return require_key(connection, path, key_path)
    key = read_key(key_path)
    if key is None:
        raise ContactsError(f"The contacts' key {key_path} was deleted meanwhile.")
    connection.execute("DELETE FROM key")
    connection.execute("INSERT INTO key VALUES (?)", (check_value(key),))
    return key


@contextmanager
def _writing(path: Path, *, create: bool) -> Iterator[sqlite3.Connection]:
    """Give a transaction that is committed at the end, and undone when anything goes wrong.

    Raises:
        ContactsError: in place of what SQLite or the system says.
    """
    try:
        connection = database.open_to_write(path, create=create)
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise database.explain(path, error) from None
