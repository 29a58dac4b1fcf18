"""Files that the daemon's user can change and Asterisk can read, whoever made them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

MODE: Final = 0o640


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
