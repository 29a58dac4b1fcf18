"""`callveil records`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from callveil.cli.records import records
from callveil.record import QueueVisit, Record
from callveil.store.sqlite import SqliteStore
from click.testing import CliRunner, Result

PSEUDONYM = "~" + "0123456789abcdef" * 2

PLAIN = (
    Record(b"a" * 16, "hotline", "in", "scrub", "2026-07-02", "1-4min", "ANSWERED"),
    Record(b"b" * 16, "hotline", "out", "hide", "2026-07-01", "0", "NO ANSWER"),
    Record(b"c" * 16, "desk", "out", "show", "2026-06-30", "60min+", "ANSWERED"),
)
FULL = (
    Record(b"d" * 16, "desk", "in", "scrub", "2026-07-03T13", "7min", "ANSWERED", "US"),
    Record(b"e" * 16, "desk", "out", "show", "2026-07-03T13:05:07", "61s", "ANSWERED", "+12065550123"),
    Record(
        b"f" * 16,
        "desk",
        "in",
        "show",
        "2026-07-04",
        "0min",
        "BUSY",
        PSEUDONYM,
        QueueVisit("front", "abandoned", "1-4min"),
    ),
)


def fill(path: Path, *kept: Record) -> Path:
    async def put() -> None:
        store = await SqliteStore.open(path)
        await store.add(kept)
        await store.close()

    asyncio.run(put())
    return path


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return fill(tmp_path / "r.sqlite3", *PLAIN)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(records, [str(one) for one in arguments])


def test_table_in_plain_words(store_path):
    result = run("--store", store_path)
    assert result.exit_code == 0
    assert [line.split("  ")[0] for line in result.output.splitlines()] == [
        "DAY",
        "2026-06-30",
        "2026-07-01",
        "2026-07-02",
    ]
    lines = [
        " | ".join(cell.strip() for cell in line.split("  ") if cell) for line in result.output.splitlines()
    ]
    assert lines[0] == "DAY | LINE | DIRECTION | CALLER ID | OTHER PARTY | SPOKE FOR | OUTCOME"
    assert lines[2] == "2026-07-01 | hotline | call out | Hidden | not kept | did not speak | no answer"
    assert lines[3] == "2026-07-02 | hotline | call in | Not shown | not kept | 1 to 4 minutes | answered"


def test_what_some_lines_keep_more(tmp_path):
    result = run("--store", fill(tmp_path / "r.sqlite3", *PLAIN, *FULL))
    lines = [
        " | ".join(cell.strip() for cell in line.split("  ") if cell) for line in result.output.splitlines()
    ]
    assert lines[0] == "BEGAN | LINE | DIRECTION | CALLER ID | OTHER PARTY | SPOKE FOR | OUTCOME | QUEUE"
    assert "2026-07-02 | hotline | call in | Not shown | not kept | 1 to 4 minutes | answered" in lines
    assert "2026-07-03 13 h | desk | call in | Not shown | from US | 7 minutes | answered" in lines
    assert "2026-07-03 13:05:07 | desk | call out | Shown | +12065550123 | 61 seconds | answered" in lines
    assert (
        "2026-07-04 | desk | call in | Shown to the phones | ~01234567 | under 1 minute | busy"
        " | front: gave up, waited 1 to 4 minutes" in lines
    )
    assert "on another day the same number has another word" in lines[-1]


def test_json_has_every_field(tmp_path):
    result = run("--store", fill(tmp_path / "r.sqlite3", *PLAIN, *FULL), "--line", "desk", "--json")
    data = json.loads(result.output)
    assert data["more"] is False
    assert len(data["records"]) == 4
    assert data["records"][0] == {
        "day": "2026-06-30",
        "began": "2026-06-30",
        "line": "desk",
        "direction": "out",
        "decision": "show",
        "spoken": "60min+",
        "disposition": "ANSWERED",
        "party": None,
        "queue": None,
    }
    last = data["records"][-1]
    assert (last["party"], last["spoken"]) == (PSEUDONYM, "0min")
    assert last["queue"] == {"name": "front", "outcome": "abandoned", "waited": "1-4min"}
    assert {record["began"] for record in data["records"][1:3]} == {"2026-07-03T13", "2026-07-03T13:05:07"}


@pytest.mark.parametrize(
    ("period", "days"),
    [
        (("--month", "2026-06"), ["2026-06-30"]),
        (("--month", "2026-07"), ["2026-07-01", "2026-07-02"]),
        (("--month", "2026-12"), []),
        (("--day", "2026-07-01"), ["2026-07-01"]),
        (("--day", "2026-07-01", "--line", "desk"), []),
        (("--most", "2"), ["2026-07-01", "2026-07-02"]),
        (("--most", "3"), ["2026-06-30", "2026-07-01", "2026-07-02"]),
    ],
)
def test_some_of_them(store_path, period, days):
    data = json.loads(run("--store", store_path, "--json", *period).output)
    assert [record["day"] for record in data["records"]] == days
    assert data["more"] is (period == ("--most", "2"))


def test_more_than_are_shown_is_said(store_path):
    assert run("--store", store_path, "--most", "2").output.endswith(
        "There are more, of the same days or earlier: these are the latest 2. See --most.\n"
    )
    assert "There are more" not in run("--store", store_path, "--most", "3").output


@pytest.mark.parametrize(
    "bad",
    [
        ("--month", "2026-13"),
        ("--month", "October"),
        ("--day", "2026-02-30"),
        ("--day", "20260203"),
        ("--month", "2026-07", "--day", "2026-07-01"),
        ("--most", "0"),
        ("--store", "a", "--settings", "b"),
        ("--nonsense",),
    ],
)
def test_bad_use(bad):
    assert run(*bad).exit_code == 2


def test_store_that_the_settings_name(store_path, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"store: {store_path}\n")
    result = run("--settings", settings, "--line", "nobody")
    assert (result.exit_code, result.output) == (0, "No records of line nobody.\n")


def test_store_that_is_missing_is_not_made(tmp_path):
    result = run("--store", tmp_path / "none.sqlite3")
    assert result.exit_code == 3
    assert "Could not check" in result.output
    assert list(tmp_path.iterdir()) == []


def test_nobody_can_be_searched_for():
    for option in ("--number", "--party", "--caller"):
        assert run(option, "+12065550123").exit_code == 2


def test_help_ends_with_an_example():
    assert run("--help").output.splitlines()[-1].strip().startswith("Example: callveil records")
