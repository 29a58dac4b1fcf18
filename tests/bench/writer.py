"""A process that adds a record now and then, as calls end, and says how long each took."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Final

from callveil.record import Record
from harness.closing import Closing

from bench.stores import open_store

EVERY: Final = 0.05
"""Seconds between two records."""


class Writer(Closing):
    """The process, running.

    Args:
        address: of the store.
    """

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.writer", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ask()

    def waits(self, work: Callable[[], object]) -> list[float]:
        """Do something, and return how many milliseconds each record took that was added meanwhile."""
        self._ask()
        work()
        return self._ask()

    def _ask(self) -> list[float]:
        """Return what the process has measured since it was asked last, up to the record it adds now."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError("the writer has ended")
        return [float(word) for word in said.split()]

    def close(self) -> None:
        """End it."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()


async def write(address: str) -> None:
    """Add records until standard input ends; a line that comes there is answered with what was measured."""
    store = await open_store(address)
    ended, asked = asyncio.Event(), 0

    def read() -> None:
        nonlocal asked
        said = os.read(sys.stdin.fileno(), 4096)
        asked += said.count(b"\n")
        if not said:
            ended.set()

    asyncio.get_running_loop().add_reader(sys.stdin, read)
    waits: list[float] = []
    while not ended.is_set():
        began = time.perf_counter()
        await store.add([new_record()])
        took = time.perf_counter() - began
        waits.append(took * 1e3)
        for _ in range(asked):
            print(*waits, flush=True)
            asked, waits = asked - 1, []
        await asyncio.sleep(max(0.0, EVERY - took))
    asyncio.get_running_loop().remove_reader(sys.stdin)
    await store.close()


def new_record() -> Record:
    """Return the record of a call of today."""
    return Record(os.urandom(16), "line0", "in", "scrub", date.today().isoformat(), "1-4min", "ANSWERED")


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
