"""Tables of calls, and the counts that a store would return for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from callveil.report.month import Report, make_report
from callveil.report.shape import LINE, NO_QUEUE, Shape
from callveil.store.interface import Count, Month

Leaf = tuple[str, ...]
"""A line, and the way to a leaf of its tree."""

MONTH: Final = Month(2026, 10)
LATER: Final = date(2026, 11, 24)


def leaves_of(shape: Shape | None) -> list[Leaf]:
    """Every way to a leaf of a shape."""
    if shape is None:
        return [()]
    return [(value, *rest) for value, part in shape.parts.items() for rest in leaves_of(part)]


LINE_LEAVES: Final = leaves_of(LINE)


def count_of(leaf: Leaf, calls: int) -> Count:
    """The count of a store that stands in a leaf."""
    line, direction, outcome, *rest = leaf
    answered = "ANSWERED" if outcome == "answered" else "NO ANSWER"
    if direction == "out":
        decision = "refuse" if outcome == "not made" else "hide"
        spoken = rest[0] if rest else "0"
        return Count(line, "out", decision, answered, spoken, "", "", "", calls)
    queue, band = (*rest, "0")[:2]
    spoken = band if outcome == "answered" else "0"
    if queue == NO_QUEUE:
        return Count(line, "in", "scrub", answered, spoken, "", "", "", calls)
    waited = band if queue == "abandoned" else "1-59s"
    return Count(line, "in", "scrub", answered, spoken, "support", queue, waited, calls)


def report_of(leaves: Iterable[Leaf], calls: Iterable[int], least: int = 11) -> Report:
    """The report of a table."""
    counts = [count_of(leaf, number) for leaf, number in zip(leaves, calls, strict=True) if number]
    return make_report(MONTH, counts, LATER, least=least)
