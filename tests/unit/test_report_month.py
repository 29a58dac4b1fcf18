"""What a report says of a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from callveil.report.cells import Cell
from callveil.report.month import Detail, Report, UnknownLineError, make_report, only
from callveil.report.rows import rows_of
from callveil.report.shape import leaf_of
from callveil.report.words import notes
from callveil.store.interface import Count, Month
from hypothesis import given
from hypothesis import strategies as st
from unit.report_tables import LATER, LINE_LEAVES, MONTH, count_of, report_of

IN = ("in", "answered", "none", "1-4min")
OUT = ("out", "answered", "1-4min")


def of(**lines: int) -> Report:
    """The report of lines with so many calls in."""
    return report_of([(line, *IN) for line in lines], lines.values())


def listed(report: Report) -> dict[str, int | None]:
    return {part.value: part.calls for part in report.parts}


def test_every_call_stands_in_one_leaf() -> None:
    for leaf in LINE_LEAVES:
        assert leaf_of(count_of(("a", *leaf), 1)) == leaf


@given(st.lists(st.tuples(st.sampled_from(LINE_LEAVES), st.integers(11, 99)), unique_by=lambda one: one[0]))
def test_parts_add_up(table: list[tuple[tuple[str, ...], int]]) -> None:
    report = report_of([("a", *leaf) for leaf, _ in table], [calls for _, calls in table])

    def check(cell: Cell) -> None:
        if cell.parts:
            assert cell.calls == sum(part.calls or 0 for part in cell.parts)
        for part in cell.parts:
            check(part)

    assert not report.hides
    assert report.calls == sum(calls for _, calls in table) == sum(part.calls or 0 for part in report.parts)
    for part in report.parts:
        check(part)


@pytest.mark.parametrize(
    ("count", "leaf"),
    [
        (Count("a", "out", "refuse", "ANSWERED", "1-59s", "", "", "", 1), ("out", "not made")),
        (Count("a", "out", "hide", "BUSY", "0", "", "", "", 1), ("out", "not answered")),
        (Count("a", "out", "emergency", "ANSWERED", "1-4min", "", "", "", 1), OUT),
        (Count("a", "in", "scrub", "CONGESTION", "0", "", "", "", 1), ("in", "not answered", "none")),
        (Count("a", "in", "show", "ANSWERED", "1-4min", "", "", "", 1), IN),
        # An announcement answered, nobody else did.
        (
            Count("a", "in", "scrub", "ANSWERED", "5-14min", "q", "abandoned", "1-4min", 1),
            ("in", "not answered", "abandoned", "1-4min"),
        ),
        # Asterisk heard the answer too late for its own record.
        (
            Count("a", "in", "scrub", "NO ANSWER", "0", "q", "connected", "1-4min", 1),
            ("in", "answered", "connected", "0"),
        ),
        (
            Count("a", "in", "scrub", "ANSWERED", "1-59s", "q", "left", "1-4min", 1),
            ("in", "answered", "left", "1-59s"),
        ),
        (
            Count("a", "in", "scrub", "NO ANSWER", "0", "q", "left", "1-4min", 1),
            ("in", "not answered", "left"),
        ),
    ],
)
def test_where_calls_stand(count: Count, leaf: tuple[str, ...]) -> None:
    assert leaf_of(count) == leaf
    assert leaf in LINE_LEAVES


@pytest.mark.parametrize(
    "count",
    [
        Count("a", "up", "scrub", "ANSWERED", "1-4min", "", "", "", 20),
        Count("a", "in", "scrub", "ANSWERED", "7min", "", "", "", 20),
        Count("a", "in", "scrub", "ANSWERED", "1-4min", "q", "lost", "0", 20),
        Count("a", "in", "scrub", "ANSWERED", "1-4min", "q", "abandoned", "", 20),
    ],
)
def test_calls_that_no_record_can_count_are_not_dropped_in_silence(count: Count) -> None:
    with pytest.raises(ValueError, match="no record"):
        make_report(MONTH, [count], LATER)


def test_no_calls() -> None:
    report = of()
    assert (report.calls, report.detail, report.parts) == (0, Detail.NO_CALLS, ())
    with pytest.raises(UnknownLineError, match="No calls of any line are recorded in 2026-10"):
        only(report, "hotline")


def test_few_calls_tell_nothing_but_their_number() -> None:
    assert of(hotline=10) == of(desk=4, hotline=6) == replace(of(), calls=10, detail=Detail.TOO_FEW)


def test_one_line_is_the_total() -> None:
    assert listed(of(hotline=11)) == {"hotline": 11}


def test_lines_are_listed_by_name() -> None:
    report = of(hotline=200, desk=80, emergency=2, office=90)
    assert report.detail is Detail.LINES
    assert report.calls == 372
    assert list(listed(report).items()) == [
        ("desk", None),
        ("emergency", None),
        ("hotline", 200),
        ("office", 90),
    ]
    assert [part.value for part in report.parts if part.parts] == ["hotline", "office"]


def test_where_no_line_can_be_shown_none_is_named() -> None:
    for report in (of(a=10, b=10, c=25), of(a=5, b=20, c=20), of(a=10, b=10, c=10)):
        assert (report.detail, report.parts) == (Detail.TOTAL_ONLY, ())


@pytest.mark.parametrize("lines", [{"a": 2, "b": 200}, {"a": 10, "b": 9}, {"a": 2, "b": 3, "c": 200}])
def test_all_lines_together_where_all_but_few_calls_are_of_one(lines: dict[str, int]) -> None:
    report = of(**lines)
    assert report.detail is Detail.TOGETHER
    assert listed(report) == {"in": sum(lines.values()), "out": 0}


def test_below_a_number_that_is_not_shown_there_is_nothing() -> None:
    report = report_of([("a", *IN), ("a", *OUT), ("b", *IN), ("c", *IN)], [20, 5, 40, 3])
    assert listed(report) == {"a": None, "b": 40, "c": None}
    assert [row.path for row in rows_of(report) if dict(row.path).get("line") in ("a", "c")] == [
        (("line", "a"),),
        (("line", "c"),),
    ]


def test_queues_are_left_out_where_there_are_none() -> None:
    without = report_of([("a", *IN)], [20])
    assert not any("queue" in dict(row.path) for row in rows_of(without))
    with_one = report_of([("a", *IN), ("a", "in", "answered", "connected", "1-59s")], [20, 30])
    assert [
        (row.values["queue"], row.calls)
        for row in rows_of(with_one)
        if row.values["queue"] and not row.values["spoken"]
    ] == [("connected", 30), ("left", 0), ("none", 20)]


def test_a_line_says_no_more_than_the_whole() -> None:
    report = of(hotline=200, desk=80, emergency=2)
    for line in ("hotline", "desk"):
        assert only(report, line).parts == tuple(part for part in report.parts if part.value == line)
    with pytest.raises(UnknownLineError, match="Lines that had calls: desk, emergency, hotline"):
        only(report, "hotlin")


@pytest.mark.parametrize("lines", [{"a": 3, "b": 4}, {"a": 2, "b": 200}, {"a": 10, "b": 10, "c": 25}])
def test_where_no_line_is_named_none_is_known(lines: dict[str, int]) -> None:
    report = of(**lines)
    one, other = only(report, "a"), only(report, "nobody")
    assert replace(one, line="x", parts=()) == replace(other, line="x", parts=())
    assert one.parts == (Cell("line", "a", None),)
    assert notes(one) == notes(other)
    assert notes(one)[-1] == "Nor is it shown whether this line had any calls."


@pytest.mark.parametrize(
    ("today", "over"), [(date(2026, 10, 31), False), (date(2026, 11, 1), True), (date(2027, 1, 1), True)]
)
def test_whether_the_month_is_over(today: date, over: bool) -> None:
    report = make_report(Month(2026, 10), [count_of(("a", *IN), 20)], today)
    assert report.over is over
    assert ("not over" in notes(report)[0]) is not over


def test_the_order_of_counts_plays_no_role() -> None:
    counts = [count_of((line, *leaf), 3 + place) for line in "ab" for place, leaf in enumerate(LINE_LEAVES)]
    assert make_report(MONTH, counts, LATER) == make_report(MONTH, reversed(counts), LATER)
