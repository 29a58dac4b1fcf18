"""How fast a journal that grew while Callveil was away comes into the store, and what calls feel of that."""

from __future__ import annotations

import csv
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from callveil_ami.fields import FIELDS
from callveil_ami.recorder import BATCH
from harness.closing import Closing

from bench.figures import Figure, Goal, alternate
from bench.recorders import CALLVEIL, Running
from bench.spawned import ask
from bench.stores import STORES
from bench.told import line

LINES: Final = 20_000
"""Lines of a round that measures the rate."""

BACKLOG: Final = 100_000
"""Lines that are caught up with while calls go on."""

A_SECOND: Final = 20
"""Calls in a second meanwhile: each asks for a decision and has a record afterwards."""

IDLE: Final = 5.0
"""Seconds of the same calls without a backlog."""

_PUT: Final = "INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Calls(Closing):
    """Calls that go on, `A_SECOND`.

    Attributes:
        waits: milliseconds that each waited for its decision.
    """

    def __init__(self, program: Running) -> None:
        self._program = program
        self._stop = threading.Event()
        self._trouble: Exception | None = None
        self.waits: list[float] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due += 1 / A_SECOND
                began = time.perf_counter()
                ask(self._program.agi)
                self.waits.append((time.perf_counter() - began) * 1e3)
                self._program.tell(1)
        except Exception as error:  # raised where the calls are ended
            self._trouble = error

    def close(self) -> None:
        """End them.

        Raises:
            Exception: what went wrong with one.
        """
        self._stop.set()
        self._thread.join()
        if self._trouble:
            raise self._trouble


def rate(program: Running) -> float:
    """Return how many of `LINES` lines are committed in a second, from the first commit to the last."""
    program.leave(LINES)
    program.hear()
    begun = program.behind
    began = time.perf_counter()
    program.catch_up()
    return begun / (time.perf_counter() - began)


class Plain(Closing):
    """What any program does at least: the csv module reads lines, and the sqlite3 module commits them.

    Nothing is checked, no call's parts are joined, and each line is one row; it commits as many at once, and
    as safely, as Callveil does.

    Args:
        folder: where its database is.
    """

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        columns = ", ".join(f"{name} TEXT" for name in FIELDS)
        self._database.execute(f"CREATE TABLE plain ({columns})")

    def rate(self, text: str) -> float:
        """Return how many lines of a text are committed in a second."""
        began = time.perf_counter()
        rows = list(csv.reader(text.splitlines(), strict=True))
        for first in range(0, len(rows), BATCH):
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_PUT, rows[first : first + BATCH])
            self._database.execute("COMMIT")
        return len(rows) / (time.perf_counter() - began)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def measure() -> Iterator[Figure]:
    """Yield the figures of a journal that is caught up with."""
    text = b"".join(map(line, range(LINES))).decode()
    for name, new_store in STORES.items():
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            plain = stack.enter_context(Plain(folder))
            store = stack.enter_context(new_store())
            program = stack.enter_context(Running(CALLVEIL, folder, store.address))
            rate(program)
            rates, plainly = alternate((partial(rate, program), partial(plain.rate, text)))
            yield Figure(
                f"records from the journal into {name}",
                "a second",
                rates,
                plainly,
                "csv and sqlite3 alone, nothing checked",
            )
            yield from meanwhile(name, program, median(rates))


def meanwhile(name: str, program: Running, alone: float) -> Iterator[Figure]:
    """Yield the figures of a large backlog while calls go on.

    Args:
        name: of the store.
        program: which catches up.
        alone: records in a second without calls.
    """
    with Calls(program) as idle:
        time.sleep(IDLE)
    with Calls(program) as busy:
        began = time.perf_counter()
        program.leave(BACKLOG)
        program.catch_up()
        took = time.perf_counter() - began
    program.catch_up()
    yield Figure(
        f"backlog of {BACKLOG:,} caught up into {name}, {A_SECOND} calls a second meanwhile",
        "s",
        [took],
        [BACKLOG / alone],
        "at the rate without calls",
        Goal(60, own=True),
    )
    yield Figure(
        f"decision while a backlog is caught up into {name}",
        "ms a call",
        [median(busy.waits)],
        [median(idle.waits)],
        "without a backlog",
        Goal(20, difference=True),
        f"the slowest {max(busy.waits):.0f} ms, without a backlog {max(idle.waits):.0f} ms",
    )
