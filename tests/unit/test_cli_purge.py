"""`callveil purge`: what it deletes, what it leaves, and what stops it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from callveil.cli.main import cli
from callveil.record import Record
from callveil.store.interface import Count, Month, StoreError
from callveil.store.sqlite import SqliteStore
from click.testing import CliRunner, Result
from unit.policy_texts import good_with

NUMBER = "+12065550123"
OTHER_NUMBER = "+13125550123"


def days_ago(days: int) -> date:
    return date.today() - timedelta(days=days)


def kept(number: int, line: str, days: int, party: str = "") -> Record:
    return Record(
        bytes([number]) * 16, line, "in", "scrub", days_ago(days).isoformat(), "1-4min", "ANSWERED", party
    )


OVER = (kept(1, "hotline", 91), kept(2, "hotline", 200), kept(3, "desk", 31, NUMBER), kept(4, "former", 91))
NOT_OVER = (kept(5, "hotline", 90), kept(6, "desk", 30, OTHER_NUMBER), kept(7, "unlisted", 90))


class House:
    """A store, a policy and a journal, as the settings name them."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "records.sqlite3"
        self.journal = folder / "journal"
        self.journal.mkdir()
        self.policy = folder / "policy.yaml"
        self.policy.write_text(
            good_with(("    outbound: office\n", "    outbound: office\n    keep: {records: 30d}\n"))
        )
        self.settings = folder / "settings.yaml"
        self.settings.write_text(f"store: {self.store}\njournal: {self.journal}\n")

    def run(self, *arguments: object) -> Result:
        words = ["purge", "--settings", self.settings, "--policy", self.policy, *arguments]
        return CliRunner().invoke(cli, [str(word) for word in words])

    def fill(self, *records: Record) -> None:
        async def put() -> None:
            store = await SqliteStore.open(self.store)
            await store.add(records)
            await store.close()

        asyncio.run(put())

    def keys(self) -> set[int]:
        async def read() -> set[int]:
            store = await SqliteStore.open(self.store, read_only=True)
            found = {record.key[0] async for record in store.records()}
            await store.close()
            return found

        return asyncio.run(read())

    def counts(self, day: date) -> list[Count]:
        async def read() -> list[Count]:
            store = await SqliteStore.open(self.store, read_only=True)
            found = await store.counts(Month(day.year, day.month))
            await store.close()
            return found

        return asyncio.run(read())

    def bytes(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.store.parent.glob("records.sqlite3*")))


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.fill(*OVER, *NOT_OVER)
    return made


def numbers(records: tuple[Record, ...]) -> set[int]:
    return {record.key[0] for record in records}


def test_what_is_over_is_deleted_to_the_last_byte_and_counted(house):
    assert NUMBER.encode() in house.bytes()
    assert OVER[0].key in house.bytes()
    result = house.run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"Today is {date.today().isoformat()}.\n"
        "desk: 1 record is deleted; monthly counts stay.\n"
        "former (not a line of the policy): 1 record is deleted; monthly counts stay.\n"
        "hotline: 2 records are deleted; monthly counts stay.\n"
    )
    assert house.keys() == numbers(NOT_OVER)
    for record in OVER:
        assert record.key not in house.bytes()
    assert NUMBER.encode() not in house.bytes()
    assert OTHER_NUMBER.encode() in house.bytes()
    assert sum(count.calls for count in house.counts(days_ago(200)) if count.line == "hotline") >= 1
    assert house.run().stdout == f"Today is {date.today().isoformat()}.\nNo records are over.\n"


def test_a_dry_run_changes_nothing(house):
    before = house.store.read_bytes()
    result = house.run("--dry-run")
    assert result.exit_code == 0
    assert "hotline: 2 records are over.\n" in result.stdout
    assert "Nothing was deleted." in result.stdout
    assert house.store.read_bytes() == before
    assert house.keys() == numbers(OVER + NOT_OVER)


def test_json(house):
    wanted = {"desk": 1, "former": 1, "hotline": 2}
    today = date.today().isoformat()
    dry = json.loads(house.run("--dry-run", "--json").stdout)
    assert dry == {"ok": True, "today": today, "dry_run": True, "lines": wanted, "holds": [], "problem": ""}
    wet = json.loads(house.run("--json").stdout)
    assert wet == {**dry, "dry_run": False}
    assert json.loads(house.run("--json").stdout)["lines"] == {}


def test_a_hold_on_a_line_keeps_its_records_and_no_others(house):
    result = house.run("--hold", "Court order of  May", "--line", "hotline")
    assert result.exit_code == 0
    assert (
        "line hotline: no records are deleted until you give `callveil purge --release --line hotline`"
        in (result.stdout)
    )
    said = f"Held since {date.today().isoformat()}, line hotline: Court order of May\n"
    assert house.run("--holds").stdout == said
    result = house.run()
    assert said in result.stdout
    assert "hotline: 2" not in result.stdout
    assert house.keys() == numbers(NOT_OVER) | {1, 2}
    result = house.run("--release", "--line", "hotline")
    assert (result.exit_code, result.stdout) == (
        0,
        "No longer held, line hotline: the next purge deletes what is over.\n",
    )
    assert house.run("--holds").stdout == "Nothing is held.\n"
    house.run()
    assert house.keys() == numbers(NOT_OVER)


def test_what_is_held_is_not_said_to_be_kept_by_the_policy(house):
    house.run("--hold", "Subpoena")
    assert "No records are over, but for any that are held.\nHeld since" in house.run("--dry-run").stdout


def test_a_store_of_an_earlier_version_can_be_held_before_it_is_served(tmp_path):
    house = House(tmp_path)
    with closing(sqlite3.connect(house.store, isolation_level=None)) as database:
        database.execute("CREATE TABLE schema (version INTEGER NOT NULL) STRICT")
        database.execute("INSERT INTO schema VALUES (1)")
        database.execute(
            "CREATE TABLE records (key BLOB NOT NULL PRIMARY KEY, line TEXT NOT NULL,"
            " direction TEXT NOT NULL, decision TEXT NOT NULL, day TEXT NOT NULL, spoken TEXT NOT NULL,"
            " disposition TEXT NOT NULL) STRICT, WITHOUT ROWID"
        )
        old = (b"k" * 16, "hotline", "in", "scrub", days_ago(200).isoformat(), "1-4min", "ANSWERED")
        database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", old)
    looked = house.run("--dry-run")
    assert looked.exit_code == 3
    assert looked.stderr.endswith("which brings it up to date.\n")
    assert house.run("--hold", "Before the upgrade").exit_code == 0
    house.run()
    assert house.keys() == {ord("k")}
    house.run("--release")
    assert "hotline: 1 record is over.\n" in house.run("--dry-run").stdout


def test_a_hold_on_everything(house):
    data = json.loads(house.run("--hold", "Subpoena", "--json").stdout)
    assert data == {
        "ok": True,
        "holds": [{"line": None, "since": date.today().isoformat(), "reason": "Subpoena"}],
    }
    assert house.run().exit_code == 0
    assert house.keys() == numbers(OVER + NOT_OVER)
    assert "There was no hold like that, line desk." in house.run("--release", "--line", "desk").stdout
    data = json.loads(house.run("--release", "--json").stdout)
    assert data == {"ok": True, "released": True, "holds": []}


def test_another_reason_leaves_the_day_on_which_a_hold_was_made(house):
    house.run("--hold", "Subpoena")
    with sqlite3.connect(house.store) as database:
        assert database.execute("UPDATE holds SET since = '2026-01-31'").rowcount == 1
    database.close()
    house.run("--hold", "Court order")
    assert house.run("--holds").stdout == "Held since 2026-01-31, all lines: Court order\n"


def test_lines_that_may_be_held(house):
    result = house.run("--hold", "Court order", "--line", "hotlin")
    assert result.exit_code == 2
    assert '"hotlin" is no line. Known are: hotline, desk, unlisted, emergency, former.' in result.stderr
    assert house.run("--holds").stdout == "Nothing is held.\n"
    for line in ("desk", "unlisted", "emergency", "former", "former"):
        assert house.run("--hold", "Court order", "--line", line).exit_code == 0


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "Say why"),
        ("x" * 201, "at most 200"),
        ("About +1 206 555 0123", "telephone number"),
        ("About (206) 555-0123", "telephone number"),
        ("Bell\x07", "one line"),
    ],
)
def test_reasons_that_are_refused(house, reason, said):
    result = house.run("--hold", reason)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "555" not in result.stderr + result.stdout
    assert house.run("--holds").stdout == "Nothing is held.\n"


def test_a_case_number_is_no_telephone_number(house):
    assert house.run("--hold", "Case 26-2-01234-5 of 2026-10-01").exit_code == 0


def journal_line(day: date) -> str:
    return f'"100000000-193847261","1","hotline","in","scrub","{day.isoformat()}","0","BUSY",""\n'


@pytest.mark.parametrize("name", ["journal.csv", "taken-0123456789abcdef.csv"])
def test_nothing_is_deleted_while_the_journal_has_something_of_those_days(house, name):
    (house.journal / name).write_text(journal_line(days_ago(31)))
    result = house.run()
    assert result.exit_code == 3
    assert "Start `callveil serve`" in result.stderr
    assert "Nothing was deleted." in result.stderr
    assert house.keys() == numbers(OVER + NOT_OVER)
    assert json.loads(house.run("--json").stdout)["ok"] is False
    assert house.run("--dry-run").exit_code == 0
    (house.journal / name).write_text(journal_line(days_ago(30)))
    assert house.run().exit_code == 0
    assert house.keys() == numbers(NOT_OVER)


def test_a_journal_that_cannot_be_read(house, monkeypatch):
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("callveil.journal_days.earliest_day", refuse)
    result = house.run()
    assert result.exit_code == 3
    assert "run this as root. Nothing was deleted." in result.stderr
    assert house.keys() == numbers(OVER + NOT_OVER)


def test_a_store_whose_files_cannot_be_settled_is_no_success(house, monkeypatch):
    async def settle(_: Any) -> None:
        raise StoreError("Another program reads.")

    monkeypatch.setattr("callveil.cli.purge_records._BETWEEN_ATTEMPTS", 0.0)
    monkeypatch.setattr(SqliteStore, "settle", settle)
    result = house.run()
    assert result.exit_code == 3
    assert "hotline: 2 records are deleted" in result.stdout
    assert "the store's files may still tell of them" in result.stderr


@pytest.mark.parametrize(
    "words", [(), ("--dry-run",), ("--holds",), ("--release",), ("--hold", "Court order")]
)
def test_a_store_that_is_missing_is_not_made(tmp_path, words):
    house = House(tmp_path)
    result = house.run(*words)
    assert result.exit_code == 3
    assert "Could not check" in result.stderr
    assert not house.store.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--holds", "--release"),
        ("--hold", "x", "--history"),
        ("--holds", "--dry-run"),
        ("--line", "hotline"),
        ("--holds", "--line", "hotline"),
        ("--yes",),
        ("--only", "logs"),
        ("--release", "--skip", "logs"),
        ("--store", "x"),
        ("--nonsense",),
        ("more",),
    ],
)
def test_bad_use(house, words):
    assert house.run(*words).exit_code == 2
    assert house.keys() == numbers(OVER + NOT_OVER)


def test_policy_with_mistakes_deletes_nothing(house):
    house.policy.write_text("version: 7\n")
    assert house.run().exit_code == 2
    assert house.keys() == numbers(OVER + NOT_OVER)


def test_another_store(house, tmp_path):
    words = ["purge", "--store", str(house.store), "--policy", str(house.policy), "--json", "--dry-run"]
    assert json.loads(CliRunner().invoke(cli, words).stdout)["lines"] == {
        "desk": 1,
        "former": 1,
        "hotline": 2,
    }


class TestHistory:
    """What it hands over; how it is done is tested elsewhere."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        monkeypatch.setattr("callveil.cli.purge_history.purge_history", lambda **how: calls.append(how))
        return calls

    def test_it_is_handed_over(self, house, asked):
        words = ("--history", "--yes", "--json", "--only", "a", "--only", "b", "--skip", "c")
        assert house.run(*words).exit_code == 0
        (how,) = asked
        expected = {"dry_run": False, "yes": True, "as_json": True, "only": ("a", "b"), "skip": ("c",)}
        assert {name: how[name] for name in expected} == expected

    def test_a_hold_stops_it_but_not_its_dry_run(self, house, asked):
        house.run("--hold", "Court order", "--line", "desk")
        result = house.run("--history", "--yes")
        assert (result.exit_code, asked) == (2, [])
        assert "A hold stands" in result.stderr
        assert "line desk: Court order" in result.stderr
        assert house.run("--history", "--dry-run").exit_code == 0
        assert len(asked) == 1
        house.run("--release", "--line", "desk")
        assert house.run("--history", "--yes").exit_code == 0
        assert len(asked) == 2

    def test_before_anything_was_recorded_nothing_is_held(self, tmp_path, asked):
        assert House(tmp_path).run("--history", "--yes").exit_code == 0
        assert len(asked) == 1

    def test_a_store_that_cannot_tell_stops_it(self, house, asked):
        house.store.write_bytes(b"not a database at all, but long enough to be looked at" * 50)
        assert house.run("--history", "--yes").exit_code == 3
        assert asked == []
