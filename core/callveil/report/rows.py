"""The cells of a report one after another, each with the whole way to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callveil.report.cells import Cell
from callveil.report.month import Report
from callveil.report.shape import FIELDS, Field


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a report.

    Attributes:
        path: the fields that select its calls, with their values; a field that is missing is not divided by.
        calls: how many; None where that is not shown.
    """

    path: tuple[tuple[Field, str], ...]
    calls: int | None

    @property
    def values(self) -> dict[Field, str]:
        """The value of every field, empty where it is not divided by."""
        return {**dict.fromkeys(FIELDS, ""), **dict(self.path)}


def rows_of(report: Report) -> list[Row]:
    """Return every number of a report: the total unless one line was asked for, each cell before its parts.

    Cells below one that is not shown are no rows.
    """
    total = [] if report.line else [Row((), report.calls)]
    return total + [row for part in report.parts for row in rows_below(part)]


def rows_below(cell: Cell, path: tuple[tuple[Field, str], ...] = ()) -> Iterator[Row]:
    """Yield the number of a cell and those of all that it is made of.

    Args:
        cell: the cell.
        path: the way to it, without itself.
    """
    path = (*path, (cell.field, cell.value))
    yield Row(path, cell.calls)
    for part in cell.parts:
        yield from rows_below(part, path)
