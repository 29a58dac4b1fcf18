"""Two Callveils on one journal folder, one the other's standby: nothing is lost, nothing said twice."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Sequence
from pathlib import Path

import pytest
from callveil.record import Record
from callveil_ami.journal import JOURNAL, SET_ASIDE, Journal
from harness.fake_ami import until

LINES = 400


def line(number: int) -> str:
    return f'"{100000000 + number}-193847261","{number}","hotline","in","scrub","2026-07-01","0","BUSY",""\n'


class Kept:
    """One store for both; slow, so that they meet."""

    def __init__(self) -> None:
        self.records: dict[bytes, Record] = {}

    async def commit(self, records: Sequence[Record]) -> int:
        await asyncio.sleep(0.002)
        self.records.update({record.key: record for record in records})
        return len(records)


async def test_two_callveils_on_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    kept = Kept()
    stop, wake = asyncio.Event(), asyncio.Event()
    said: list[dict[str, str]] = []
    troubles: list[dict[str, str]] = [Noted(said), Noted(said)]
    readers = [
        Journal(tmp_path, kept.commit, one, grace=0.0, long_grace=0.01, poll=0.001) for one in troubles
    ]
    tasks = [asyncio.create_task(reader.run(stop, wake)) for reader in readers]
    for number in range(LINES):
        with (tmp_path / JOURNAL).open("a") as file:
            file.write(line(number))
            if number % 10 == 0:
                file.write("garbage\n")
        if number % 7 == 0:
            await asyncio.sleep(0.003)
    await until(lambda: {path.name for path in tmp_path.iterdir()} == {SET_ASIDE})
    stop.set()
    await asyncio.gather(*tasks)
    assert len(kept.records) == LINES
    assert len((tmp_path / SET_ASIDE).read_text().splitlines()) == LINES // 10
    assert {part for one in said for part in one} == {"set-aside"}


async def test_a_file_that_the_other_one_finishes_at_this_very_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken-0123456789abcdef.csv"
    taken.write_text(line(1) + "garbage\n")
    lock = fcntl.flock

    def too_late(descriptor: int, how: int) -> None:
        taken.unlink(missing_ok=True)
        lock(descriptor, how)

    monkeypatch.setattr("callveil_ami.journal.fcntl.flock", too_late)
    kept, troubles = Kept(), dict[str, str]()
    await Journal(tmp_path, kept.commit, troubles, grace=0.0, long_grace=0.0).sweep()
    assert len(kept.records) == 1
    assert not (tmp_path / SET_ASIDE).exists()
    assert troubles == {}


class Noted(dict[str, str]):
    """Troubles of which each is remembered, also when it is taken back."""

    def __init__(self, said: list[dict[str, str]]) -> None:
        super().__init__()
        self._said = said

    def __setitem__(self, part: str, text: str) -> None:
        self._said.append({part: text})
        super().__setitem__(part, text)
