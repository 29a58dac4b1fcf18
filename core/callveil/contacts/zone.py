"""Names of time zones, and which one this machine is in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

_LOCALTIME: Final = Path("/etc/localtime")
_TIMEZONE: Final = Path("/etc/timezone")


def is_zone(name: str) -> bool:
    """Return whether a time zone of the IANA database has this name, and its data is installed."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: no such zone
        return False
    return True


def machine_zone() -> str:
    """Return the name of this machine's time zone; empty where it cannot be known."""
    candidates = (os.environ.get("TZ", "").removeprefix(":"), _name_of_localtime(), _first_line(_TIMEZONE))
    return next((name for name in candidates if name and is_zone(name)), "")


def _name_of_localtime() -> str:
    """Return the name that a link to the zone's data gives away."""
    try:
        target = os.path.realpath(_LOCALTIME, strict=True)
    except OSError:
        return ""
    return target.partition("/zoneinfo/")[2].removeprefix("posix/")


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").split("\n", 1)[0].strip()
    except (OSError, ValueError):
        return ""
