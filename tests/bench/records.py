"""How fast records of calls come into a store from AMI events, and whether memory grows with them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.figures import ROUNDS, Figure, Goal, alternate
from bench.recorders import CALLVEIL, PANORAMISK, Running
from bench.stores import STORES

FIRST: Final = 10_000
"""Events before anything is measured."""

EVENTS: Final = 20_000
"""Events of a round: in all rounds, as many as memory should stay flat over."""

PORTION: Final = 500
WINDOW: Final = 5_000
"""Events on their way at any time: half of what Callveil holds in memory, so none is left to the journal."""

BURST: Final = 50_000
"""Events that are sent at last, as fast as the network takes them."""


def rate(program: Running, count: int = EVENTS, window: int = WINDOW) -> float:
    """Tell a program of calls and return how many it has done with in a second.

    Args:
        program: Callveil, or the one that drops them.
        count: of calls, a multiple of `PORTION`.
        window: how many may be on their way.
    """
    began = time.perf_counter()
    for _ in range(count // PORTION):
        program.catch_up(window - PORTION)
        program.tell(PORTION)
    program.catch_up()
    return count / (time.perf_counter() - began)


def measure() -> Iterator[Figure]:
    """Yield the figures of records from AMI."""
    with ExitStack() as stack:
        programs = {}
        for name in (*STORES, PANORAMISK):
            folder = Path(stack.enter_context(TemporaryDirectory()))
            if name == PANORAMISK:
                programs[name] = stack.enter_context(Running(PANORAMISK, folder))
            else:
                store = stack.enter_context(STORES[name]())
                programs[name] = stack.enter_context(Running(CALLVEIL, folder, store.address))
            rate(programs[name], FIRST)
        before = {name: programs[name].rss_kib() / 1024 for name in STORES}
        ways = [partial(rate, program) for program in programs.values()]
        *found, dropped = alternate(ways)
        after = {name: programs[name].rss_kib() / 1024 for name in STORES}
        for name, rates in zip(STORES, found, strict=True):
            left = programs[name].overflowed
            rate(programs[name], BURST, BURST)
            burst = programs[name].overflowed - left
            yield Figure(
                f"records from AMI events into {name}",
                "a second",
                rates,
                dropped,
                "panoramisk alone, which drops the events",
                Goal(0.2, at_least=True),
                f"{left:,} were left to the journal; of {BURST:,} sent without pause, {burst:,}",
            )
        for name in STORES:
            yield Figure(
                f"memory after {ROUNDS * EVENTS:,} more records into {name}",
                "MiB",
                [after[name]],
                [before[name]],
                f"after the first {FIRST:,}",
                Goal(1.1),
            )
