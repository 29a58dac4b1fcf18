"""Every place on the disks where a number stands, however it is written."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.container import Container
from harness.daemon import HarnessError


@dataclass(frozen=True)
class Place:
    """One file, or other place, that holds a number."""

    container: str
    """`pbx` or `callveil`."""
    path: str
    """The file; in brackets behind it, what was decoded or unpacked to see it."""
    spelling: str
    count: int

    def __str__(self) -> str:
        return f"{self.container}:{self.path}: {self.spelling}" + (
            f" x{self.count}" if self.count > 1 else ""
        )


def find_number(
    where: Any, numbers: str | Iterable[str], *, also: Sequence[str] = (), timeout: float = 120
) -> list[Place]:
    """Searches all disks of a PBX, or one container, for numbers.

    Args:
        where: a `Pbx` or a `Container`.
        numbers: in E.164, such as +12125550147; each is looked for in every spelling.
        also: other strings, such as a caller's name; looked for as they stand and in other encodings.
        timeout: seconds for each container.

    Returns:
        The places, those of one file side by side. A number may be counted under more than one spelling.
    """
    containers: list[Container] = [where] if isinstance(where, Container) else list(where.containers)
    wanted = patterns([numbers] if isinstance(numbers, str) else numbers, also)
    request = {
        "patterns": [
            [one.name, base64.b64encode(one.part).decode(), base64.b64encode(one.whole).decode()]
            for one in wanted
        ]
    }
    with ThreadPoolExecutor(len(containers)) as pool:
        answers = list(
            pool.map(
                lambda one: one.run_inside(
                    "find_digits.py", {**request, "since": one.made()}, timeout=timeout
                ),
                containers,
            )
        )
    places = []
    for container, answer in zip(containers, answers, strict=True):
        if answer["unread"]:
            raise HarnessError(f"{container.role}: not everything could be searched: {answer['unread'][:10]}")
        if answer["files"] < 1000:
            raise HarnessError(
                f"{container.role}: only {answer['files']} files were searched; that is not a whole disk"
            )
        places += [Place(container.role, path, name, count) for path, name, count in answer["found"]]
    return places


@dataclass(frozen=True)
class Pattern:
    """Bytes to look for."""

    name: str
    """How they are written."""
    whole: bytes
    part: bytes
    """A piece that several patterns share, so that most files are looked through once for all of them."""


def patterns(numbers: Iterable[str], also: Sequence[str] = ()) -> list[Pattern]:
    """Everything to look for."""
    wanted: list[Pattern] = []
    for number in numbers:
        digits = number.removeprefix("+1") if number.startswith("+1") else number.removeprefix("+")
        last = digits[-4:].encode()
        wanted += [Pattern(text, text.encode(), last) for text in spellings(number)]
        wanted += encodings(digits, len(last))
    for text in also:
        wanted.append(Pattern(text, text.encode(), text.encode()))
        wanted += encodings(text, len(text))
    return wanted


def spellings(number: str) -> list[str]:
    """The ways in which programs write a number in plain text, none of which is part of another."""
    if not number.startswith("+1") or len(number) != 12:
        return [number.removeprefix("+")]
    area, exchange, line = number[2:5], number[5:8], number[8:]
    # The first stands in +12125550147, 12125550147, tel:+1, %2B1 and addresses; separators make the others.
    return [
        f"{area}{exchange}{line}",
        *(f"{area}{between}{exchange}{between}{line}" for between in ("-", ".", " ", "%20", "/", "_")),
        f"({area}) {exchange}-{line}",
        f"({area}){exchange}-{line}",
        f"{area} {exchange}-{line}",
        f"%28{area}%29%20{exchange}-{line}",
    ]


def encodings(text: str, last: int) -> list[Pattern]:
    """Other encodings of a text: wide characters, and base64 at each of its three alignments.

    Args:
        text: what is encoded.
        last: how many of its last characters are rare enough to look for first.
    """
    # Without the outermost zero byte, the two wide encodings of the last characters are the same.
    wide = text[-last:].encode("utf-16-le")[:-1]
    found = [
        Pattern(f"{text} (UTF-16LE)", text.encode("utf-16-le"), wide),
        Pattern(f"{text} (UTF-16BE)", text.encode("utf-16-be"), wide),
    ]
    data = text.encode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + data)
        # The first and last signs depend on what stands around the text, so they are left out.
        spare = (shift + len(data)) % 3
        inner = whole[(0, 2, 3)[shift] : len(whole) - (0, 3, 2)[spare]]
        found.append(Pattern(f"{text} (base64, {shift})", inner, inner))
    return found
