"""What a figure is, and how it is said: ours, a named baseline of the same run, and the goal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

T = TypeVar("T")

ROUNDS: Final = 5

SLICES: Final = 15
"""Turns of each way within a round, where one takes milliseconds: what else the machine does meets both."""


@dataclass(frozen=True)
class Goal:
    """What a figure should be.

    Attributes:
        limit: of the ratio, or, in the figure's unit, of what else counts.
        at_least: whether more is better.
        difference: whether the difference counts and not the ratio.
        own: whether Callveil's own value counts, as where people wait for it.
    """

    limit: float
    at_least: bool = False
    difference: bool = False
    own: bool = False

    def met(self, value: float) -> bool:
        """Return whether a ratio, or a difference, is as it should be."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One thing that was measured in several rounds, each time for Callveil and for its baseline.

    Attributes:
        name: what it is.
        unit: of both.
        ours: with Callveil, round by round.
        baseline: without it, in the same rounds.
        against: what the baseline is.
        goal: None where there is none.
        note: what went wrong meanwhile; empty when nothing did.
    """

    name: str
    unit: str
    ours: Sequence[float]
    baseline: Sequence[float]
    against: str
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what slows a whole round down is the same for both."""
        return median(ours / theirs for ours, theirs in zip(self.ours, self.baseline, strict=True))

    @property
    def difference(self) -> float:
        """The median of the rounds' differences."""
        return median(ours - theirs for ours, theirs in zip(self.ours, self.baseline, strict=True))

    def line(self) -> str:
        """Return the figure as one line for people."""
        said = (
            f"{self.name}: {number(median(self.ours))} {self.unit};"
            f" {self.against} {number(median(self.baseline))} {self.unit}; ratio {self.ratio:.2f}"
        )
        if self.goal is None:
            return f"{said}; no goal{self._noted()}"
        bound = "at least" if self.goal.at_least else "at most"
        value = self.ratio
        goal = f"{bound} {self.goal.limit:.2f}"
        if self.goal.difference:
            value = self.difference
            said += f"; added {number(value)} {self.unit}"
            goal = f"{bound} {number(self.goal.limit)} {self.unit} added"
        elif self.goal.own:
            value = median(self.ours)
            goal = f"{bound} {number(self.goal.limit)} {self.unit}"
        met = self.goal.met(value)
        return f"{said}; goal {goal}: {'met' if met else 'goal missed'}{self._noted()}"

    def _noted(self) -> str:
        return f" ({self.note})" if self.note else ""


def in_slices(ways: Sequence[Callable[[], float]], rounds: int = ROUNDS) -> list[list[float]]:
    """Measure several ways in turn; return for each the rounds' medians of `SLICES` turns."""
    return [
        [median(slices) for slices in of_way]
        for of_way in zip(*(alternate(ways, SLICES) for _ in range(rounds)), strict=True)
    ]


def number(value: float) -> str:
    """Return a value with about three digits that say something."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def alternate(ways: Sequence[Callable[[], T]], rounds: int = ROUNDS) -> list[list[T]]:
    """Measure several ways in turn; return what each gave, round by round.

    Every other round goes backwards, so that a machine that gets busier or idler favours none of them.
    """
    found: list[list[T]] = [[] for _ in ways]
    for turn in range(rounds):
        order = range(len(ways)) if turn % 2 == 0 else reversed(range(len(ways)))
        for place in order:
            found[place].append(ways[place]())
    return found
