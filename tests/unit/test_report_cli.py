"""`callveil report`, with a store."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import date
from pathlib import Path

import pytest
from callveil.cli import report as module
from callveil.cli.report import report
from callveil.record import QueueVisit, Record, record_key
from callveil.store.interface import Cutoffs
from callveil.store.sqlite import SqliteStore
from click.testing import CliRunner, Result


@pytest.fixture(autouse=True)
def _november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "today", lambda: date(2026, 11, 24))


def records() -> list[Record]:
    kinds = [
        (150, "hotline", "in", "scrub", "2026-10-01", "1-4min", "ANSWERED", None),
        (12, "hotline", "in", "scrub", "2026-10-31", "0", "NO ANSWER", None),
        (14, "hotline", "in", "scrub", "2026-10-02", "1-59s", "ANSWERED", QueueVisit("q", "connected", "0")),
        (80, "desk", "out", "show", "2026-10-09T13:05:07", "77s", "ANSWERED", None),
        (3, "emergency", "out", "emergency", "2026-10-09", "1-4min", "ANSWERED", None),
        (7, "hotline", "in", "scrub", "2026-09-30", "1-4min", "ANSWERED", None),
        (20, "hotline", "in", "scrub", "2026-11-01", "1-4min", "ANSWERED", None),
    ]
    return [
        Record(record_key(f"{kind}-{call}"), line, direction, decision, began, spoken, disposition, "", queue)
        for kind, (calls, line, direction, decision, began, spoken, disposition, queue) in enumerate(kinds)
        for call in range(calls)
    ]


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "r.sqlite3"

    async def fill() -> None:
        store = await SqliteStore.open(path)
        await store.add(records())
        await store.close()

    asyncio.run(fill())
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(report, [str(one) for one in arguments])


def cells(result: Result) -> dict[tuple[str, ...], int | None]:
    return {
        tuple(str(cell[field]) for field in cell if field not in ("calls", "shown") and cell[field]): cell[
            "calls"
        ]
        for cell in json.loads(result.stdout)["cells"]
    }


def test_a_month(store_path: Path) -> None:
    result = run("--store", store_path, "--month", "2026-10", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = cells(result)
    assert found[()] == 259
    assert [found[line,] for line in ("desk", "emergency", "hotline")] == [None, None, 176]
    assert found["hotline", "in", "answered", "none", "1-4min"] == 150
    assert found["hotline", "in", "answered", "connected"] == 14
    assert found["hotline", "in", "not answered"] == 12


def test_a_table_is_the_default(store_path: Path) -> None:
    result = run("--store", store_path, "--month", "2026-10", "--line", "hotline")
    assert result.stdout.splitlines()[3].split() == ["hotline", "all", "all", "all", "all", "176"]


def test_purging_changes_no_report(store_path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "r.sqlite3"
    copy.write_bytes(store_path.read_bytes())
    before = run("--store", copy, "--month", "2026-10", "--format", "html").stdout

    async def purge() -> int:
        store = await SqliteStore.open(copy)
        purged = await store.purge(Cutoffs(others=date(2026, 10, 9)))
        await store.close()
        return purged

    assert asyncio.run(purge()) > 100
    assert run("--store", copy, "--month", "2026-10", "--format", "html").stdout == before
    assert "<h1>Calls in October 2026</h1>" in before


def test_few_calls_and_none(store_path: Path) -> None:
    few = run("--store", store_path, "--month", "2026-09")
    assert few.stdout.splitlines()[2:4] == ["CALLS", "7"]
    none = run("--store", store_path, "--month", "2026-08")
    assert (none.exit_code, none.stdout.splitlines()[2:4]) == (0, ["CALLS", "0"])
    assert "No calls are recorded in this month." in none.stdout
    assert run("--store", store_path, "--month", "2026-09", "--line", "hotline").stdout.splitlines()[2:4] == [
        "LINE     CALLS",
        "hotline  not shown",
    ]


@pytest.mark.parametrize("form", ["table", "csv", "json", "html"])
def test_a_month_that_is_not_over_is_not_to_be_handed_out(store_path: Path, form: str) -> None:
    result = run("--store", store_path, "--month", "2026-11", "--format", form)
    assert result.exit_code == 0
    assert "Do not hand this report out" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--month", "2026-12"), "2026-12 has not begun"),
        (("--month", "2026-13"), "write it as 2026-10"),
        (("--month", "October"), "write it as 2026-10"),
        (("--month", "2026-1\u0660"), "write it as 2026-10"),
        ((), "--month"),
        (("--month", "2026-10", "--line", "hotlin"), "Lines that had calls: desk, emergency, hotline."),
        (("--month", "2026-08", "--line", "hotline"), "No calls of any line are recorded in 2026-08."),
        (("--month", "2026-10", "--format", "pdf"), "--format"),
        (("--month", "2026-10", "--settings", "b"), "not both"),
    ],
)
def test_bad_use(store_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("--store", store_path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    result = run("--store", tmp_path / "none.sqlite3", "--month", "2026-10")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Could not check. The record store")
    (tmp_path / "other").write_text("no database" * 100)
    assert run("--store", tmp_path / "other", "--month", "2026-10").exit_code == 3


def test_a_file_is_written_whole_or_not_at_all(store_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "october.html"
    arguments = ("--store", store_path, "--month", "2026-10", "--format", "html", "--output")
    result = run(*arguments, target)
    assert (result.exit_code, result.output) == (0, "")
    assert target.read_text(encoding="utf-8") == run(*arguments[:-1]).stdout
    assert stat.S_IMODE(target.stat().st_mode) & 0o007 == 0
    target.write_text("as it was")
    assert run(*arguments, target, "--line", "hotlin").exit_code == 2
    assert target.read_text() == "as it was"
    nowhere = run(*arguments, tmp_path / "no" / "october.html")
    assert nowhere.exit_code == 2
    assert nowhere.stderr.startswith("Not written:")
    assert [one.name for one in tmp_path.iterdir()] == ["october.html"]


def test_the_store_is_only_read(store_path: Path) -> None:
    before = store_path.read_bytes()
    run("--store", store_path, "--month", "2026-10")
    assert store_path.read_bytes() == before
