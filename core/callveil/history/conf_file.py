"""Reads what is needed of Asterisk's settings, with the files that they include."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

_MAX_DEPTH: Final = 8
_INCLUDE: Final = re.compile(r'#(?:try)?include\s+["<]?([^">]+)[">]?')
_SECTION: Final = re.compile(r"\[([^\]]*)\](\([^)]*\))?")
_SETTING: Final = re.compile(r"([^=]*?)\s*=>?\s*(.*)")


class Setting(NamedTuple):
    """One line of a file.

    Attributes:
        section: the section that it stands in.
        key: what is set.
        value: what to.
    """

    section: str
    key: str
    value: str


def read_settings(root: Path, folder: str, name: str) -> Iterator[Setting]:
    """Return the settings of one of Asterisk's files; none where it cannot be read.

    Templates are left out: Asterisk does not act on them.

    Args:
        root: where the machine's disk is.
        folder: Asterisk's folder of settings on that machine.
        name: the file in it.
    """
    section = ""
    template = False
    for line in _lines(root, folder, name, 0):
        if begins := _SECTION.match(line):
            section = begins[1].strip()
            template = "!" in (begins[2] or "")
        elif (setting := _SETTING.fullmatch(line)) and not template:
            yield Setting(section, setting[1].strip(), setting[2].strip())


def _lines(root: Path, folder: str, name: str, depth: int) -> Iterator[str]:
    path = PurePosixPath(folder) / name
    real = root / str(path).lstrip("/")
    # The last part may be a pattern.
    found = sorted(real.parent.glob(real.name)) if re.search(r"[*?\[]", real.name) else [real]
    for one in found:
        try:
            text = one.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for raw in re.sub(r";--.*?--;", "", text, flags=re.DOTALL).splitlines():
            line = re.split(r"(?<!\\);", raw, maxsplit=1)[0].strip()
            if (include := _INCLUDE.fullmatch(line)) and depth < _MAX_DEPTH:
                yield from _lines(root, folder, include[1].strip(), depth + 1)
            elif line:
                yield line
