"""A journal that a power cut, a full disk or a hand has spoilt: no whole record in it is lost or doubled."""

import os
import random
import re
import socket
import time
from itertools import pairwise

import pytest
from callveil.store.guarded import GuardedStore
from callveil.store.interface import StoreError
from callveil_ami import journal as journal_module
from callveil_ami.events import read_cdr
from callveil_ami.intake import Intake
from callveil_ami.journal import JOURNAL, SET_ASIDE
from harness.fake_ami import CDR
from program.desk import Desk, call_id, keys, line

NUMBER = "+12065550123"


@pytest.fixture
async def desk(tmp_path):
    one = Desk(tmp_path)
    yield one
    await one.recorder.close()


def identifies_nobody(text: str) -> bool:
    """Whether a text has no more than a day in the way of digits, and no name or id."""
    return (
        not re.search(r"[0-9]{4}", re.sub(r'"20[0-9]{2}-[0-9]{2}-[0-9]{2}"', "", text)) and "Ash" not in text
    )


async def test_a_line_torn_at_any_place_costs_itself_at_most(desk):
    torn = line(1, party=NUMBER)
    known = len(torn) - len(f'",{NUMBER}""')  # up to the end of the word that says how the call ended
    for place in range(1, len(torn)):
        number = 10 * place
        mine = line(number, party=NUMBER)
        cut = place + len(mine) - len(torn)
        desk.write(f"{mine[:cut]}{line(number + 1)}\n{line(number + 2)}\n".encode())
        await desk.sweep()
        whole = place >= known
        wanted = keys(number + 1, number + 2) | (keys(number) if whole else set())
        found = desk.found()
        assert wanted <= found, place
        assert whole or not keys(number) <= found
    assert len(desk.aside) == known - 1
    assert all(map(identifies_nobody, desk.aside))
    assert desk.troubles["set-aside"].startswith(f"{known - 1} lines of the journal are no records")


@pytest.mark.parametrize("between", [b"", b"\0", b"\r", b"\r\n", b"\n\n", b"\0" * 5000, b"\n\0\n", b"\xff"])
async def test_lines_that_run_into_one_another_are_all_read(desk, between):
    lines = [line(number, party=NUMBER if number % 3 else "").encode() for number in range(300)]
    desk.write(between.join(lines) + b"\n")
    await desk.sweep()
    assert desk.found() == keys(*range(300))
    assert all(map(identifies_nobody, desk.aside))
    assert bool(desk.aside) == bool(between.strip(b"\r\n"))


async def test_a_page_of_zeros_costs_the_lines_it_covers(desk):
    lines = [line(number) + "\n" for number in range(500)]
    data = bytearray("".join(lines).encode())
    data[8192:12288] = bytes(4096)
    desk.write(bytes(data))
    await desk.sweep()
    ends = [sum(map(len, lines[:number])) for number in range(501)]
    spoilt = {n for n, (begin, end) in enumerate(pairwise(ends)) if begin < 12288 and end - 1 > 8192}
    assert desk.found() == keys(*set(range(500)) - spoilt)
    assert 1 <= len(desk.aside) <= len(spoilt)


async def test_a_line_of_a_hundred_megabytes(desk):
    desk.write(f"{line(1)}\n".encode())
    os.truncate(desk.spool / JOURNAL, 100_000_000)
    desk.write(f"{line(2)}\n{line(3)}\n".encode())
    began = time.monotonic()
    await desk.sweep()
    assert time.monotonic() - began < 15
    assert desk.found() == keys(1, 2, 3)
    assert len(desk.aside) == 1


def make_odd(path, kind: str, elsewhere) -> None:
    if kind == "link":
        path.symlink_to(elsewhere)
    elif kind == "dangling":
        path.symlink_to(elsewhere.with_name("nowhere"))
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        (path / "inside").write_text("x")
    else:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path must be short
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "folder", "socket"])
@pytest.mark.parametrize("name", [JOURNAL, "taken-0.csv", SET_ASIDE])
async def test_what_is_no_plain_file_holds_up_nothing_else(desk, tmp_path, kind, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(line(7) + "\n")
    desk.write(f"{line(1)}\nspoilt {NUMBER}\n".encode(), "taken-1.csv")
    make_odd(desk.spool / name, kind, elsewhere)
    for _ in range(2):
        await desk.sweep()
    if name != JOURNAL:  # in the journal's place, Asterisk could write only once it is out of the way
        desk.write(f"{line(2)}\n".encode())
        await desk.sweep()
    assert keys(1) <= desk.found()
    assert not keys(7) & desk.found()
    assert elsewhere.read_text() == line(7) + "\n"
    taken_away = name == JOURNAL and kind in ("fifo", "socket")
    if not taken_away:
        assert "is no plain file. Look at it and move it away" in " ".join(desk.troubles["journal"].split())
    for path in desk.spool.iterdir():
        if not path.is_file() or path.is_symlink():
            path.rename(tmp_path / "looked-at")
    desk.write(f"{line(3)}\n".encode())
    await desk.sweep()
    assert "journal" not in desk.troubles
    assert desk.found() >= keys(1, 3)
    assert len(desk.aside) == 1


@pytest.mark.parametrize(
    "name", [b"taken-.csv", b"taken-..csv", b"taken-\n.csv", b"taken-+12065550123.csv", b"taken-\xff.csv"]
)
async def test_odd_names_are_read_like_others_and_never_said(desk, name, caplog):
    desk.write(f"{line(1)}\nspoilt\n".encode(), os.fsdecode(name))
    await desk.sweep()
    assert desk.found() == keys(1)
    assert {path.name for path in desk.spool.iterdir()} == {SET_ASIDE}
    assert "555" not in caplog.text + str(desk.troubles)


async def test_a_clock_that_is_set_back_in_the_middle(desk):
    days = ["2026-07-02", "2026-07-01", "1970-01-01", "2026-06-30", "2026-07-02"]
    for number, day in enumerate(days):
        # Each call by event and by journal, and one whose parts began on both sides of the change.
        event = {**CDR, "VeilId": call_id(number), "StartTime": f"{day} 12:00:00"}
        intake = Intake(desk.troubles)
        intake.take(event)
        await desk.recorder.commit(intake.next_batch(10))
        desk.write(f"{line(number, day)}\n{line(99, day)}\n".encode())
    await desk.sweep()
    await desk.sweep()
    assert desk.found() == keys(*range(len(days)), 99)
    assert desk.troubles == {}


def test_an_event_of_a_clock_that_was_never_set_is_a_record():
    assert getattr(read_cdr({**CDR, "StartTime": "1970-01-01 00:03:11"}), "began", "")[:10] == "1970-01-01"


async def test_what_is_set_aside_identifies_nobody(desk):
    """Random damage: bytes changed, cut out, doubled, with numbers and names in every column."""
    chance = random.Random(3)  # noqa: S311
    columns = [
        NUMBER,
        "12065550123",
        "Philomena Ash",
        "555-0123",
        "7:03:11",
        "2026-07-01T07",
        "431s",
        "hotline",
        "in",
    ]
    for _ in range(400):
        values = line(chance.randrange(10**6), party=NUMBER).split(",")
        for _ in range(chance.randrange(1, 4)):
            values[chance.randrange(len(values))] = f'"{chance.choice(columns)}"'
        data = bytearray(",".join(values).encode())
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(4)] = bytes([chance.choice(b'",x\0\xff7')])
        desk.write(bytes(data) + chance.choice([b"", b"\n", b"\n", b"\r\n"]))
    await desk.sweep()
    assert len(desk.aside) > 200
    for said in desk.aside:
        assert identifies_nobody(said), said


async def test_a_full_disk_of_the_journal_is_said(desk, monkeypatch):
    monkeypatch.setattr(journal_module, "is_full", lambda folder: True)
    desk.write(f"{line(1)}\n".encode())
    await desk.sweep()
    assert "is full: make room there" in desk.troubles["journal-disk"]
    assert desk.found() == keys(1)
    monkeypatch.undo()
    await desk.sweep()
    assert desk.troubles == {}


async def test_set_aside_that_cannot_be_written_keeps_what_it_is_about(desk, monkeypatch):
    def full(taken, aside):
        raise OSError(28, "No space left on device")

    desk.write(f"spoilt\n{line(1)}\n".encode())
    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "_set_aside", full)
        await desk.sweep()
        assert "no space left" in desk.troubles["journal"]
        assert desk.found() == keys(1)
        assert len(list(desk.spool.iterdir())) == 1
    await desk.sweep()
    assert len(desk.aside) == 1
    assert "journal" not in desk.troubles


async def test_a_store_that_fails_between_pieces_loses_and_doubles_nothing(desk, monkeypatch):
    chance = random.Random(9)  # noqa: S311
    whole = GuardedStore.add

    async def add(self, records):
        if chance.random() < 0.4:
            raise StoreError("The disk is full.")
        added = await whole(self, records)
        if chance.random() < 0.3:
            raise StoreError("The disk is full.")  # committed, and not known to be
        return added

    monkeypatch.setattr(GuardedStore, "add", add)
    desk.write("".join(f"{line(number)}\n" for number in range(4000)).encode())
    for _ in range(60):
        await desk.sweep()
        if not list(desk.spool.iterdir()):
            break
    monkeypatch.undo()
    assert list(desk.spool.iterdir()) == []
    assert len(desk.found()) == 4000
