"""`callveil purge --history`: what it prints, asks and answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from callveil.cli import purge_history
from callveil.cli.main import cli
from callveil.history.machine import Machine
from click.testing import CliRunner, Result
from unit.history_disk import ENVELOPE, NUMBER, Disk


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "root")


def run(disk: Disk, *options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["purge", "--history", "--root", str(disk.root), *options], input=answer)


def fill(disk: Disk) -> None:
    disk.log("cdr-csv/Master.csv", f"{NUMBER}\n" * 1204)
    disk.log(f"cdr-csv/{NUMBER}.csv")
    disk.log("full")
    disk.spooled("voicemail/default/200/INBOX/msg0000.txt", ENVELOPE)
    disk.astdb({"/CALLTRACE/201": NUMBER})


def test_a_dry_run_shows_counts_and_folders_and_changes_nothing(disk: Disk) -> None:
    fill(disk)
    before = disk.state()
    result = run(disk, "--dry-run")
    assert result.exit_code == 1
    assert disk.state() == before
    assert NUMBER not in result.output
    lines = {" ".join(line.split()) for line in result.output.splitlines()}
    assert "PLACE WHAT HOW MANY WHERE" in lines
    assert "cdr-csv call records 2 files, 1,205 lines /var/log/asterisk/cdr-csv" in lines
    assert (
        "voicemail callers of voice messages (the messages stay) 1 envelope /var/spool/asterisk/voicemail"
        in lines
    )
    assert "Nothing was changed." in lines
    assert any("carrier" in line for line in lines)


def test_yes_removes_and_says_what(disk: Disk) -> None:
    fill(disk)
    result = run(disk, "--yes")
    assert result.exit_code == 0
    assert disk.holds() == []
    assert "Removed: cdr-csv, 2 files, 1,205 lines." in result.output
    assert "Removed: voicemail, 1 envelope." in result.output
    assert NUMBER not in result.output
    again = run(disk, "--yes")
    assert again.exit_code == 0
    assert "Nothing was found" in again.output


def test_nothing_is_removed_without_a_word_of_somebody(disk: Disk) -> None:
    fill(disk)
    before = disk.state()
    for options in ((), ("--json",)):
        result = run(disk, *options)
        assert result.exit_code == 2
        assert "--dry-run" in result.output
    assert run(disk, "--yes", "--dry-run").exit_code == 2
    assert disk.state() == before


@pytest.mark.parametrize("answer", ["y\n", "no\n", "\n", "YES\n"])
def test_only_yes_means_yes(disk: Disk, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    fill(disk)
    before = disk.state()
    monkeypatch.setattr(purge_history, "at_terminal", lambda: True)
    result = run(disk, answer=answer)
    assert result.exit_code == 1
    assert "Nothing was removed." in result.output
    assert disk.state() == before


def test_at_a_terminal_it_shows_asks_and_removes(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(disk)
    monkeypatch.setattr(purge_history, "at_terminal", lambda: True)
    result = run(disk, answer="yes\n")
    assert result.exit_code == 0
    assert (
        result.output.index("1,205 lines")
        < result.output.index("cannot be undone")
        < result.output.index("Removed:")
    )
    assert disk.holds() == []


def test_where_there_is_nothing_nobody_is_asked(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_history, "at_terminal", lambda: True)
    result = run(disk)
    assert result.exit_code == 0
    assert "Nothing was found" in result.output


def test_what_is_left_is_a_finding(disk: Disk) -> None:
    fill(disk)
    disk.spooled(f"monitor/out-{NUMBER}-201.wav")
    result = run(disk, "--yes")
    assert result.exit_code == 1
    assert "NOT removed: recordings, 1 file." in result.output
    assert NUMBER not in result.output
    assert run(disk, "--yes", "--skip", "recordings").exit_code == 0


def test_what_could_not_be_seen_is_no_success(disk: Disk) -> None:
    fill(disk)
    (disk.logs / "cdr-custom").symlink_to("/srv")
    result = run(disk, "--yes")
    assert result.exit_code == 3
    assert "Removed: cdr-csv" in result.output
    assert "Could not check: cdr-custom. /var/log/asterisk/cdr-custom: it is a link" in result.output


def test_only_and_skip_choose(disk: Disk) -> None:
    fill(disk)
    assert run(disk, "--yes", "--only", "voicemail", "--only", "logs", "--skip", "logs").exit_code == 0
    assert sorted(disk.holds()) == [
        "var/lib/asterisk/astdb.sqlite3",
        f"var/log/asterisk/cdr-csv/{NUMBER}.csv",
        "var/log/asterisk/cdr-csv/Master.csv",
        "var/log/asterisk/full",
    ]
    wrong = run(disk, "--yes", "--only", NUMBER)
    assert wrong.exit_code == 2
    assert NUMBER not in wrong.output
    assert "cdr-csv, cdr-custom, cel-custom" in wrong.output


def test_json_says_the_same(disk: Disk) -> None:
    fill(disk)
    looked = json.loads(run(disk, "--dry-run", "--json").output)
    assert looked["ok"] is False
    done = json.loads(run(disk, "--yes", "--json").output)
    assert done["ok"] is True
    places = {place["place"]: place for place in done["places"]}
    assert places["cdr-csv"] == {
        "place": "cdr-csv",
        "what": "call records",
        "state": "removed",
        "found": {"files": 2, "lines": 1205},
        "where": ["/var/log/asterisk/cdr-csv"],
        "notes": ["Files named by an account: 1."],
        "why": [],
    }
    assert places["recordings"]["state"] == "nothing found"
    assert done["still_written"] == []


def test_a_module_that_will_write_again_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(disk)
    monkeypatch.setattr(Machine, "modules", frozenset({"cdr_csv.so", "cel_custom.so"}))
    result = run(disk, "--dry-run")
    assert "cdr-csv: Asterisk will write there again: it has loaded cdr_csv.so." in result.output
    # It may be loaded and write nothing, as Debian has it.
    assert "cel_custom" not in result.output
