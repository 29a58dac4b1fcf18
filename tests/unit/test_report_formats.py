"""What a report looks like."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from callveil.report.as_csv import as_csv
from callveil.report.as_html import as_html
from callveil.report.as_json import as_json
from callveil.report.as_table import as_table
from callveil.report.cells import Cell
from callveil.report.month import Detail, Report, only
from callveil.report.rows import rows_of
from callveil.report.words import number
from callveil.store.interface import Month
from hypothesis import given
from hypothesis import strategies as st
from unit.report_tables import LINE_LEAVES, report_of

TABLE = {
    ("hotline", "in", "answered", "none", "1-4min"): 60,
    ("hotline", "in", "answered", "none", "5-14min"): 40,
    ("hotline", "in", "answered", "none", "60min+"): 4,
    ("hotline", "in", "not answered", "none"): 30,
    ("hotline", "out", "not made"): 11,
    ("desk", "out", "answered", "1-4min"): 80,
    ("emergency", "out", "answered", "1-4min"): 2,
}
REPORT = report_of(TABLE, TABLE.values())
QUEUED = report_of(
    [("a", "in", "answered", "connected", "1-4min"), ("a", "in", "not answered", "abandoned", "1-59s")],
    [33, 12],
)
REPORTS = {
    "lines": REPORT,
    "one line": only(REPORT, "hotline"),
    "a line that is not shown": only(REPORT, "desk"),
    "a queue": QUEUED,
    "running": replace(REPORT, over=False),
    "together": report_of([("a", *LINE_LEAVES[0]), ("b", *LINE_LEAVES[-1])], [3, 90]),
    "total only": report_of([(line, *LINE_LEAVES[0]) for line in "abc"], [10, 10, 30]),
    "too few": report_of([("a", *LINE_LEAVES[0])], [1]),
    "no calls": report_of([], []),
}


class Page(HTMLParser):
    """What a browser would make of a page."""

    VOID = frozenset({"meta", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open:
            self.text.append((self.open[-1], data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_table_reads_by_itself() -> None:
    lines = as_table(REPORT).splitlines()
    assert lines[0] == "Calls in October 2026"
    assert [re.split(r"  +", line) for line in lines[2:8]] == [
        ["LINE", "DIRECTION", "OUTCOME", "DURATION", "CALLS"],
        ["all", "all", "all", "all", "227"],
        ["desk", "all", "all", "all", "not shown"],
        ["emergency", "all", "all", "all", "not shown"],
        ["hotline", "all", "all", "all", "145"],
        ["hotline", "calls in", "all", "all", "134"],
    ]
    assert "hotline    calls in   answered      spoke 5 to 14 minutes   not shown" in lines
    assert "Calls are counted, not people: one person may have called several times." in lines
    assert re.fullmatch(r"[\x20-\x7e\n]+", as_table(REPORT))


def test_the_table_has_only_the_columns_that_it_needs() -> None:
    assert as_table(REPORTS["too few"]).splitlines()[2:4] == ["CALLS", "1"]
    assert "QUEUE" in as_table(QUEUED)
    assert re.search("gave up in a queue +waited under 1 minute +12\n", as_table(QUEUED))


@pytest.mark.parametrize("name", REPORTS)
def test_csv_and_json_have_the_same_cells(name: str) -> None:
    report = REPORTS[name]
    rows = list(csv.DictReader(io.StringIO(as_csv(report), newline="")))
    data = json.loads(as_json(report))
    assert [{**row, "calls": row["calls"] and int(row["calls"])} for row in rows] == [
        {
            "month": "2026-10",
            "month_over": "yes" if data["month_over"] else "no",
            **{field: cell[field] or "" for field in cell if field not in ("calls", "shown")},
            "calls": cell["calls"] if cell["shown"] else "",
            "shown": "yes" if cell["shown"] else "no",
        }
        for cell in data["cells"]
    ]
    assert len(rows) == len(rows_of(report))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_spreadsheet_runs_no_name(start: str) -> None:
    report = Report(Month(2026, 10), True, 20, Detail.LINES, (Cell("line", f'{start}1+1,"x', 20),))
    rows = list(csv.reader(io.StringIO(as_csv(report), newline="")))
    assert rows[2][2] == f"'{start}1+1,\"x"


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_whole_and_stands_by_itself(name: str) -> None:
    text = as_html(REPORTS[name])
    page = Page(text)
    assert page.open == []
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert not re.search(r"https?:|//|url\(|@import|javascript", text.partition("</style>")[2])
    assert not re.search(r"https?:|url\(|@import", text)
    loading = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio", "use"}
    assert not loading & {tag for tag, _ in page.tags}
    assert not {"src", "href", "style", "srcset"} & {key for _, attributes in page.tags for key in attributes}
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert ("title", "Calls in October 2026") in page.text


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_made_for_screen_readers(name: str) -> None:
    page = Page(as_html(REPORTS[name]))
    tags = [tag for tag, _ in page.tags]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [tag for tag in tags if re.fullmatch(r"h[1-6]", tag)][:1] == ["h1"]
    assert tags.count("h1") == tags.count("main") == 1
    assert not {"h3", "h4"} & set(tags)
    assert tags.count("svg") == tags.count("figure") == tags.count("table") == tags.count("caption")
    for attributes in page.of("svg"):
        assert attributes["role"] == "img"
        assert set((attributes["aria-labelledby"] or "").split()) <= set(ids)
    assert {attributes.get("scope") for attributes in page.of("th")} <= {"col", "row"}
    assert all(attributes["aria-labelledby"] in ids for attributes in page.of("section"))


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_has_the_same_numbers_as_the_json(name: str) -> None:
    report = REPORTS[name]
    page = Page(as_html(report))
    cells = json.loads(as_json(report))["cells"]
    if not report.line:
        assert ("p", f"Total: {report.calls} call{'s' * (report.calls != 1)}") in page.text
        cells = cells[1:]
    wanted = [number(cell["calls"]) for cell in cells]
    # Where lines are listed, those that are shown stand in the table of lines and in their own.
    if report.detail is Detail.LINES and not report.line:
        wanted += [number(part.calls) for part in report.parts if part.parts]
    told = [row[1] for row in page.rows if row[1] != "Calls"]
    assert sorted(told) == sorted(wanted)
    drawn = [data for tag, data in page.text if tag == "text"]
    assert drawn[1::2] == told


def test_the_page_names_what_its_numbers_count() -> None:
    rows = Page(as_html(REPORT)).rows
    assert ["desk", "not shown"] in rows
    assert ["Calls in, answered, spoke 5 to 14 minutes", "not shown"] in rows
    assert ["All calls", "145"] in rows
    assert ["Calls out, not made", "not shown"] not in rows
    assert ["Calls out, not made", "11"] in rows


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_hidden_is_drawn(name: str) -> None:
    page = Page(as_html(REPORTS[name]))
    drawn = [data for tag, data in page.text if tag == "text"][1::2]
    assert len(page.of("rect")) == sum(text not in ("0", "not shown") for text in drawn)


def test_a_running_month_is_said_first() -> None:
    page = as_html(REPORTS["running"])
    assert page.index('<p class="warning">This month is not over.') < page.index("Total:")
    assert page.count("This month is not over.") == 1
    assert json.loads(as_json(REPORTS["running"]))["month_over"] is False
    assert "This month is not over." in as_table(REPORTS["running"])


@given(st.text(max_size=20))
def test_a_name_is_text_and_nothing_else(name: str) -> None:
    parts = (Cell("line", name, 20, (Cell("direction", "in", 20),)), Cell("line", "b", 30))
    text = as_html(Report(Month(2026, 10), True, 50, Detail.LINES, parts))
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in Page(as_html(REPORT)).tags}


def test_only_calls_are_spoken_of() -> None:
    words = "people|person|caller|unduplicated|survivor|anonymous|percent"
    for report in REPORTS.values():
        for text in (as_table(report), as_html(report), as_csv(report), as_json(report)):
            said = text.replace("Calls are counted, not people: one person may have", "")
            said = said.replace("by a person, by voicemail", "")
            assert not re.search(words, said)


def test_lines_that_no_policy_has_are_explained_where_they_are_named() -> None:
    said = "The line emergency is calls to emergency numbers, from any telephone."
    assert said in as_html(REPORT)
    assert said in as_table(REPORT)
    for report in (only(REPORT, "hotline"), REPORTS["together"], REPORTS["too few"]):
        assert said not in as_table(report)
    assert "unlisted" not in as_table(REPORT)
