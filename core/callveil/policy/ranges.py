"""Runs of extensions, as ``200-219``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_EXTENSIONS: Final = 10_000
"""In a whole policy. They are expanded in memory, and no shelter has more telephones."""

_RANGE: Final = re.compile(r"([0-9]{1,8})(?:-([0-9]{1,8}))?")


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Extensions from `first` to `last`, both included and of the same width."""

    first: str
    last: str

    @property
    def size(self) -> int:
        """How many extensions there are."""
        return int(self.last) - int(self.first) + 1

    def __contains__(self, extension: str) -> bool:
        return len(extension) == len(self.first) and self.first <= extension <= self.last

    def __iter__(self) -> Iterator[str]:
        width = len(self.first)
        return (f"{number:0{width}}" for number in range(int(self.first), int(self.last) + 1))

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


def parse_range(text: str) -> NumberRange:
    """Return the range that a text such as ``101`` or ``200-219`` stands for.

    Raises:
        ValueError: with a sentence for the admin.
    """
    match = _RANGE.fullmatch(text)
    if not match:
        raise ValueError('Write an extension as "101" or several as "200-219", in digits only.')
    first, last = match[1], match[2] or match[1]
    if len(first) != len(last):
        raise ValueError("Both ends of this range must have the same number of digits.")
    if first > last:
        raise ValueError("This range ends before it begins. Put the smaller extension first.")
    found = NumberRange(first, last)
    if found.size > MAX_EXTENSIONS:
        raise ValueError("This range is larger than 10,000 extensions. Make it smaller.")
    return found
