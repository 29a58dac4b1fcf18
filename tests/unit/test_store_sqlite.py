"""The SQLite store, its file and its errors."""

import asyncio
import os
import random
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest
from callveil.record import Record, record_key
from callveil.store.interface import StoreError
from callveil.store.sqlite import SqliteStore


def record(number: int, line: str = "hotline") -> Record:
    day = str(date(2026, 7, 1) + timedelta(days=number % 3))
    return Record(record_key(f"id{number}"), line, "in", "scrub", day, "0", "NO ANSWER")


async def everything(store: SqliteStore, **only) -> list[Record]:
    return [one async for one in store.records(**only)]


async def test_each_record_once_by_day_and_key(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    numbers = list(range(300))
    random.Random(1).shuffle(numbers)  # noqa: S311
    assert await store.add(record(number) for number in numbers) == 300
    assert await store.add([record(1), record(2), record(300, "desk")]) == 1
    assert await store.add([]) == 0
    found = await everything(store)
    assert found == sorted(found, key=lambda one: (one.day, one.key))
    assert len(found) == 301
    assert [one.line for one in await everything(store, line="desk")] == ["desk"]
    await store.close()


async def test_parts_of_one_call_become_one_record(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    ringing = record(1)
    answered = replace(ringing, spoken="1-4min", disposition="ANSWERED")
    assert await store.add([ringing, answered]) == 1
    assert await store.add([record(number) for number in range(1200)]) == 1199
    assert await store.add([ringing]) == 0
    assert [one for one in await everything(store) if one.key == ringing.key] == [answered]
    await store.close()


async def test_files_are_private_and_the_log_is_emptied(tmp_path):
    os.umask(0)
    try:
        path = tmp_path / "r.sqlite3"
        store = await SqliteStore.open(path)
        await store.add([record(1)])
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        assert modes == dict.fromkeys(("r.sqlite3", "r.sqlite3-wal", "r.sqlite3-shm"), 0o600)
        await store.close()
        assert [one.name for one in tmp_path.iterdir()] == ["r.sqlite3"]
    finally:
        os.umask(0o022)


async def test_pragmas(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    values = {}
    for name in ("journal_mode", "synchronous", "secure_delete", "busy_timeout"):
        rows = list(await store._connection.execute_fetchall(f"PRAGMA {name}"))
        values[name] = rows[0][0]
    assert values == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "busy_timeout": 5000}
    await store.close()


async def test_reader_creates_nothing(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        await SqliteStore.open(tmp_path / "r.sqlite3", read_only=True)
    assert list(tmp_path.iterdir()) == []


async def test_reader_beside_a_writer_and_after_it(tmp_path):
    path = tmp_path / "r.sqlite3"
    writer = await SqliteStore.open(path)
    await writer.add([record(1)])
    reader = await SqliteStore.open(path, read_only=True)
    assert len(await everything(reader)) == 1
    with pytest.raises(StoreError, match="may not be written"):
        await reader.add([record(2)])
    await reader.close()
    await writer.close()
    reader = await SqliteStore.open(path, read_only=True)
    assert len(await everything(reader)) == 1
    await reader.close()


async def test_not_a_database(tmp_path):
    path = tmp_path / "r.sqlite3"
    path.write_bytes(b"This is no database.\n" * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        await SqliteStore.open(path)


async def test_another_database_is_left_alone(tmp_path):
    path = tmp_path / "r.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE calls (number TEXT)")
    other.close()
    with pytest.raises(StoreError, match="not a record store of Callveil"):
        await SqliteStore.open(path)


async def test_newer_version_is_refused(tmp_path):
    path = tmp_path / "r.sqlite3"
    await (await SqliteStore.open(path)).close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE schema SET version = 3")
    other.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="install the newer version"):
            await SqliteStore.open(path, read_only=read_only)


async def test_folder_is_missing(tmp_path):
    with pytest.raises(StoreError, match="cannot be created: No such file"):
        await SqliteStore.open(tmp_path / "no" / "r.sqlite3")


async def test_full_disk_adds_nothing_and_later_works(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    rows = list(await store._connection.execute_fetchall("PRAGMA page_count"))
    await store._connection.execute_fetchall(f"PRAGMA max_page_count={rows[0][0] + 2}")
    with pytest.raises(StoreError, match="disk is full"):
        await store.add(record(number) for number in range(5000))
    assert await everything(store) == []
    await store._connection.execute_fetchall("PRAGMA max_page_count=100000")
    assert await store.add(record(number) for number in range(5000)) == 5000
    await store.close()


async def test_closed_store_says_so(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.add([record(1)])


async def test_locked_file_is_an_error_and_leaves_the_loop_free(tmp_path, monkeypatch):
    monkeypatch.setattr("callveil.store.sqlite_file.BUSY_SECONDS", 0.3)
    path = tmp_path / "r.sqlite3"
    store = await SqliteStore.open(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    adding = asyncio.create_task(store.add([record(1)]))
    turns = 0
    while not adding.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10
    with pytest.raises(StoreError, match="held it for too long"):
        await adding
    other.execute("ROLLBACK")
    other.close()
    assert await store.add([record(1)]) == 1
    await store.close()


async def test_cancelled_caller_leaves_a_whole_transaction(tmp_path):
    store = await SqliteStore.open(tmp_path / "r.sqlite3")
    for number in range(20):
        adding = asyncio.create_task(store.add(record(number * 100 + one) for one in range(100)))
        await asyncio.sleep(0.0005 * (number % 5))
        adding.cancel()
        await asyncio.gather(adding, return_exceptions=True)
    await store.add([record(5000)])
    assert len(await everything(store)) % 100 == 1
    await store.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from callveil.store.sqlite import SqliteStore
sys.path.insert(0, {tests!r})
from unit.test_store_sqlite import record

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    new = 0
    for number in range(100):
        new += await store.add([record(number), record(1000 + number)])
    await store.close()
    print(new)

asyncio.run(main())
"""


def test_two_processes_write_at_once(tmp_path):
    tests = os.path.dirname(os.path.dirname(__file__))
    command = [sys.executable, "-c", WRITER.format(tests=tests), str(tmp_path / "r.sqlite3")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(int(output) for output in outputs) == 200
