"""What a report does not show cannot be computed from it, by nobody who knows how it is made.

The reports of all possible tables are made and compared: a number that is the same in all tables with the
same report is computed. The same attackers succeed against simpler rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

import pytest
from attacks.report_attackers import (
    Insider,
    Rule,
    another_table,
    fields_of,
    hide_few,
    hide_two,
    hide_two_different,
    subtract,
)
from callveil.report import family
from callveil.report.as_csv import as_csv
from callveil.report.as_html import as_html
from callveil.report.as_json import as_json
from callveil.report.as_table import as_table
from callveil.report.month import Detail, Report, only
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.report_tables import LINE_LEAVES, Leaf, report_of

IN: Final = ("in", "answered", "none", "1-4min")
SHORT: Final = ("in", "answered", "none", "1-59s")
LONG: Final = ("in", "answered", "none", "60min+")
MISSED: Final = ("in", "not answered", "none")
QUEUED: Final = ("in", "answered", "connected", "1-4min")
SENT_ON: Final = ("in", "answered", "left", "1-4min")
GAVE_UP: Final = ("in", "not answered", "abandoned", "1-59s")
OUT: Final = ("out", "answered", "1-4min")
NOT_MADE: Final = ("out", "not made")

FORMATS: Final[tuple[Callable[[Report], str], ...]] = (as_table, as_csv, as_json, as_html)

LINES: Final = [(name, *IN) for name in ("a", "b", "c", "d", "e")]
BOTH_WAYS: Final = [(name, *way) for name in ("a", "b", "c") for way in (IN, OUT)]

TABLES: Final = {
    "three lines": (LINES[:3], range(34), 11),
    "four lines": (LINES[:4], (11, 40), 11),
    "as many lines as calls": (LINES[:5], (4, 5, 6, 9, 12, 15), 4),
    "two lines both ways": (BOTH_WAYS[:4], (10, 11, 12, 13, 20, 22, 23), 11),
    "three lines both ways": (BOTH_WAYS, (3, 4, 5, 6, 7, 8, 12), 4),
    "one line and emergencies": (
        [("emergency", *OUT), *(("hotline", *way) for way in (IN, SHORT, MISSED, OUT))],
        range(13),
        4,
    ),
    "a line's outcomes": ([("a", *way) for way in (IN, MISSED, OUT, NOT_MADE)], range(17), 4),
    "a line's durations": ([("a", *way) for way in (SHORT, IN, LONG)], range(10, 36), 11),
    "a queue": (
        [*(("a", *way) for way in (IN, QUEUED, SENT_ON, GAVE_UP, MISSED)), ("b", *IN)],
        (4, 7, 9, 10),
        4,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_number_that_is_not_shown_could_be_another(name: str) -> None:
    insider = Insider(*TABLES[name])
    assert list(islice(insider.computed(), 3)) == []
    assert list(islice(insider.computed_by_knowing_what_lines_cannot(), 3)) == []


@pytest.mark.parametrize("rule", [hide_few, hide_two, hide_two_different])
def test_simpler_rules_give_numbers_back(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "hidden_parts", rule)
    assert list(islice(Insider(LINES[:3], (21, 31, 32), 11).computed(), 1))
    assert list(islice(Insider(BOTH_WAYS[:2], (12,), 11).computed(), 1)) or rule is not hide_few


def test_tables_with_the_same_report_make_the_same_pages_in_every_format() -> None:
    insider = Insider(*TABLES["one line and emergencies"])
    alike = [tables for tables in insider.alike.values() if len(tables) > 1]
    assert alike
    for tables in alike:
        pages = set()
        for table in (tables[0], tables[-1]):
            whole = report_of(insider.leaves, table, insider.least)
            asked = [whole] if whole.detail is Detail.NO_CALLS else [whole, *_of_each_line(whole)]
            pages.add(tuple(form(report) for report in asked for form in FORMATS))
        assert len(pages) == 1


def _of_each_line(whole: Report) -> list[Report]:
    listed = [part.value for part in whole.parts] if whole.detail is Detail.LINES else ["hotline", "none"]
    return [only(whole, line) for line in listed]


numbers: Final = st.one_of(
    st.just(0), st.integers(0, 3), st.integers(8, 12), st.sampled_from([1, 5, 10]), st.integers(11, 300)
)


@st.composite
def programs(draw: st.DrawFn) -> dict[Leaf, int]:
    """Draw the calls of a month of a program of one to six lines."""
    table: dict[Leaf, int] = {}
    for line in ("a", "b", "c", "d", "e", "f")[: draw(st.integers(1, 6))]:
        used = draw(st.lists(st.sampled_from(LINE_LEAVES), min_size=1, max_size=8, unique=True))
        table |= {(line, *leaf): draw(numbers) for leaf in used}
    return table


@given(programs())
@example(
    {
        ("a", "out", "answered", "1-59s"): 11,
        ("a", "out", "answered", "1-4min"): 11,
        ("b", "out", "answered", "0"): 1,
    }
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_a_program_of_any_size_does_not_show_cannot_be_subtracted_and_could_be_another(
    table: dict[Leaf, int],
) -> None:
    report = report_of(table, table.values())
    printed = [as_json(report)]
    if report.detail is Detail.LINES:
        printed += [as_json(one) for one in _of_each_line(report)]
    assert subtract(*printed) == {}
    for path, other in another_table(report, table):
        assert other is not None, f"{path} in {table}"
        assert report_of(other, other.values()) == report
        assert _sum(other, path) != _sum(table, path)


def _sum(table: Mapping[Leaf, int], path: frozenset[tuple[str, str]]) -> int:
    return sum(calls for leaf, calls in table.items() if path <= fields_of(leaf))


def test_subtraction_gives_numbers_back_where_few_calls_alone_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {("a", *IN): 5, ("b", *IN): 20, ("b", *MISSED): 30}
    assert subtract(as_json(report_of(table, table.values()))) == {}
    monkeypatch.setattr(family, "hidden_parts", hide_few)
    assert subtract(as_json(report_of(table, table.values()))) == {("line=a",): 5}
