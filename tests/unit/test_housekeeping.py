"""What `callveil serve` deletes by itself, and when it settles the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from callveil.policy.model import Keep, Policy
from callveil.record import Record
from callveil.store.interface import PURGE_AT_ONCE, Cutoffs, Hold, StoreError
from callveil_ami import housekeeping
from callveil_ami.housekeeping import Housekeeping
from callveil_ami.last_day import AWAY, DOUBT, NAME, LastDay
from callveil_ami.recorder import Recorder
from callveil_ami.settling import LATEST, QUIET, Settling
from harness.fake_ami import until
from unit.policies import DESK, HOTLINE, program

TODAY = date(2026, 11, 24)


class Shelf:
    """A store in memory that fails on demand."""

    def __init__(self, *records: Record) -> None:
        self.kept = list(records)
        self.did: list[str] = []
        self.lost = False
        self.busy = False
        self.closed = 0

    def _require(self, what: str, *, fine: bool = True) -> None:
        if self.lost or not fine:
            raise StoreError(f"It cannot {what}.")
        self.did.append(what)

    async def add(self, records: Any) -> int:
        found = list(records)
        self._require("add")
        self.kept += found
        return len(found)

    async def purge(self, over: Cutoffs, *, most: int = PURGE_AT_ONCE) -> int:
        self._require("purge")
        gone = {record.key for record in self.kept if record.day < over.of(record.line)}
        gone = set(sorted(gone)[:most])
        self.kept = [record for record in self.kept if record.key not in gone]
        return len(gone)

    async def settle(self) -> None:
        self._require("settle", fine=not self.busy)

    async def holds(self) -> list[Hold]:
        self._require("look")
        return []

    async def close(self) -> None:
        self.closed += 1


def kept(line: str, days_ago: int, number: int = 0) -> Record:
    began = (TODAY - timedelta(days=days_ago)).isoformat()
    return Record(number.to_bytes(16, "big"), line, "in", "scrub", began, "0", "BUSY")


class House:
    """Housekeeping at work, with what it works on."""

    def __init__(self, folder: Path, store: Shelf) -> None:
        self.store = store
        self.troubles: dict[str, str] = {}
        self.policy = program(
            lines=(replace(HOTLINE, keep=Keep(records=90)), replace(DESK, keep=Keep(records=30)))
        )
        self.today = TODAY
        self.journal = folder / "journal"
        self.opened = 0
        self.recorder = Recorder(self._open, self.troubles)
        self.part = Housekeeping(
            self.recorder,
            self._policy,
            self.journal,
            LastDay(folder),
            self.troubles,
            today=lambda: self.today,
            poll=0.01,
        )

    async def _open(self) -> Any:
        self.opened += 1
        self.store.lost = False
        return self.store

    def _policy(self) -> Policy:
        return self.policy

    def lines(self) -> list[str]:
        return sorted(record.line for record in self.store.kept)


@asynccontextmanager
async def at_work(
    folder: Path, *records: Record, before: Callable[[House], object] = bool
) -> AsyncIterator[House]:
    house = House(folder, Shelf(*records))
    before(house)
    stop = asyncio.Event()
    task = asyncio.create_task(house.part.run(stop))
    try:
        yield house
    finally:
        stop.set()
        await asyncio.wait_for(task, 2)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callveil_ami.settling.QUIET", 0.03)
    monkeypatch.setattr("callveil_ami.settling.SHARE", 0.9)


async def test_what_is_over_is_deleted_at_the_start_and_the_store_settled(tmp_path, caplog):
    async with at_work(
        tmp_path, kept("hotline", 91), kept("hotline", 90, 1), kept("desk", 31, 2), kept("gone", 91, 3)
    ) as house:
        await until(lambda: "settle" in house.store.did)
        assert house.lines() == ["hotline"]
        assert house.store.did[: house.store.did.index("settle")].count("purge") == 2
    assert "3 records were over and are deleted; their monthly counts stay" in caplog.text
    assert house.troubles == {}


async def test_many_are_deleted_in_steps_with_others_in_between(tmp_path):
    many = [kept("desk", 31, number) for number in range(4 * PURGE_AT_ONCE + 1)]
    async with at_work(tmp_path, *many) as house:
        await until(lambda: not house.store.kept)
        await until(lambda: house.store.did[-1] == "settle")
    assert house.store.did.count("purge") == 6


async def test_every_day_and_with_another_policy(tmp_path):
    async with at_work(tmp_path, kept("hotline", 90), kept("desk", 30, 1), kept("desk", 29, 2)) as house:
        await until(lambda: "settle" in house.store.did)
        assert house.lines() == ["desk", "desk", "hotline"]
        house.today += timedelta(days=1)
        await until(lambda: house.lines() == ["desk"])
        await until(lambda: house.store.did[-1] == "settle")
        house.policy = program(lines=(replace(DESK, keep=Keep(records=7)),))
        await until(lambda: house.lines() == [])
        await asyncio.sleep(0.1)
        done = house.store.did.count("purge")
        await asyncio.sleep(0.1)
        assert house.store.did.count("purge") == done
        # A clock that is set back makes nothing worse.
        house.store.kept = [kept("desk", 5)]
        house.today -= timedelta(days=300)
        await until(lambda: house.store.did.count("purge") > done)
        assert house.lines() == ["desk"]


def line(day: str) -> str:
    return f'"100000000-193847261","1","hotline","in","scrub","{day}","0","BUSY",""\n'


async def test_nothing_is_deleted_while_the_journal_still_has_something_of_those_days(tmp_path, monkeypatch):
    def leave(house: House) -> None:
        house.journal.mkdir()
        (house.journal / "taken-0123456789abcdef.csv").write_text(line("2026-10-24"))
        (house.journal / "journal.csv").write_text(line("2026-11-24"))

    monkeypatch.setattr(housekeeping, "LONG", 0.05)
    async with at_work(tmp_path, kept("hotline", 91), before=leave) as house:
        await until(lambda: "retention" in house.troubles)
        assert str(house.journal) in house.troubles["retention"]
        assert house.lines() == ["hotline"]
        assert "purge" not in house.store.did
        (house.journal / "taken-0123456789abcdef.csv").unlink()
        # What it has of today does not matter.
        await until(lambda: house.lines() == [])
        assert house.troubles == {}


async def test_a_journal_that_cannot_be_read_is_no_empty_one(tmp_path, monkeypatch):
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("callveil.journal_days.earliest_day", refuse)
    async with at_work(tmp_path, kept("hotline", 91)) as house:
        await until(lambda: "settle" in house.store.did)
        assert house.lines() == ["hotline"]


async def test_a_clock_that_has_jumped_deletes_nothing_until_it_has_been_so_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr("callveil_ami.last_day.DOUBT", 0.2)
    (tmp_path / NAME).write_text("2026-07-20\n")
    async with at_work(tmp_path, kept("hotline", 91)) as house:
        await until(lambda: "clock" in house.troubles)
        assert "2026-11-24, 127 days after Callveil ran last" in house.troubles["clock"]
        await asyncio.sleep(0.05)
        assert house.lines() == ["hotline"]
        await until(lambda: house.lines() == [])
        assert house.troubles == {}
        assert (tmp_path / NAME).read_text() == "2026-11-24\n"


async def test_a_store_that_is_lost_is_opened_again(tmp_path):
    def lose(house: House) -> None:
        house.recorder._store = house.store  # type: ignore[assignment]
        house.store.lost = True

    async with at_work(tmp_path, kept("hotline", 91), before=lose) as house:
        await until(lambda: house.lines() == [])
        assert house.store.closed == house.opened == 1
        assert house.troubles == {}


async def test_a_store_that_is_lost_with_nothing_to_write_is_opened_again_to_settle(tmp_path):
    async with at_work(tmp_path) as house:
        await until(lambda: "settle" in house.store.did)
        house.recorder.writes += 1
        house.store.lost = True
        await until(lambda: house.store.did.count("settle") == 2, 5)
        assert house.opened == 2
        assert house.troubles == {}


async def test_a_settling_in_vain_is_tried_again_and_said_only_when_it_takes_long(tmp_path, monkeypatch):
    def read(house: House) -> None:
        house.store.busy = True

    async with at_work(tmp_path, before=read) as house:
        await until(lambda: house.store.did.count("look") > 1)
        assert house.troubles == {}
        monkeypatch.setattr(housekeeping, "LONG", 0.0)
        await until(lambda: "settling" in house.troubles)
        assert "It cannot settle." in house.troubles["settling"]
        # Nobody else is cut off from the store because of it.
        assert house.store.closed == 0
        house.store.busy = False
        await until(lambda: not house.troubles, 10)


def test_settled_soon_after_the_last_write(monkeypatch):
    monkeypatch.undo()
    settling = Settling(0.0)
    assert not settling.is_due(QUIET - 0.1)
    assert settling.is_due(QUIET)
    settling.wrote(QUIET)
    assert not settling.is_due(QUIET + 0.1)
    settling.begin()
    settling.done(10.0, 10.0)
    assert not settling.is_due(1000.0)


def test_settled_at_the_latest_after_a_while_however_many_writes_there_are(monkeypatch):
    monkeypatch.undo()
    settling = Settling(0.0)
    settled: list[float] = []
    for second in range(600):
        settling.wrote(float(second))
        if settling.is_due(float(second)):
            settling.begin()
            settling.done(float(second), float(second))
            settled.append(second)
    assert len(settled) >= 9
    assert max(later - before for before, later in pairwise(settled)) <= LATEST + 1


@pytest.mark.parametrize("took", [0.1, 3.0, 20.0])
def test_never_settled_for_more_than_a_twentieth_of_the_time(took, monkeypatch):
    monkeypatch.undo()
    settling = Settling(0.0)
    now, spent = 0.0, 0.0
    while now < 50_000:
        settling.wrote(now)
        now += 1.0
        if settling.is_due(now):
            settling.begin()
            spent += took
            settling.done(now, now + took)
            now += took
    assert 0 < spent / now < 0.051


def test_a_write_while_it_is_settled_is_settled_later(monkeypatch):
    monkeypatch.undo()
    settling = Settling(0.0)
    settling.begin()
    settling.wrote(5.0)
    settling.done(4.0, 5.0)
    assert settling.is_due(5.0 + 20)


def test_days_that_are_believed(tmp_path):
    def believes(today: date, now: float) -> bool:
        return LastDay(tmp_path).believes(today, now)

    assert believes(TODAY, 0.0)
    assert believes(TODAY + AWAY, 0.0)
    assert believes(TODAY, 0.0)
    later = TODAY + AWAY + timedelta(days=1)
    assert not believes(later, 0.0)
    # A start is no proof that time has passed.
    assert not believes(later, DOUBT)
    assert (tmp_path / NAME).read_text() == "2026-11-24\n"
    (tmp_path / NAME).write_text("garbage")
    assert believes(later, 0.0)


def test_doubt_ends_with_the_jump_or_with_time(tmp_path):
    last_day = LastDay(tmp_path)
    assert last_day.believes(TODAY, 0.0)
    far = date(2099, 1, 1)
    assert not last_day.believes(far, 1000.0)
    assert not last_day.believes(far + timedelta(days=1), 1000.0 + DOUBT - 1)
    # Corrected, and wrong again: it counts from then.
    assert last_day.believes(TODAY, 1000.0 + DOUBT)
    assert not last_day.believes(far, 2000.0 + DOUBT)
    assert not last_day.believes(far, 1999.0 + 2 * DOUBT)
    # Another jump is another doubt.
    assert not last_day.believes(date(2199, 1, 1), 2000.0 + 2 * DOUBT)
    assert last_day.believes(date(2199, 1, 1), 2000.0 + 3 * DOUBT)
    assert last_day.believes(TODAY, 2000.0 + 3 * DOUBT)


def test_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path):
    assert LastDay(tmp_path / "gone").believes(TODAY, 0.0)
