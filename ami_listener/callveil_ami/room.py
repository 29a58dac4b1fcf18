"""Whether the disk that a folder is on has room for what others write there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

LEAST: Final = 64 * 1024
"""Bytes; with less, the disk counts as full."""


def is_full(folder: Path) -> bool:
    """Return whether an ordinary user finds no room on a folder's disk, for bytes or for files.

    Raises:
        OSError: the folder cannot be looked at.
    """
    disk = os.statvfs(folder)
    # A file system without a fixed number of files says that it has none at all.
    return disk.f_bavail * disk.f_frsize < LEAST or (disk.f_files > 0 and disk.f_favail == 0)
