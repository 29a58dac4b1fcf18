"""Whatever ends the reader of the journal, at whatever point: every record is stored, and once."""

import asyncio
import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from callveil.record import record_key
from callveil.store.sqlite import SqliteStore
from callveil_ami import journal as journal_module
from callveil_ami.journal import JOURNAL, SET_ASIDE, Journal

LINE = '"{}-193847261","{}","hotline","in","scrub","2026-07-01","1-4min","ANSWERED"\n'

READER = """
import asyncio, sys
from pathlib import Path
from callveil.store.guarded import GuardedStore
from callveil_ami.journal import Journal
from callveil_ami.recorder import Recorder

async def main():
    troubles = {}
    recorder = Recorder(lambda: GuardedStore.open(Path(sys.argv[2])), troubles)
    await recorder.check()
    print("ready", flush=True)
    journal = Journal(Path(sys.argv[1]), recorder.commit, troubles, grace=0.03, poll=0.01)
    await journal.run(asyncio.Event(), asyncio.Event())

asyncio.run(main())
"""


def stored(path: Path) -> set[bytes]:
    with closing(sqlite3.connect(path)) as database:
        keys = [key for (key,) in database.execute("SELECT key FROM records")]
    assert len(keys) == len(set(keys))
    return set(keys)


class Writer(threading.Thread):
    """Writes as Asterisk does: opens, appends, closes; now and then it is held up in between, or killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / JOURNAL
        self.ends = threading.Event()
        self.written: set[bytes] = set()
        self.torn = 0

    def run(self) -> None:
        chance = random.Random(7)  # noqa: S311
        number = 0
        while not self.ends.is_set():
            number += 1
            line = LINE.format(100000000 + number, number)
            with self.path.open("a") as file:
                if chance.random() < 0.02:
                    time.sleep(0.1)  # three times the reader's grace
                if chance.random() < 0.005:
                    file.write(line[: chance.randrange(1, 60)])
                    self.torn += 1
                else:
                    file.write(line)
                    self.written.add(record_key(f"{100000000 + number}-193847261"))
            time.sleep(0.0005)


@pytest.mark.parametrize("readers", [1, 2])
def test_killed_at_random_points(tmp_path, readers):
    folder, store = tmp_path / "spool", tmp_path / "records.sqlite3"
    folder.mkdir()
    writer = Writer(folder)
    writer.start()
    chance = random.Random(11)  # noqa: S311
    command = [sys.executable, "-c", READER, str(folder), str(store)]

    def live_and_die(times: int) -> None:
        for _ in range(times):
            with subprocess.Popen(command, stdout=subprocess.PIPE) as reader:
                assert reader.stdout is not None
                assert reader.stdout.readline() == b"ready\n"
                time.sleep(chance.uniform(0, 0.12))
                reader.kill()

    try:
        with ThreadPoolExecutor(readers) as pool:
            for ended in [pool.submit(live_and_die, 30 // readers) for _ in range(readers)]:
                ended.result()
    finally:
        writer.ends.set()
        writer.join()
    last = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(readers)]
    try:
        deadline = time.monotonic() + 15
        while any("taken" in path.name or path.name == JOURNAL for path in folder.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        for reader in last:
            reader.kill()
            reader.communicate()
    assert len(writer.written) > 1000
    assert stored(store) == writer.written
    # A file can be described twice where its reader is killed at that moment; nothing is left out.
    assert writer.torn
    assert len((folder / SET_ASIDE).read_text().splitlines()) >= 1


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
