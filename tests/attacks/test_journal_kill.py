"""Whatever ends the reader of the journal, at whatever point: every record is stored, and once."""

import asyncio
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from callveil.store.sqlite import SqliteStore
from callveil_ami import journal as journal_module
from callveil_ami.journal import JOURNAL, Journal

LINE = '"{}-193847261","{}","hotline","in","scrub","2026-07-01","1-4min","ANSWERED"\n'

READER = """
import asyncio, sys
from pathlib import Path
from callveil.store.sqlite import SqliteStore
from callveil_ami.journal import Journal

async def main():
    store = await SqliteStore.open(Path(sys.argv[2]))
    stop, troubles = asyncio.Event(), {}
    print("ready", flush=True)
    await Journal(Path(sys.argv[1]), store.add, troubles, grace=0.03, poll=0.01).run(stop, asyncio.Event())

asyncio.run(main())
"""


def count(path: Path) -> int:
    with sqlite3.connect(path) as database:
        found: int = database.execute("SELECT count(*) FROM records").fetchone()[0]
    database.close()
    return found


class Writer(threading.Thread):
    """Writes as Asterisk does: opens, appends, closes; now and then it is held up in between."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / JOURNAL
        self.ends = threading.Event()
        self.written = 0

    def run(self) -> None:
        chance = random.Random(7)  # noqa: S311
        while not self.ends.is_set():
            with self.path.open("a") as file:
                if chance.random() < 0.02:
                    time.sleep(0.1)  # three times the reader's grace
                file.write(LINE.format(100000000 + self.written, self.written))
            self.written += 1
            time.sleep(0.0005)


def test_killed_at_random_points(tmp_path):
    folder, store = tmp_path / "spool", tmp_path / "records.sqlite3"
    folder.mkdir()
    writer = Writer(folder)
    writer.start()
    chance = random.Random(11)  # noqa: S311
    command = [sys.executable, "-c", READER, str(folder), str(store)]
    try:
        for _ in range(40):
            reader = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.12))
            reader.kill()
            reader.communicate()
    finally:
        writer.ends.set()
        writer.join()
    reader = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 15
        while list(folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        reader.kill()
        reader.communicate()
    assert list(folder.iterdir()) == []
    assert writer.written > 1000
    assert count(store) == writer.written


class Crash(BaseException):
    """What a kill at a certain step looks like from inside."""


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("step", ["_take", "read_piece", "is_written", "_set_aside", "_finish", "commit"])
async def test_killed_at_each_step(tmp_path, monkeypatch, step, before):
    store = await SqliteStore.open(tmp_path / "records.sqlite3")
    folder = tmp_path / "spool"
    folder.mkdir()
    text = "".join(LINE.format(100000000 + number, number) for number in range(1500))
    (folder / JOURNAL).write_text(text + "torn\n")

    def crashing(function):
        def wrapped(*arguments, **options):
            if not before:
                function(*arguments, **options)
            raise Crash

        return wrapped

    async def commit(records):
        if not before:
            await store.add(records)
        raise Crash

    with monkeypatch.context() as patch:
        if step != "commit":
            patch.setattr(journal_module, step, crashing(getattr(journal_module, step)))
        doomed = Journal(folder, commit if step == "commit" else store.add, {}, grace=0.0)
        with pytest.raises(Crash):
            await doomed.sweep()
    (folder / JOURNAL).open("a").write(LINE.format(200000000, 1500))
    troubles: dict[str, str] = {}
    again = Journal(folder, store.add, troubles, grace=0.0)
    await again.sweep()
    assert [one.name for one in folder.iterdir()] == ["set-aside.csv"]
    assert len([one async for one in store.records()]) == 1501
    assert "set-aside" in troubles
    await store.close()


async def test_killed_before_the_first_commit_ends_is_no_half_batch(tmp_path):
    """A task that is cancelled while the store works leaves all of a piece, or none."""
    store = await SqliteStore.open(tmp_path / "records.sqlite3")
    (tmp_path / JOURNAL).write_text("".join(LINE.format(100000000 + n, n) for n in range(5000)))
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
        task = asyncio.create_task(Journal(tmp_path, store.add, {}, grace=0.0).sweep())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await Journal(tmp_path, store.add, {}, grace=0.0).sweep()
    assert len([one async for one in store.records()]) == 5000
    await store.close()
