"""Reads where the settings keep a few things, without all that it takes to check the rest of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from callveil.settings import Settings

NAMES: Final = ("contacts", "contacts_key", "trunks")
"""The settings that a script for each call needs and its environment does not name."""

_MAX_BYTES: Final = 256 * 1024
# A path that YAML cannot read as anything else: no quotes, no blanks.
_LINE: Final = re.compile(r"([a-z_]+): +(/[A-Za-z0-9_./-]+)\s*")


def load_settings_for_script(path: Path) -> Settings:
    """Return settings of which those in `NAMES` are as in a file, and others as shipped.

    Written as in the example they are found line by line, in a fraction of a millisecond. Anything else is
    left to the reader that checks the whole file, for which a call waits about as long again as for the rest
    of the script.

    Args:
        path: the settings; without such a file all is as shipped.

    Raises:
        SettingsError: if the file had to be read as a whole and has mistakes.
        OSError: if it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return Settings()
    found = _read_lines(text)
    if found is not None:
        usual = Settings()
        return Settings(
            contacts=found.get("contacts", usual.contacts),
            contacts_key=found.get("contacts_key", usual.contacts_key),
            trunks=found.get("trunks", usual.trunks),
        )
    from callveil.settings_file import load_settings  # noqa: PLC0415 - slow, see above

    return load_settings(path, required=True)


def _read_lines(text: str) -> dict[str, Path] | None:
    """Return the paths that stand in lines of their own, or None where one may stand there otherwise."""
    found: dict[str, Path] = {}
    may_go_on = False
    for raw in text.splitlines():
        line = "" if raw.lstrip().startswith("#") else raw.partition(" #")[0]
        if may_go_on and line[:1] in (" ", "\t") and line.strip():
            return None  # YAML takes an indented line for more of the path before it
        may_go_on = may_go_on and not line.strip()
        if not any(name in line for name in NAMES):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in NAMES or match[1] in found or ".." in match[2].split("/"):
            return None
        found[match[1]] = Path(match[2])
        may_go_on = True
    return found
