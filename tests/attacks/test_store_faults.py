"""A store that is full, damaged, moved, locked or another program's: it is let be, and nothing is lost."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from callveil.store.interface import StoreError
from program.desk import Desk, keys, line

OLD: Final = range(2000)
NEW: Final = range(5000, 5300)


@pytest.fixture
async def desk(tmp_path):
    """One with a store that holds the old records and is closed."""
    one = Desk(tmp_path)
    write(one, OLD)
    await one.sweep()
    await one.recorder.close()
    assert one.found() == keys(*OLD)
    yield one
    await one.recorder.close()


def write(desk: Desk, calls: range) -> None:
    desk.write("".join(f"{line(number)}\n" for number in calls).encode())


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 77)


def put_garbage_into_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(random.Random(5).randbytes(4096))  # noqa: S311


def put_text_there(path: Path) -> None:
    path.write_text("Dear colleague, here are the minutes of the meeting.\n" * 100)


def put_another_database_there(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE minutes (text TEXT)")
        database.execute("INSERT INTO minutes VALUES ('x')")
        database.commit()


def leave_nothing_but_the_log(path: Path) -> None:
    whole = path.with_name("whole")
    shutil.copy(path, whole)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 7")
        database.commit()
        shutil.copy(f"{path}-wal", whole.with_name("log"))
    shutil.copy(whole.with_name("log"), f"{path}-wal")
    os.truncate(path, 0)
    assert Path(f"{path}-wal").stat().st_size


DAMAGES: Final[dict[Callable[[Path], None], str]] = {
    overwrite_header: "its beginning is damaged",
    cut_in_half: "it is damaged",
    put_garbage_into_a_page: "it is damaged",
    put_text_there: "it is not a SQLite database",
    put_another_database_there: "is not a record store of Callveil",
    leave_nothing_but_the_log: "still holds some of its records",
}


def all_bytes(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in desk.path.parent.glob("records.sqlite3*")}


def move_away_as_told(desk: Desk, folder: Path) -> None:
    """Do what the trouble's text says, to the letter."""
    folder.mkdir()
    (command,) = re.findall(r"mv \S+ FOLDER", desk.troubles["store"])
    subprocess.run(["sh", "-c", command.replace("FOLDER", str(folder))], check=True)


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_spoilt_store_is_left_as_it_is_until_it_is_mended(desk, tmp_path, damage, copy):
    backup = tmp_path / "backup"
    shutil.copy(desk.path, backup)
    damage(desk.path)
    before = all_bytes(desk)
    write(desk, NEW)
    for _ in range(3):
        await desk.sweep()
        with pytest.raises(StoreError):
            await desk.recorder.commit(())
    assert DAMAGES[damage] in desk.troubles["store"]
    assert "Calls go on, and the journal holds their records" in desk.troubles["store"]
    assert {
        name: data for name, data in all_bytes(desk).items() if name in before and "-shm" not in name
    } == {name: data for name, data in before.items() if "-shm" not in name}
    assert len(list(desk.spool.iterdir())) == 1

    move_away_as_told(desk, tmp_path / "away")
    if copy:
        shutil.copy(backup, desk.path)
    desk.recorder._not_before = 0.0  # the patience after a long look
    await desk.sweep()
    assert desk.found() == keys(*NEW, *(OLD if copy else ()))
    assert desk.troubles == {}
    assert list(desk.spool.iterdir()) == []
    assert (tmp_path / "away" / desk.path.name).read_bytes() == before[desk.path.name]


async def test_garbage_that_comes_while_the_store_is_in_use(desk, tmp_path):
    """Whatever a write still meets or misses: what waits is not lost, and the backup takes it all."""
    backup = tmp_path / "backup"
    shutil.copy(desk.path, backup)
    await desk.recorder.check()
    put_garbage_into_a_page(desk.path)
    write(desk, NEW)
    await desk.sweep()
    await desk.recorder.close()
    write(desk, range(6000, 6100))
    await desk.sweep()
    assert "it is damaged" in desk.troubles["store"]
    assert len(list(desk.spool.iterdir())) >= 1
    move_away_as_told(desk, tmp_path / "away")
    shutil.copy(backup, desk.path)
    desk.recorder._not_before = 0.0
    await desk.sweep()
    assert keys(*OLD, *range(6000, 6100)) <= desk.found()
    assert desk.troubles == {}


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
async def test_a_store_that_goes_from_its_place_while_in_use_takes_no_records_with_it(desk, tmp_path, how):
    await desk.recorder.check()
    if how == "deleted":
        for path in desk.path.parent.glob("records.sqlite3*"):
            path.unlink()
    else:
        copy = tmp_path / "copy"
        shutil.copy(desk.path, copy)
        (tmp_path / "away").mkdir()
        for path in desk.path.parent.glob("records.sqlite3*"):
            path.rename(tmp_path / "away" / path.name)
        if how == "replaced":
            copy.rename(desk.path)
    write(desk, NEW)
    await desk.sweep()
    assert len(list(desk.spool.iterdir())) == 1
    await desk.sweep()
    assert desk.found() == keys(*NEW, *(OLD if how == "replaced" else ()))
    assert desk.troubles == {}


async def test_a_store_that_is_moved_in_the_very_moment_of_a_write(desk, tmp_path):
    await desk.recorder.check()
    store = desk.recorder._store
    write_as_before = store._put

    async def put(joined):
        added = await write_as_before(joined)
        for path in desk.path.parent.glob("records.sqlite3*"):
            path.rename(tmp_path / f"moved-{path.name}")
        return added

    store._put = put
    write(desk, NEW)
    await desk.sweep()
    await desk.sweep()
    assert desk.found() == keys(*NEW)


async def test_a_full_disk_is_said_and_what_waits_comes_once(desk):
    await desk.recorder.check()
    connection = desk.recorder._store._connection
    await connection.execute("PRAGMA max_page_count=1")
    write(desk, NEW)
    await desk.sweep()
    assert "the disk is full; make room there" in desk.troubles["store"]
    assert desk.found() == keys(*OLD)
    await desk.sweep()  # opened again, with room
    assert desk.found() == keys(*OLD, *NEW)
    assert desk.troubles == {}


async def test_a_long_look_at_a_large_damaged_file_is_not_taken_all_the_time(desk, monkeypatch):
    looks = 0

    def slow(path):
        nonlocal looks
        looks += 1
        import time

        time.sleep(0.2)
        raise StoreError("It is damaged.")

    monkeypatch.setattr("callveil.store.guarded.check_whole", slow)
    write(desk, NEW)
    for _ in range(20):
        await desk.sweep()
    assert looks == 1
