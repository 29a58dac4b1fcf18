"""A report as one web page that stands by itself: no scripts, nothing fetched, to be read out and printed.

Each picture is followed by a table with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from callveil.report import words
from callveil.report.bars import Bar, draw
from callveil.report.month import Detail, Report
from callveil.report.rows import Row, rows_below

# Text on paper white is at least 7:1, bars 6:1 (WCAG 2.2, 1.4.6 and 1.4.11).
_STYLE: Final = """
:root { color-scheme: light; }
body { background: #fff; color: #1a1a1a; font: 1rem/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }
h1 { font-size: 1.75rem; line-height: 1.2; }
h2 { border-top: 1px solid #767676; font-size: 1.25rem; margin-top: 2.5rem; padding-top: 1rem; }
.total { font-size: 1.25rem; }
.warning { border: 3px solid #1a1a1a; font-weight: bold; padding: .75rem; }
figure { margin: 1rem 0; }
svg { height: auto; width: 100%; }
svg text { dominant-baseline: central; fill: #1a1a1a; font-size: 14px; }
svg rect { fill: #1f5a8a; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
svg .hidden, td.hidden { font-style: italic; }
table { border-collapse: collapse; width: 100%; }
caption { font-weight: bold; padding: .5rem 0; text-align: left; }
th, td { border-bottom: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top; }
th[scope=row] { font-weight: normal; }
td, thead th:last-child { text-align: right; white-space: nowrap; }
@media print {
  body { font-size: 11pt; margin: 0; max-width: none; }
  h2, caption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  /* A picture that is taller than a page would be cut. */
  svg { max-height: 20cm; }
}
"""
# Even a mistake in this file could then fetch or run nothing.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(report: Report) -> str:
    """Return a report as an HTML page."""
    title = escape(words.title(report.month))
    notes = words.notes(report)
    warning = "" if report.over else f'<p class="warning">{escape(notes.pop(0))}</p>'
    body = [
        f"<h1>{title}</h1>",
        warning,
        "" if report.line else f'<p class="total">Total: {words.counted(report.calls)}</p>',
        *_sections(report),
        *(["<h2>How to read this</h2>"] if report.parts else []),
        *(f"<p>{escape(note)}</p>" for note in notes),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *filter(None, body),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _sections(report: Report) -> list[str]:
    if report.detail is Detail.TOGETHER and not report.line:
        rows = [row for part in report.parts for row in rows_below(part)]
        return _section("together", "All lines together", rows, divided_at=0)
    lines = [] if report.line else [Row((("line", part.value),), part.calls) for part in report.parts]
    sections = _section("lines", "Lines", lines, divided_at=0) if lines else []
    for index, part in enumerate(report.parts, start=1):
        if part.parts or report.line:
            sections += _section(f"line-{index}", f"Line {part.value}", [*rows_below(part)], divided_at=1)
    return sections


def _section(name: str, heading: str, rows: Sequence[Row], *, divided_at: int) -> list[str]:
    """Return a heading, a picture and a table.

    Args:
        name: unique in the page.
        heading: what the numbers are of.
        rows: the numbers.
        divided_at: how much of a row's path the heading says already.
    """
    outermost = len(rows[0].path)
    bars = [
        Bar(_said(row, divided_at)[-1], row.calls, words.number(row.calls), len(row.path) - outermost)
        for row in rows
    ]
    picture = draw(
        bars,
        name=name,
        title=f"{heading}: numbers of calls as bars",
        description="The table below the picture has the same numbers.",
    )
    return [
        f'<section aria-labelledby="{name}">',
        f'<h2 id="{name}">{escape(heading)}</h2>',
        f"<figure>{picture}</figure>",
        "<table>",
        f"<caption>{escape(heading)}: numbers of calls</caption>",
        '<thead><tr><th scope="col">Which calls</th><th scope="col">Calls</th></tr></thead>',
        "<tbody>",
        *(_table_row(row, divided_at) for row in rows),
        "</tbody>",
        "</table>",
        "</section>",
    ]


def _table_row(row: Row, divided_at: int) -> str:
    hidden = ' class="hidden"' if row.calls is None else ""
    label = escape(", ".join(_said(row, divided_at)))
    return f'<tr><th scope="row">{label}</th><td{hidden}>{words.number(row.calls)}</td></tr>'


def _said(row: Row, divided_at: int) -> list[str]:
    """Return a row's path in words, without what the heading says; `All calls` where that is all of it."""
    said = [words.value(field, text) for field, text in row.path[divided_at:]]
    if not said:
        return ["All calls"]
    first = said[0]
    return said if row.path[divided_at][0] == "line" else [first[0].upper() + first[1:], *said[1:]]
