"""What records calls in one Callveil, without Asterisk: the reader of the journal, the recorder, a store."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from callveil.record import record_key
from callveil.store.guarded import GuardedStore
from callveil_ami.journal import JOURNAL, SET_ASIDE, Journal
from callveil_ami.recorder import Recorder

PATIENCE: Final = 20.0
"""Seconds in which a look at the journal must end, whatever is wrong."""


def call_id(number: int) -> str:
    """The random id of a call, of the length that such ids have."""
    return f"{100000000 + number}-193847261-555012345-987654321"


def line(number: int, day: str = "2026-07-01", party: str = "") -> str:
    """What Asterisk writes to the journal about a call, without the line's end."""
    return f'"{call_id(number)}","{number}","hotline","in","scrub","{day}","1-4min","ANSWERED","{party}"'


def keys(*numbers: int) -> set[bytes]:
    """The keys of the records of calls."""
    return {record_key(call_id(number)) for number in numbers}


class Desk:
    """The recording part of one Callveil, in a folder of its own.

    Args:
        folder: where journal and store are.

    Attributes:
        spool: where Asterisk writes.
        path: the store.
        troubles: what is wrong, as `callveil status` says it.
    """

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir(exist_ok=True)
        self.path = folder / "records.sqlite3"
        self.troubles: dict[str, str] = {}
        self.recorder = Recorder(lambda: GuardedStore.open(self.path), self.troubles)
        self.journal = Journal(self.spool, self.recorder.commit, self.troubles, grace=0.0)

    def write(self, data: bytes, name: str = JOURNAL) -> None:
        """Append to a file of the spool."""
        with (self.spool / name).open("ab") as file:
            file.write(data)

    async def sweep(self) -> None:
        """Look at the journal once."""
        await asyncio.wait_for(self.journal.sweep(), PATIENCE)

    def found(self) -> set[bytes]:
        """The keys in the store's file, read without Callveil."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
            rows = [bytes(key) for (key,) in database.execute("SELECT key FROM records")]
        assert len(rows) == len(set(rows))
        return set(rows)

    @property
    def aside(self) -> list[str]:
        """What was set aside."""
        path = self.spool / SET_ASIDE
        return path.read_text().splitlines() if path.exists() else []
