"""Finds the files that come with Callveil and are no code: presets, examples and dialplan."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Final

DATA_VARIABLE: Final = "CALLVEIL_DATA"
"""Environment variable that names the folder outright, for packages that put it elsewhere."""

_MARKER: Final = Path("config", "presets")


class DataFilesError(Exception):
    """The files that come with Callveil are nowhere."""


def data_dir() -> Path:
    """Return the folder in which ``config/`` and ``dialplan/`` are.

    Raises:
        DataFilesError: if it is not where packages put it.
    """
    named = os.environ.get(DATA_VARIABLE)
    if named:
        folder = Path(named)
        if not (folder / _MARKER).is_dir():
            raise DataFilesError(f"{DATA_VARIABLE} names a folder without config/presets in it. Correct it.")
        return folder
    for folder in _candidates():
        if (folder / _MARKER).is_dir():
            return folder
    raise DataFilesError(
        f"The files that come with Callveil are missing. Install it again or set {DATA_VARIABLE}."
    )


def config_dir() -> Path:
    """Return the folder of examples, presets and hardened Asterisk files."""
    return data_dir() / "config"


def dialplan_dir() -> Path:
    """Return the folder of the dialplan snippets."""
    return data_dir() / "dialplan"


def _candidates() -> tuple[Path, ...]:
    return (
        Path(__file__).resolve().parents[2],  # a checkout: above core/
        Path(sysconfig.get_path("data"), "share", "callveil"),
        Path("/usr/share/callveil"),
        Path("/usr/local/share/callveil"),
    )
