"""The journal's way into the store, step by step."""

import asyncio
from pathlib import Path

import pytest
from callveil.record import Record
from callveil.store.interface import StoreError
from callveil_ami.journal import JOURNAL, SET_ASIDE, Journal
from callveil_ami.lines import describe, read_line
from callveil_ami.taken import CHUNK, is_written


def line(number: int, **changes: str) -> str:
    values = {
        "id": f"{100000000 + number}-193847261",
        "sequence": str(number),
        "line": "hotline",
        "direction": "in",
        "decision": "scrub",
        "day": "2026-07-01",
        "spoken": "1-4min",
        "disposition": "ANSWERED",
        **changes,
    }
    return ",".join(f'"{value}"' for value in values.values())


class Kept:
    """A store in memory, that fails on demand."""

    def __init__(self) -> None:
        self.records: dict[bytes, Record] = {}
        self.fails = False

    async def commit(self, records) -> int:
        if self.fails:
            raise StoreError("full")
        self.records.update({record.key: record for record in records})
        return len(records)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def reader(folder: Path, kept: Kept, grace: float = 0.0) -> tuple[Journal, dict[str, str]]:
    troubles: dict[str, str] = {}
    return Journal(folder, kept.commit, troubles, grace=grace, long_grace=0.2, poll=0.02), troubles


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_one_line_that_is_no_record_is_said_as_one(tmp_path, kept):
    (tmp_path / JOURNAL).write_bytes(line(1).encode() + b"torn\n")
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert troubles["set-aside"].startswith("1 line of the journal is no record, and calls may be missing")


async def test_records_come_in_and_the_journal_goes(tmp_path, kept):
    (tmp_path / JOURNAL).write_text("".join(line(number) + "\n" for number in range(3000)))
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert len(kept.records) == 3000
    assert names(tmp_path) == set()
    assert troubles == {}


async def test_leftover_of_a_crash_is_read_first(tmp_path, kept):
    (tmp_path / "taken-0123456789abcdef.csv").write_text(line(1) + "\n")
    (tmp_path / JOURNAL).write_text(line(1) + "\n" + line(2) + "\n")
    journal, _ = reader(tmp_path, kept)
    await journal.sweep()
    assert len(kept.records) == 2
    assert names(tmp_path) == set()


async def test_late_line_of_a_writer_that_opened_before_the_rename(tmp_path, kept):
    journal, troubles = reader(tmp_path, kept)
    with (tmp_path / JOURNAL).open("a") as held:
        held.write(line(1) + "\n")
        held.flush()
        for _ in range(3):
            await journal.sweep()
        assert len(names(tmp_path)) == 1  # not deleted while somebody may write to it
        held.write(line(2) + "\n")
    await journal.sweep()
    assert len(kept.records) == 2
    assert names(tmp_path) == set()
    assert troubles == {}


async def test_late_line_within_the_long_grace_where_the_system_does_not_tell(tmp_path, kept, monkeypatch):
    monkeypatch.setattr("callveil_ami.journal.is_written", lambda _: None)
    journal, _ = reader(tmp_path, kept)
    with (tmp_path / JOURNAL).open("a") as held:
        held.write(line(1) + "\n")
        held.flush()
        await journal.sweep()
        held.write(line(2)[:30])
        held.flush()
        await journal.sweep()
        held.write(line(2)[30:] + "\n")
    await journal.sweep()
    assert len(kept.records) == 2
    await asyncio.sleep(0.25)
    await journal.sweep()
    assert names(tmp_path) == set()


async def test_store_that_fails_loses_nothing(tmp_path, kept):
    (tmp_path / JOURNAL).write_text(line(1) + "\n" + "garbage\n")
    kept.fails = True
    journal, _ = reader(tmp_path, kept)
    await journal.sweep()
    await journal.sweep()
    assert len(names(tmp_path)) == 1
    assert SET_ASIDE not in names(tmp_path)
    kept.fails = False
    await journal.sweep()
    assert len(kept.records) == 1
    assert names(tmp_path) == {SET_ASIDE}


async def test_torn_and_garbage_lines_are_described_without_numbers(tmp_path, kept):
    torn = line(5)[:70]
    (tmp_path / JOURNAL).write_bytes(
        b'"12065550123","+12065550123","a12065550123","out","hide","2026-07-01","0","BUSY"\n'
        + b"\x00" * 100
        + line(1).encode()
        + b"\n\xff\xfe +1 206 555 0123\n"
        + torn.encode()
        + line(2).encode()
        + b"\n\r\n"
        + line(3).encode()
        + b"\r\n"
        + line(4).encode()[:60]
    )
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert len(kept.records) == 3
    text = (tmp_path / SET_ASIDE).read_text()
    assert '"?","out","hide","2026-07-01","0","BUSY"' in text
    assert '"hotline","in","scrub","2026-07-01","?","?"' in text
    assert "555" not in text
    assert "000000" not in text
    assert (tmp_path / SET_ASIDE).stat().st_mode & 0o777 == 0o600
    assert troubles["set-aside"].startswith("5 lines of the journal are no records")
    (tmp_path / SET_ASIDE).unlink()
    await journal.sweep()
    assert troubles == {}


async def test_last_line_whose_end_only_is_missing_counts(tmp_path, kept):
    (tmp_path / JOURNAL).write_text(line(1) + "\n" + line(2))
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert len(kept.records) == 2
    assert troubles == {}


async def test_lines_of_other_calls_are_no_news(tmp_path, kept):
    (tmp_path / JOURNAL).write_text('"","4","","","","2026-07-01","0","ANSWERED"\n')
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert (kept.records, names(tmp_path), troubles) == ({}, set(), {})


@pytest.mark.parametrize("length", [CHUNK - 50, CHUNK, CHUNK + 1, 3 * CHUNK - 60])
async def test_record_behind_a_line_without_an_end_is_found(tmp_path, kept, length):
    (tmp_path / JOURNAL).write_bytes(b"\x00" * length + (line(1) + "\n" + line(2) + "\n").encode())
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert len(kept.records) == 2
    assert "set-aside" in troubles


async def test_folder_that_is_missing_is_said_until_it_is_there(tmp_path, kept):
    folder = tmp_path / "callveil"
    journal, troubles = reader(folder, kept)
    stop, wake = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(journal.run(stop, wake))
    await asyncio.sleep(0.05)
    assert "does not exist" in troubles["journal"]
    folder.mkdir()
    (folder / JOURNAL).write_text(line(1) + "\n")
    await asyncio.sleep(0.2)
    assert len(kept.records) == 1
    assert troubles == {}
    stop.set()
    await asyncio.wait_for(task, 1)


async def test_permission_that_is_missing_is_said(tmp_path, kept, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("callveil_ami.journal._take", refuse)
    journal, troubles = reader(tmp_path, kept)
    await journal.sweep()
    assert "may not be read or moved" in troubles["journal"]


@pytest.mark.parametrize("trick", ["link", "fifo"])
async def test_something_else_in_the_journals_place(tmp_path, kept, trick):
    import os

    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(line(1) + "\n")
    if trick == "link":
        (tmp_path / JOURNAL).symlink_to(elsewhere)
    else:
        os.mkfifo(tmp_path / "taken-00.csv")
    journal, troubles = reader(tmp_path, kept)
    await asyncio.wait_for(journal.sweep(), 2)
    assert "cannot be worked on" in troubles["journal"]
    assert kept.records == {}
    assert elsewhere.exists()


def test_a_writer_is_seen(tmp_path):
    path = tmp_path / "file"
    with path.open("a"):
        assert is_written(path)
    assert is_written(path) is False


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "+12065550123"},
        {"id": "ABCDEF0123"},
        {"sequence": "x"},
        {"line": "2065550123"},
        {"direction": "inn"},
        {"decision": "+12065550123"},
        {"day": "2026-13-01"},
        {"day": "20260701"},
        {"spoken": "61"},
        {"disposition": "UNKNOWN"},
    ],
)
def test_field_of_another_form_is_no_record(changes):
    records, (rest,) = read_line(line(1, **changes).encode())
    assert records == []
    assert "555" not in describe(rest)


def test_more_fields_are_no_record_that_keeps_them():
    records, (rest,) = read_line(b'"+12065550123",' + line(1).encode())
    assert len(records) == 1  # the last eight are one, whole
    assert "555" not in describe(rest)


def test_another_party_in_a_form_that_no_record_has_is_not_kept():
    records, (rest,) = read_line(line(1).encode() + b',"x12065550123"')
    assert [record.party for record in records] == [""]
    assert "555" not in describe(rest)
