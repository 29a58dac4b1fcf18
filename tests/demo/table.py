"""A table for a terminal, of rows of several lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def render(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Return a table with wrapped cells and a rule between rows.

    Args:
        headings: one a column.
        rows: cells may hold line breaks.
        widths: characters of each column.
    """
    rule = "+".join("-" * (width + 2) for width in widths)
    parts = [_row(headings, widths), rule.replace("-", "=")]
    for row in rows:
        parts += [_row(row, widths), rule]
    return "\n".join(parts)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    wrapped = [
        [line for text in cell.split("\n") for line in textwrap.wrap(text, width) or [""]]
        for cell, width in zip(cells, widths, strict=True)
    ]
    height = max(len(lines) for lines in wrapped)
    padded = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return "\n".join(
        "|".join(
            f" {lines[number].ljust(width)} " for lines, width in zip(padded, widths, strict=True)
        ).rstrip()
        for number in range(height)
    )
