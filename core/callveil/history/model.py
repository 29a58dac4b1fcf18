"""What is found in a place, and what has become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a place. It names no file, because a file's name can hold a number.

    Attributes:
        counts: how many of what, as ``{"files": 3, "lines": 1204}``; empty where there is nothing.
        where: the folders, or the database's tables.
        unseen: sentences, each saying what could not be looked at and why.
        notes: sentences about what was found.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(self.counts.values())


@dataclass(frozen=True, slots=True)
class Gone:
    """What came of removing.

    Attributes:
        left: sentences, each saying what is left and why.
        notes: sentences about what may be left of older times, and how to be sure.
    """

    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def counted(number: int, what: str) -> str:
    """Return ``1 file`` or ``3 files``, given ``files``."""
    one = {"entries": "entry", "copies": "copy"}.get(what, what.removesuffix("s"))
    return f"{number:,} {one if number == 1 else what}"


class Place(Protocol):
    """A kind of place where numbers stay.

    Attributes:
        key: its name on the command line.
        title: what it holds, in a few words.
        yours: why it is left unless it is named, in one sentence; empty where it is removed.
        removable: whether this program removes it at all.
    """

    key: str
    title: str
    yours: str
    removable: bool

    def find(self) -> Found:
        """Look, and change nothing."""
        ...

    def remove(self) -> Gone:
        """Remove what `find` counts."""
        ...


class State(StrEnum):
    """What has become of a place."""

    NOTHING = "nothing found"
    FOUND = "found"
    REMOVED = "removed"
    LEFT = "NOT removed"
    UNSEEN = "Could not check"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in a place, and what has become of it.

    Attributes:
        key: the place's name on the command line.
        title: what it holds.
        found: what was there at first.
        state: what has become of it.
        why: sentences about what is left or could not be looked at.
        notes: sentences about what may be left of older times.
    """

    key: str
    title: str
    found: Found
    state: State
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
