"""The key that stands between a number and what is kept of it."""

from __future__ import annotations

import contextlib
import hmac
import os
from enum import Enum
from pathlib import Path
from typing import Final

from callveil.contacts.model import ContactsError

KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
"""Kept of a digest: two of a million people share one with a chance below 1 in 10**26."""


class Purpose(Enum):
    """What a key is derived for: what is seen of one use says nothing about another."""

    CONTACTS = b"callveil contacts"
    CHECK = b"callveil contacts check"
    POOLS = b"callveil pools"


def derive(key: bytes, purpose: Purpose) -> bytes:
    """Return the key for one purpose; it does not lead back to `key`."""
    return hmac.digest(key, purpose.value, "sha256")


def check_value(key: bytes) -> bytes:
    """Return what a database remembers of its key, to notice another one."""
    return derive(key, Purpose.CHECK)[:DIGEST_BYTES]


def digest(contacts_key: bytes, number: str) -> bytes:
    """Return what stands for a number in the database.

    Args:
        contacts_key: derived for `Purpose.CONTACTS`.
        number: E.164 with the plus sign.
    """
    return hmac.digest(contacts_key, number.encode(), "sha256")[:DIGEST_BYTES]


def read_key(path: Path) -> bytes | None:
    """Return the key, or None where there is no such file.

    Raises:
        ContactsError: if it cannot be read or is no key.
    """
    try:
        with open(path, "rb") as file:
            key = file.read(KEY_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContactsError(f"The contacts' key {path} cannot be read: {error.strerror}.") from None
    if len(key) != KEY_BYTES:
        raise ContactsError(
            f"The contacts' key {path} is damaged: it must have {KEY_BYTES} bytes. Put back a copy of it. "
            "Without a copy, delete it and the contacts' database, and add the contacts again."
        )
    return key


def make_key(path: Path) -> bytes:
    """Return the key, after making one where there is none. No key is ever overwritten.

    Of several processes that do this at once, all return the same key.

    Raises:
        ContactsError: if it can be neither read nor made.
    """
    key = read_key(path)
    if key is not None:
        return key
    try:
        _create(path)
    except OSError as error:
        raise ContactsError(f"The contacts' key {path} cannot be made: {error.strerror}.") from None
    key = read_key(path)
    if key is None:
        raise ContactsError(f"The contacts' key {path} was deleted while it was made.")
    return key


def _create(path: Path) -> None:
    """Put a new key there, whole, unless somebody else was faster."""
    import tempfile  # noqa: PLC0415 - a script that only reads must not pay for what it loads

    from callveil.whole_files import give_to_folder, sync_folder  # noqa: PLC0415

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            give_to_folder(descriptor, path.parent)
            os.fsync(descriptor)
        # A link, unlike a renaming, fails where there is a file of this name already.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    sync_folder(path.parent)
