"""`callveil records`."""

import asyncio
import json
from datetime import date

import pytest
from callveil.cli.records import records
from callveil.record import Record
from callveil.store.sqlite import SqliteStore
from click.testing import CliRunner


@pytest.fixture
def store_path(tmp_path):
    async def fill(path):
        store = await SqliteStore.open(path)
        await store.add(
            [
                Record(b"a" * 16, "hotline", "in", "scrub", date(2026, 7, 2), "1-4min", "ANSWERED"),
                Record(b"b" * 16, "hotline", "out", "hide", date(2026, 7, 1), "0", "NO ANSWER"),
                Record(b"c" * 16, "desk", "out", "show", date(2026, 7, 1), "60min+", "ANSWERED"),
            ]
        )
        await store.close()

    path = tmp_path / "r.sqlite3"
    asyncio.run(fill(path))
    return path


def run(*arguments):
    return CliRunner().invoke(records, [str(one) for one in arguments])


def test_table_in_plain_words(store_path):
    result = run("--store", store_path)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split() == ["DAY", "LINE", "DIRECTION", "CALLER", "ID", "SPOKE", "FOR", "OUTCOME"]
    assert "2026-07-01  hotline  call out   Hidden     did not speak   no answer" in lines
    assert lines[-1] == "2026-07-02  hotline  call in    Not kept   1 to 4 minutes  answered"


def test_one_line_as_json(store_path):
    result = run("--store", store_path, "--line", "desk", "--json")
    assert json.loads(result.output) == {
        "records": [
            {
                "day": "2026-07-01",
                "line": "desk",
                "direction": "out",
                "decision": "show",
                "spoken": "60min+",
                "disposition": "ANSWERED",
            }
        ]
    }


def test_store_that_the_settings_name(store_path, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"store: {store_path}\n")
    result = run("--settings", settings, "--line", "nobody")
    assert (result.exit_code, result.output) == (0, "No records.\n")


def test_store_that_is_missing_is_not_made(tmp_path):
    result = run("--store", tmp_path / "none.sqlite3")
    assert result.exit_code == 3
    assert "Could not check" in result.output
    assert list(tmp_path.iterdir()) == []


def test_bad_use():
    assert run("--store", "a", "--settings", "b").exit_code == 2
    assert run("--nonsense").exit_code == 2


def test_help_ends_with_an_example():
    assert run("--help").output.splitlines()[-1].strip().startswith("Example: callveil records")
