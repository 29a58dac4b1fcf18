"""The programs that hear of calls, each in a process of its own: Callveil, and panoramisk that drops all."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from unittest.mock import patch

from callveil.record import Record
from callveil.serve import find_services, new_live, serve
from callveil.settings import AmiSettings
from callveil.store.place import to_place
from callveil_ami import service
from callveil_ami.intake import Intake
from callveil_ami.journal import JOURNAL
from callveil_ami.recorder import Recorder
from harness.closing import Closing
from panoramisk import Manager

from bench.agi_servers import free_port, policy_path, settings
from bench.ami_source import AmiSource
from bench.programs import small
from bench.told import event, line

CALLVEIL: Final = "callveil"
PANORAMISK: Final = "panoramisk"

TOLD_EVERY: Final = 500
"""Events after which the program that drops them says how many; Callveil commits as many at once."""

_LINES_FROM: Final = 500_000_000  # the first number of a call in the journal; those of events are lower
_PATIENCE: Final = 60.0  # seconds without any news of a program: it hangs, then
_PAGE_KIB: Final = os.sysconf("SC_PAGE_SIZE") // 1024


class Telling(Recorder):
    """A recorder that says, after each commit, how many records it has committed and how many did not fit."""

    async def commit(self, records: Sequence[Record]) -> int:
        """Commit records, and say so."""
        added = await super().commit(records)
        print(self.recorded, sum(intake.overflowed for intake in _intakes), flush=True)
        return added


_intakes: Final[list[Intake]] = []


def _new_intake(troubles: dict[str, str]) -> Intake:
    _intakes.append(Intake(troubles))
    return _intakes[-1]


async def callveil(folder: Path, ami: int, agi: int, store: str) -> None:
    """Do all that `callveil serve` does."""
    where = replace(settings(folder, agi), ami=AmiSettings(port=ami, secret="none"), store=to_place(store))
    live = new_live(where, policy_path(folder))
    with patch.multiple(service, Recorder=Telling, Intake=_new_intake):
        await serve(live, policy_path(folder), find_services())


async def panoramisk(port: int) -> None:
    """Hear of calls and forget them at once."""
    heard = 0

    def drop(_: Manager, __: object) -> None:
        nonlocal heard
        heard += 1
        if not heard % TOLD_EVERY:
            print(heard, 0, flush=True)

    manager = Manager(port=port, username="nobody", secret="none", events="cdr")
    manager.register_event("Cdr", drop)
    await manager.connect()
    await asyncio.Event().wait()


class Running(Closing):
    """One of the programs, running, and the Asterisk that it hears.

    Args:
        which: `CALLVEIL` or `PANORAMISK`.
        folder: where it keeps what it keeps; the journal is in it.
        store: the address of its store, if it is Callveil.

    Attributes:
        agi: the port where it answers calls' questions, if it is Callveil.
        folder: see above.
        events: how many it was told of.
        lines: how many were left for it in the journal.
        recorded: how many of both it has done with, as far as it was heard.
        overflowed: how many events it left to the journal.
    """

    def __init__(self, which: str, folder: Path, store: str = "") -> None:
        self.source = AmiSource()
        self.folder = folder
        self.events = self.lines = 0
        self.agi = free_port()
        self.recorded = self.overflowed = 0
        self._rest = b""
        if which == CALLVEIL:
            small(folder)
        words = [which, str(folder), str(self.source.port), str(self.agi), store]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.recorders", *words], stdout=subprocess.PIPE, bufsize=0
        )
        try:
            self.source.wait_for_login()
        except BaseException:
            self.close()
            raise

    def hear(self) -> None:
        """Wait until the program says how far it is.

        Raises:
            TimeoutError: it says nothing for long.
            RuntimeError: it has ended.
        """
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], _PATIENCE)[0]:
            raise TimeoutError("a recorder says nothing any more")
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        if not data:
            raise RuntimeError("a recorder has ended")
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self.recorded, self.overflowed = map(int, lines[-1].split())

    @property
    def behind(self) -> int:
        """How many events and lines it has still to do, as far as it was heard."""
        return self.events + self.lines - self.recorded - self.overflowed

    def catch_up(self, to: int = 0) -> None:
        """Wait until it has no more than so many events and lines to do."""
        while self.behind > to:
            self.hear()

    def tell(self, count: int) -> None:
        """Tell it of calls that are new to it; returns once they are on their way."""
        told = b"".join(event(number) for number in range(self.events, self.events + count))
        self.source.send(told)
        self.events += count

    def leave(self, count: int) -> None:
        """Leave calls that are new to it in the journal, and tell it of one more, which makes it look."""
        first = _LINES_FROM + self.lines
        journal = self.folder / JOURNAL
        growing = journal.with_suffix(".new")
        growing.write_bytes(b"".join(line(number) for number in range(first, first + count)))
        growing.rename(journal)
        self.lines += count
        self.tell(1)

    def rss_kib(self) -> int:
        """Return the memory that it holds, in KiB."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE_KIB

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self.source.close()


def main() -> None:
    """Be one of the programs until told to stop."""
    logging.basicConfig(level=logging.ERROR)
    which, folder, ami, agi, store = sys.argv[1:]
    asyncio.run(
        callveil(Path(folder), int(ami), int(agi), store) if which == CALLVEIL else panoramisk(int(ami))
    )


if __name__ == "__main__":
    main()
