"""Events and journal meet in one store, each record once."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

from callveil.live import Live
from callveil.policy.model import Keep
from callveil.record import Record
from callveil.settings import Settings
from callveil.store.interface import StoreError
from callveil.store.sqlite import SqliteStore
from callveil_ami import service
from callveil_ami.intake import Intake
from callveil_ami.recorder import Recorder
from callveil_ami.waiting import Backoff
from harness.fake_ami import CDR, cdr, fake_ami, until
from unit.policies import HOTLINE, program

JOURNAL_LINE = '"{}-193847261","{}","hotline","out","hide","2026-07-01","1-59s","ANSWERED"\n'


class Broken:
    """A store that fails some times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.records: list[Record] = []
        self.closed = 0

    async def add(self, records) -> int:
        records = list(records)
        if records and self.failures:
            self.failures -= 1
            raise StoreError("The disk is full.")
        self.records += records
        return len(records)

    async def close(self) -> None:
        self.closed += 1


async def test_events_wait_for_a_store_that_fails():
    store = Broken(2)
    troubles: dict[str, str] = {}

    async def open_store():
        return store

    recorder = Recorder(open_store, troubles)
    intake = Intake(troubles)
    stop, wake = asyncio.Event(), asyncio.Event()
    intake.take(CDR)
    task = asyncio.create_task(recorder.record_events(intake, wake, stop))
    await until(lambda: "store" in troubles)
    assert "full" in troubles["store"]
    await until(lambda: store.records)
    assert troubles == {}
    assert store.closed == 2
    stop.set()
    await asyncio.wait_for(task, 1)
    assert wake.is_set()


async def _stored(path: Path) -> list[Record]:
    store = await SqliteStore.open(path, read_only=True)
    try:
        return [record async for record in store.records()]
    finally:
        await store.close()


def _live(tmp_path: Path, ami) -> Live:
    folder = tmp_path / "spool"
    folder.mkdir()
    settings = Settings(
        ami=ami, journal=folder, store=tmp_path / "records.sqlite3", compiled=tmp_path / "policy.json"
    )
    # Records of the day that the tests' events tell of are never over, and no trunk is looked at.
    line = replace(HOTLINE, keep=Keep(records=3650))
    return Live(policy=program(lines=(line,), trunks=()), settings=settings)


async def test_service_keeps_each_record_once_and_drains_at_the_end(tmp_path):
    async def play(writer):
        writer.write(b"".join(cdr(number) for number in range(200)))

    async with fake_ami(play=play) as server:
        live = _live(tmp_path, server.settings())
        lines = [JOURNAL_LINE.format(100000000 + number, number) for number in range(50, 250)]
        (live.settings.journal / "journal.csv").write_text("".join(lines))
        stop = asyncio.Event()
        task = asyncio.create_task(service.run(live, stop))
        await until(lambda: server.actions.count("Ping") > 1)
        stop.set()
        await asyncio.wait_for(task, 4)
    records = await _stored(tmp_path / "records.sqlite3")
    assert len(records) == 250
    assert {record.day for record in records} == {date(2026, 7, 1)}
    assert live.troubles == {}


async def test_service_goes_on_without_a_store(tmp_path):
    async with fake_ami() as server:
        live = _live(tmp_path, server.settings())
        (tmp_path / "records.sqlite3").write_bytes(
            b"not a database at all, but long enough to be looked at" * 50
        )
        (live.settings.journal / "journal.csv").write_text(JOURNAL_LINE.format("100000000", 1))
        stop = asyncio.Event()
        task = asyncio.create_task(service.run(live, stop))
        await until(lambda: "store" in live.troubles)
        await until(lambda: server.logins)
        assert "not a SQLite database" in live.troubles["store"]
        (tmp_path / "records.sqlite3").unlink()
        await until(lambda: "store" not in live.troubles, 10)
        stop.set()
        await asyncio.wait_for(task, 4)
    assert len(await _stored(tmp_path / "records.sqlite3")) == 1


async def test_part_that_crashes_is_said_and_started_again(caplog):
    troubles: dict[str, str] = {}
    stop = asyncio.Event()
    starts = 0

    async def part():
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError("+12065550123")
        await stop.wait()

    task = asyncio.create_task(service.keep_running("part", part, troubles, stop, Backoff(0.01, 0.02)))
    await until(lambda: starts == 3)
    assert "RuntimeError at test_recorder.py" in troubles["part"]
    assert "5550123" not in troubles["part"] + caplog.text
    stop.set()
    await asyncio.wait_for(task, 1)
    assert troubles == {}
