"""When records are over, and what the journal still has."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from callveil.journal_days import earliest_day
from callveil.policy.model import KEEP_RECORDS, Keep
from callveil.retention import cutoffs, is_held
from callveil.store.interface import ALL_LINES, Hold
from unit.policies import DESK, HOTLINE, program

TODAY = date(2026, 11, 24)


def test_a_record_is_there_for_the_days_that_follow_its_own() -> None:
    over = cutoffs(program(lines=(with_days(HOTLINE, 90), with_days(DESK, 1))), TODAY)
    # Deleted is what began before the cutoff.
    assert over.of("hotline") == date(2026, 8, 26)
    assert over.of("desk") == date(2026, 11, 23)


def with_days(line, days):
    return replace(line, keep=Keep(records=days))


@pytest.mark.parametrize("gone", ["unlisted", "emergency", "former"])
def test_lines_that_the_policy_does_not_have(gone) -> None:
    over = cutoffs(program(lines=(with_days(HOTLINE, 3650),)), TODAY)
    assert (TODAY - over.of(gone)).days == KEEP_RECORDS


def test_the_day_from_which_nothing_is_over() -> None:
    assert cutoffs(program(lines=(with_days(HOTLINE, 3), with_days(DESK, 100))), TODAY).latest == date(
        2026, 11, 21
    )
    assert cutoffs(program(lines=(with_days(HOTLINE, 100),)), TODAY).latest == date(2026, 8, 26)


def test_what_a_hold_protects() -> None:
    assert is_held("desk", [Hold("desk", TODAY, "x")])
    assert not is_held("hotline", [Hold("desk", TODAY, "x")])
    assert is_held("hotline", [Hold("desk", TODAY, "x"), Hold(ALL_LINES, TODAY, "x")])
    assert not is_held("hotline", [])


def line(day: str) -> str:
    return f'"100000000-193847261","1","hotline","in","scrub","{day}","0","BUSY",""\n'


def test_the_earliest_day_of_all_files(tmp_path: Path) -> None:
    assert earliest_day(tmp_path / "gone") is None
    assert earliest_day(tmp_path) is None
    (tmp_path / "journal.csv").write_text(line("2026-07-03") + line("2026-07-02T13"))
    assert earliest_day(tmp_path) == date(2026, 7, 2)
    (tmp_path / "taken-0123456789abcdef.csv").write_text(line("2026-07-03T130507") + line("2026-07-01"))
    assert earliest_day(tmp_path) == date(2026, 7, 1)
    # Neither can bring a record any more.
    (tmp_path / "set-aside.csv").write_text(line("2026-01-01"))
    (tmp_path / "taken-more.csv.old").write_text(line("2026-01-01"))
    assert earliest_day(tmp_path) == date(2026, 7, 1)


def test_a_day_in_garbage_counts_and_garbage_that_looks_like_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "journal.csv").write_bytes(b'\x00\xff"2026-13-45","' + line("2026-07-03").encode()[:70])
    assert earliest_day(tmp_path) == date(2026, 7, 3)


@pytest.mark.parametrize("before", [1024 * 1024 - 50 - number for number in (0, 3, 9, 12)])
def test_a_day_that_is_read_in_two_pieces(tmp_path: Path, before: int) -> None:
    (tmp_path / "journal.csv").write_text("x" * before + line("2026-07-03"))
    assert earliest_day(tmp_path) == date(2026, 7, 3)


def test_things_that_are_no_files_hold_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "taken-00.csv")
    (tmp_path / "taken-01.csv").mkdir()
    (tmp_path / "elsewhere").write_text(line("2026-07-03"))
    (tmp_path / "taken-02.csv").symlink_to(tmp_path / "elsewhere")
    assert earliest_day(tmp_path) is None
