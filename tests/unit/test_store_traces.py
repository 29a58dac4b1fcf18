"""What the files of a SQLite store tell of the order of calls, and of records that are gone."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from callveil.record import Record, record_key
from callveil.store.interface import Cutoffs, Hold, Month, StoreError
from callveil.store.sqlite import SqliteStore
from unit.store_suite import call, everything, in_order, some_calls

TODAY = date(2026, 9, 9)
PAGE = 4096
INDEX_LEAF = 0x0A
CHANGING = (slice(24, 28), slice(40, 44), slice(92, 96))
"""Of the first page: how often the file was changed, in three counters."""


def content(path: Path) -> bytes:
    """A file, read by another process: closing it in this one would undo SQLite's locks."""
    return subprocess.run(["cat", str(path)], stdout=subprocess.PIPE, check=False).stdout


def files(path: Path) -> dict[str, bytes]:
    """All files of a store."""
    return {one.name: content(one) for one in path.parent.iterdir() if one.name.startswith(path.name)}


def log_of(path: Path) -> bytes:
    """The write-ahead log of a store."""
    return files(path)[f"{path.name}-wal"]


def canonical(path: Path) -> bytes:
    """A store's file without three counters that say how often it was written."""
    data = bytearray(content(path))
    for part in CHANGING:
        data[part] = bytes(4)
    return bytes(data)


async def as_from_key_order(path: Path) -> bytes:
    """The file of a store into which the same records came in the order of their keys, all at once."""
    reader = await SqliteStore.open(path, read_only=True)
    records = await everything(reader)
    await reader.close()
    other = path.parent / f"other-{path.name}"
    async with opened(other) as store:
        await store.add(records)
        await store.settle()
        return canonical(other)


def places(data: bytes, wanted: Iterable[bytes]) -> dict[int, list[int]]:
    """Which of these keys stand in each page, by number, from the front of the page."""
    pages: dict[int, list[int]] = defaultdict(list)
    numbers = {key: number for number, key in enumerate(wanted)}
    for found in re.finditer(b"|".join(map(re.escape, numbers)), data):
        pages[found.start() // PAGE].append(numbers[found[0]])
    return pages


def told(path: Path, arrived: list[bytes]) -> float:
    """How surely neighbours in the pages of a file tell which call came first, in standard deviations.

    SQLite fills a page from its end, so of two calls the later one stands further in front. Where places have
    nothing to do with time, as many neighbours stand in one order as in the other, within 3 of these or so.
    """
    pairs = [
        one > other for page in places(content(path), arrived).values() for one, other in pairwise(page[:12])
    ]
    return float(abs(2 * sum(pairs) - len(pairs)) / len(pairs) ** 0.5)


def empty_log(path: Path) -> None:
    """Bring the log into the file, and no more."""
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.close()


async def write_days(store: SqliteStore, seed: int, batch: int = 3) -> list[bytes]:
    """Write calls of today among others, some in two parts; return keys in the order of last writing."""
    dice = random.Random(seed)  # noqa: S311
    today = [call(number, day=TODAY) for number in range(1200)]
    others = [
        call(1000 + number, day=TODAY - timedelta(days=1 + dice.randrange(20))) for number in range(900)
    ]
    await store.add(others[:600])
    dice.shuffle(today)
    written: list[Record] = []
    joined: set[Record] = set()
    for start in range(0, len(today), batch):
        await store.add(today[start : start + batch])
        written += today[start : start + batch]
        await store.add([others[600 + start % 300]])
        # A second part of one that came before.
        again = today[dice.randrange(start // 2 + 1)]
        await store.add([replace(again, disposition="ANSWERED", spoken="1-4min", queue=None)])
        if again not in joined:
            joined.add(again)
            written.remove(again)
            written.append(again)
    return [one.key for one in written]


async def test_places_tell_the_order_until_the_file_is_settled(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    async with opened(path) as store:
        await store.add(call(5000 + number, day=TODAY - timedelta(days=30)) for number in range(100))
        await store.settle()
        arrived = await write_days(store, 1)
        # The control: what is looked at does tell.
        assert log_of(path)
        empty_log(path)
        assert told(path, arrived) > 4
        await store.settle()
        assert told(path, arrived) < 3
        assert log_of(path) == b""
        assert canonical(path) == await as_from_key_order(path)


async def test_a_file_depends_on_its_records_alone(tmp_path: Path) -> None:
    """The same calls in another order, in other batches, settled at other times, to the last byte."""
    before, after = set(), set()
    for seed in range(4):
        path = tmp_path / f"{seed}.sqlite3"
        async with opened(path) as store:
            dice = random.Random(seed)  # noqa: S311
            parts = some_calls(800)
            dice.shuffle(parts)
            while parts:
                many = dice.randrange(1, 60)
                await store.add(parts[:many])
                parts = parts[many:]
                if dice.random() < 0.2:
                    await store.settle()
            await store.add(replace(one, decision="emergency") for one in some_calls(3))
            before.add(canonical(path))
            await store.settle()
            # Before it is closed: no later tidying helps.
            after.add(canonical(path))
    assert len(before) == 4
    assert len(after) == 1


def leaves(path: Path) -> list[bytes]:
    """The pages of a file that hold rows, in an order of no meaning."""
    data = content(path)
    pages = [data[start : start + PAGE] for start in range(PAGE, len(data), PAGE)]
    return sorted(page for page in pages if page[0] == INDEX_LEAF)


async def test_the_day_that_goes_on_in_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, next_day = [], []
    for seed in (1, 2):
        monkeypatch.undo()
        path = tmp_path / f"{seed}.sqlite3"
        async with opened(path) as store:
            await store.add(
                call(5000 + number, day=TODAY - timedelta(days=1 + number % 30)) for number in range(3000)
            )
            await store.settle()
            monkeypatch.setattr("callveil.store.sqlite.SMALL_PAGES", 0)
            today = [call(number, day=TODAY) for number in range(900)]
            random.Random(seed).shuffle(today)  # noqa: S311
            for start in range(0, 900, 5):
                await store.add(today[start : start + 5])
            arrived = [one.key for one in today]
            empty_log(path)
            assert told(path, arrived) > 4
            changes = content(path)[40:44]
            await store.settle()
            assert content(path)[40:44] == changes  # not written anew as a whole
            assert told(path, arrived) < 3
            assert log_of(path) == b""
            found.append(leaves(path))
            # The next day nothing at all is different.
            await store.add([call(9000, day=TODAY + timedelta(days=1)), call(9001, day=TODAY)])
            await store.settle()
            next_day.append(canonical(path))
    assert found[0] == found[1]
    assert next_day[0] == next_day[1]


async def test_what_a_killed_process_did_not_settle_is_settled_next_time(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    write = (
        "import asyncio, os, sys, random\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from callveil.store.sqlite import SqliteStore\n"
        "from unit.test_store_traces import write_days\n"
        "async def main():\n"
        "    store = await SqliteStore.open(Path(sys.argv[1]))\n"
        "    arrived = await write_days(store, 4)\n"
        "    print(b''.join(arrived).hex(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", write, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: ASYNC221 - nothing else runs
    assert done.returncode == -signal.SIGKILL
    joined = bytes.fromhex(done.stdout.decode())
    arrived = [joined[start : start + 16] for start in range(0, len(joined), 16)]
    assert len(arrived) == 1200
    async with opened(path) as store:
        empty_log(path)
        assert told(path, arrived) > 4
        await store.settle()
        assert canonical(path) == await as_from_key_order(path)
        assert log_of(path) == b""


async def test_a_reader_that_holds_on_is_said_and_made_good_for(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    async with opened(path) as store:
        await store.add([call(1)])
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            await write_days(store, 5)
            with pytest.raises(StoreError, match="cannot be tidied now, because another program reads"):
                await store.settle()
            assert log_of(path)
            reader.execute("COMMIT")
        await store.settle()
        assert log_of(path) == b""
        assert canonical(path) == await as_from_key_order(path)


def secrets_of(records: Iterable[Record]) -> list[bytes]:
    return [one.key for one in records] + [one.party.encode() for one in records if one.party]


def left_of(path: Path, wanted: list[bytes]) -> int:
    """How many of these stand anywhere in the files of a store."""
    everywhere = b"".join(files(path).values())
    return sum(one in everywhere for one in wanted)


def old_and_new(many: int) -> tuple[list[Record], list[Record]]:
    """Calls that are over and calls that are not, of the same lines, with numbers that only the old have."""
    old = [
        call(
            number,
            day=TODAY - timedelta(days=40 + number % 20),
            party=f"+12{number:04}55501{number % 100:02}",
        )
        for number in range(many)
    ]
    return old, [call(many + number, day=TODAY - timedelta(days=number % 30)) for number in range(many)]


@pytest.mark.parametrize("size", ["small", "large"])
async def test_nothing_is_left_of_what_was_purged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    if size == "large":
        monkeypatch.setattr("callveil.store.sqlite.SMALL_PAGES", 0)
    path = tmp_path / "records.sqlite3"
    async with opened(path) as store:
        old, new = old_and_new(2000)
        mixed = [*old, *new]
        random.Random(7).shuffle(mixed)  # noqa: S311
        # Some old ones are held, so that the others have to be taken out from between them.
        held = [replace(one, line="court") for one in old[::3]]
        mixed = [replace(one, line="court") if one in set(old[::3]) else one for one in mixed]
        for start in range(0, len(mixed), 40):
            await store.add(mixed[start : start + 40])
            if not start % 400:
                await store.settle()
        await store.hold(Hold("court", TODAY, "case"))
        gone = secrets_of(one for number, one in enumerate(old) if number % 3)
        assert left_of(path, gone) == len(gone)
        while await store.purge(Cutoffs(others=TODAY - timedelta(days=35)), most=300):
            pass
        await store.settle()
        assert left_of(path, gone) == 0
        assert left_of(path, secrets_of(held)) == len(secrets_of(held))
        await store.release("court")
        while await store.purge(Cutoffs(others=TODAY - timedelta(days=35))):
            pass
        await store.settle()
        assert left_of(path, secrets_of(held)) == 0
        assert await everything(store) == in_order(new)


@pytest.mark.parametrize("secure", [False, True])
async def test_deleting_alone_leaves_them(tmp_path: Path, secure: bool) -> None:
    """The control: nearly all is left, with secure deletion as long as the log is not emptied."""
    path = tmp_path / "records.sqlite3"
    async with opened(path) as store:
        old, new = old_and_new(2000)
        for start in range(0, 2000, 50):
            await store.add([*old[start : start + 50], *new[start : start + 50]])
        await store.settle()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(f"PRAGMA secure_delete={int(secure)}")
            other.execute("DELETE FROM records WHERE day < ?", (str(TODAY - timedelta(days=35)),))
            other.execute("DELETE FROM recent WHERE day < ?", (str(TODAY - timedelta(days=35)),))
            assert left_of(path, secrets_of(old)) > 3900
            busy = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            assert not busy
            left = left_of(path, secrets_of(old))
            assert left < 100 if secure else left > 3000


WRITER = """
import asyncio, sys
from datetime import date, timedelta
from pathlib import Path
sys.path.insert(0, {tests!r})
from callveil.store.sqlite import SqliteStore
from callveil.store.interface import StoreError
from unit.store_suite import call

async def main():
    number = 100000
    print("ready", flush=True)
    while True:
        store = await SqliteStore.open(Path(sys.argv[1]))
        for _ in range(20):
            await store.add(call(one, day=date(2026, 9, 9)) for one in range(number, number + 5))
            number += 5
            await asyncio.sleep(0.001)
        if number % 3:
            async for one in store.records(line="hotline"):
                break
        await store.close()
asyncio.run(main())
"""


async def test_nothing_is_left_while_others_write_and_read(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    async with opened(path) as store:
        old, new = old_and_new(1500)
        await store.add([*old, *new])
        command = [sys.executable, "-c", WRITER.format(tests=str(Path(__file__).parents[1])), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: ASYNC220
            try:
                assert writer.stdout
                assert writer.stdout.readline() == b"ready\n"
                await asyncio.sleep(0.3)
                assert left_of(path, secrets_of(old)) == 3000
                while await store.purge(Cutoffs(others=TODAY - timedelta(days=35)), most=100):
                    await asyncio.sleep(0.01)
                deadline = time.monotonic() + 20
                while True:
                    try:
                        await store.settle()
                        break
                    except StoreError:
                        assert time.monotonic() < deadline
                assert left_of(path, secrets_of(old)) == 0
                assert writer.poll() is None
                written = len(await everything(store)) - len(new)
                assert written > 10
            finally:
                writer.kill()
        assert left_of(path, secrets_of(old)) == 0
        months = [await store.counts(Month(2026, number)) for number in (7, 8)]
        assert sum(one.calls for month in months for one in month) >= 1500


def layout_1(path: Path, many: int) -> list[Record]:
    """A store as the first version of Callveil made it."""
    old = [
        call(number, day=JULY_FIRST + timedelta(days=number % 90), disposition="ANSWERED", spoken="1-59s")
        for number in range(many)
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE schema (version INTEGER NOT NULL) STRICT")
        database.execute("INSERT INTO schema VALUES (1)")
        database.execute(
            "CREATE TABLE records (key BLOB NOT NULL PRIMARY KEY, line TEXT NOT NULL,"
            " direction TEXT NOT NULL, decision TEXT NOT NULL, day TEXT NOT NULL, spoken TEXT NOT NULL,"
            " disposition TEXT NOT NULL)"
            " STRICT, WITHOUT ROWID"
        )
        database.execute("CREATE INDEX records_by_day ON records (day)")
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (one.key, one.line, one.direction, one.decision, one.began, one.spoken, one.disposition)
                for one in old
            ],
        )
        database.execute("COMMIT")
    return old


JULY_FIRST = date(2026, 7, 1)


async def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    old = layout_1(path, 3000)
    with pytest.raises(StoreError, match="earlier version of Callveil made it: start Callveil"):
        await SqliteStore.open(path, read_only=True)
    async with opened(path) as store:
        assert await everything(store) == in_order(old)
        assert await store.add(old) == 0
        await store.settle()
        assert b"records_1" not in content(path)
    reader = await SqliteStore.open(path, read_only=True)
    assert await everything(reader) == in_order(old)
    await reader.close()


OPEN = (
    "import asyncio, sys\nfrom pathlib import Path\nfrom callveil.store.sqlite import SqliteStore\n"
    "import callveil.store.sqlite\n"
    "print('ready', flush=True)\n"
    "asyncio.run(SqliteStore.open(Path(sys.argv[1])))\n"
    "print('open', flush=True)\nsys.stdin.read()\n"
)


async def test_bringing_it_up_to_date_may_be_killed(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    old = layout_1(path, 20_000)
    pristine = path.read_bytes()
    cut_off = 0
    for attempt in range(5):
        for name in files(path):
            (tmp_path / name).unlink()
        path.write_bytes(pristine)
        command = [sys.executable, "-c", OPEN, str(path)]
        with Popen(command, stdout=PIPE, stdin=PIPE) as opener:  # noqa: ASYNC220
            assert opener.stdout
            assert opener.stdout.readline() == b"ready\n"
            time.sleep(0.03 * attempt)  # noqa: ASYNC251
            opener.kill()
            cut_off += b"open" not in opener.stdout.read()
        async with opened(path) as store:
            assert await everything(store) == in_order(old)
            assert await store.add(old[:500]) == 0
    assert cut_off >= 2
    assert os.listdir(tmp_path) == [path.name]
    assert record_key("id0") in path.read_bytes()
