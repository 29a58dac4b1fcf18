"""The report of a month.

The total is exact. Lines are listed where at least one of them can be shown. Where none can, even their names
would say which of them had calls, so none is listed. All lines together are divided instead, where that tells
of no line: where two had calls, or all but a few calls were of one.

Why each line still may have had another number of calls, for somebody who knows these rules:

- *Lines are listed*: by the steps of `family`, whose other tables keep the lines that are listed.
- *Nothing but the total, 11 or more*: three or more lines had calls. The same steps hold, with other tables
  that have three or more lines, too. For *k* lines of 10, 11 or more: k - 9 lines of 1 and 9 of k + 1 make
  the same report. For lines of 1 (11 at least): one of 2 and one line less.
- *All lines together*: all but 1 to 10 calls are of one line, or there are two lines and one has 1 to 10. A
  call may be another line's as well, as long as that stays so. Knowing that a line takes no calls or makes
  none does not help: where calls in and calls out are both shown, 11 or more of each, the line with the most
  had both. Where there are none of one kind, nobody learns which line has the other. Else both are hidden.
- *Nothing but the total, under 11*: it is exact, as promised. A program that has one line tells that line's
  total so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from callveil.report.cells import Cell, grow, protect
from callveil.report.family import LEAST_SHOWN
from callveil.report.shape import LINE, leaf_of
from callveil.store.interface import Count, Month


class Detail(Enum):
    """How far the calls of a month can be divided."""

    NO_CALLS = "no calls"
    TOO_FEW = "too few calls"
    LINES = "lines"
    TOGETHER = "all lines together"
    TOTAL_ONLY = "total only"


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told of a month. What is written anywhere is made of this and of nothing else.

    Attributes:
        month: the month.
        over: whether it is over.
        calls: how many calls it had, exactly.
        detail: how far they are divided.
        parts: the lines, or the directions of all lines together.
        line: the line that was asked for; empty for all. Then `parts` has no other.
        least: the fewest calls that are shown, other than none.
    """

    month: Month
    over: bool
    calls: int
    detail: Detail
    parts: tuple[Cell, ...] = ()
    line: str = ""
    least: int = LEAST_SHOWN

    @property
    def hides(self) -> bool:
        """Whether a number that it lists is not shown."""
        return any(cell.calls is None for part in self.parts for cell in part.walk())


class UnknownLineError(LookupError):
    """A line that a report does not list; the text says which it does."""


def make_report(month: Month, counts: Iterable[Count], today: date, *, least: int = LEAST_SHOWN) -> Report:
    """Return the report of a month.

    Args:
        month: the month.
        counts: its calls, in any order.
        today: the day on which it is made, in the PBX's time zone.
        least: see `callveil.report.family.hidden_parts`.

    Raises:
        ValueError: a count that no record can make.
    """
    by_line: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
    for count in counts:
        if count.calls > 0:
            by_line[count.line].append((leaf_of(count), count.calls))
    lines = tuple(
        Cell("line", line, sum(calls for _, calls in leaves), grow(LINE, leaves))
        for line, leaves in sorted(by_line.items())
    )
    total = sum(line.calls or 0 for line in lines)
    report = Report(month, month.after <= today, total, Detail.NO_CALLS, least=least)
    if not total:
        return report
    if total < least:
        return replace(report, detail=Detail.TOO_FEW)
    shown = protect(lines, least)
    if any(line.calls is not None for line in shown):
        return replace(report, detail=Detail.LINES, parts=shown)
    many = [line.calls for line in lines if line.calls and line.calls >= least]
    if len(lines) == 2 or (len(many) == 1 and total - many[0] < least):
        together = grow(LINE, [leaf for leaves in by_line.values() for leaf in leaves])
        return replace(report, detail=Detail.TOGETHER, parts=protect(together, least))
    return replace(report, detail=Detail.TOTAL_ONLY)


def only(report: Report, line: str) -> Report:
    """Return what a report says of one line, which is nothing that the whole does not say.

    Where it lists no lines, it must not tell either which there are: then any line is not shown.

    Raises:
        UnknownLineError: the report lists lines, and not this one; or there were no calls at all.
    """
    if report.detail is Detail.NO_CALLS:
        raise UnknownLineError(f"No calls of any line are recorded in {report.month}.")
    if report.detail is not Detail.LINES:
        return replace(report, parts=(Cell("line", line, None),), line=line)
    parts = tuple(part for part in report.parts if part.value == line)
    if not parts:
        listed = ", ".join(part.value for part in report.parts)
        raise UnknownLineError(
            f"No calls of a line {line!r} are recorded in {report.month}. Lines that had calls: {listed}."
        )
    return replace(report, parts=parts, line=line)
