"""The numbers of a report: grown from counts, then protected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from callveil.report import family
from callveil.report.shape import NO_QUEUE, Field, Shape

Leaves = Iterable[tuple[tuple[str, ...], int]]
"""Where in a shape calls stand, see `callveil.report.shape.leaf_of`, and how many."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of calls, and what it is made of.

    Attributes:
        field: what tells it from its siblings.
        value: its own value of that.
        calls: how many; None where that is not shown.
        parts: what it is made of; nothing where it is not divided or not shown.
    """

    field: Field
    value: str
    calls: int | None
    parts: tuple[Cell, ...] = ()

    def walk(self) -> Iterator[Cell]:
        """Yield it and everything below it, each before its parts."""
        yield self
        for part in self.parts:
            yield from part.walk()


def grow(shape: Shape | None, leaves: Leaves) -> tuple[Cell, ...]:
    """Return the parts of a number of calls, all of them shown.

    Two divisions are left out that would tell nothing more: of no calls, and by queues where no queue was
    heard of, so that one part is the whole.

    Raises:
        ValueError: calls stand where the shape has no leaf.
    """
    below: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
    if shape is not None:
        for (value, *rest), calls in leaves:
            below[value].append((tuple(rest), calls))
    if shape is None or not below:
        return ()
    if not below.keys() <= shape.parts.keys():
        raise ValueError("calls that no record can count")
    cells = tuple(
        Cell(shape.field, value, sum(calls for _, calls in below[value]), grow(further, below[value]))
        for value, further in shape.parts.items()
    )
    if shape.field == "queue" and not any(cell.calls for cell in cells if cell.value != NO_QUEUE):
        return next(cell.parts for cell in cells if cell.value == NO_QUEUE)
    return cells


def protect(parts: tuple[Cell, ...], least: int = family.LEAST_SHOWN) -> tuple[Cell, ...]:
    """Return the parts of a number that is shown, with what must not be shown taken out at every depth."""
    hidden = family.hidden_parts([part.calls or 0 for part in parts], least)
    return tuple(
        replace(part, calls=None, parts=())
        if place in hidden
        else replace(part, parts=protect(part.parts, least))
        for place, part in enumerate(parts)
    )
