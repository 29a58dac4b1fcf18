"""A report as comma-separated values, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Final

from callveil.report.month import Report
from callveil.report.rows import rows_of
from callveil.report.shape import FIELDS

HEADINGS: Final = ("month", "month_over", *FIELDS, "calls", "shown")

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would run, or take apart."""


def as_csv(report: Report) -> str:
    """Return a report as CSV (RFC 4180): a row a number, in which an empty field is not divided by.

    ``calls`` is empty where the number is not shown.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADINGS)
    for row in rows_of(report):
        values = [_as_text(text) for text in row.values.values()]
        calls = "" if row.calls is None else row.calls
        writer.writerow([report.month, _yes(report.over), *values, calls, _yes(row.calls is not None)])
    return file.getvalue()


def _as_text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _yes(true: bool) -> str:
    return "yes" if true else "no"
