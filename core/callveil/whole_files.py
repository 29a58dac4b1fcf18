"""Files that the daemon's user can change and Asterisk can read, whoever made them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

MODE: Final = 0o640


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, for the owner and group of its folder.

    Raises:
        OSError: if it cannot be written; whatever was there before still is.
    """
    import tempfile  # noqa: PLC0415 - a script that only reads must not pay for what it loads

    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            give_to_folder(descriptor, path.parent)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def give_to_folder(descriptor: int, folder: Path) -> None:
    """Give an open file the owner and group of its folder, readable for both and writable for the owner.

    The folder belongs to the daemon's user and to Asterisk's group. A file that root makes there would
    otherwise be out of reach of both.

    Raises:
        OSError: if the folder cannot be looked at or the mode cannot be set.
    """
    whose = folder.stat()
    # Only root may give a file away, and only members of a group may give it to that group.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, whose.st_uid if os.geteuid() == 0 else -1, whose.st_gid)
    os.fchmod(descriptor, MODE)


def sync_folder(folder: Path) -> None:
    """Make what was just created in a folder last through a power cut.

    Raises:
        OSError: if the folder cannot be opened or written.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
