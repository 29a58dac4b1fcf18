"""A report as plain text. Each line says by itself what its number counts, also when it is read out."""

from __future__ import annotations

from typing import Final

from callveil.report import words
from callveil.report.month import Report
from callveil.report.rows import Row, rows_of
from callveil.report.shape import Field

_COLUMNS: Final[dict[str, tuple[Field, ...]]] = {
    "LINE": ("line",),
    "DIRECTION": ("direction",),
    "OUTCOME": ("outcome",),
    "QUEUE": ("queue",),
    "DURATION": ("spoken", "waited"),
}
_ALL: Final = "all"


def as_table(report: Report) -> str:
    """Return a report as text, with a line break at its end."""
    rows = rows_of(report)
    used = {field for row in rows for field, _ in row.path}
    columns = {head: fields for head, fields in _COLUMNS.items() if used.intersection(fields)}
    table = [[*columns, "CALLS"]] + [
        [*(_cell(row, fields) for fields in columns.values()), words.number(row.calls)] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    return "\n".join([words.title(report.month), "", *lines, "", *words.notes(report), ""])


def _cell(row: Row, fields: tuple[Field, ...]) -> str:
    said = [words.value(field, row.values[field]) for field in fields if row.values[field]]
    return said[0] if said else _ALL
