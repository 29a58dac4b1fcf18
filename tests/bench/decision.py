"""How long a decision takes, from Asterisk's connection to the end of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.agi_client import AT_ONCE, CALL_ID, Asker
from bench.agi_servers import CONSTANT, running
from bench.figures import Figure, Goal, in_slices
from bench.programs import CONTACTS, EXTENSION, LINES, large, small, smallest

HIDDEN: Final = f"veil3|{CALL_ID}|hide|prohib_passed_screen|+12065550100|"


def measure() -> Iterator[Figure]:
    """Yield the figures of the FastAGI server."""
    with TemporaryDirectory() as folder:
        program = Path(folder)
        small(program)
        with running() as bare, running(program) as ours:
            yield from compared(
                "decision",
                Asker(ours, EXTENSION, HIDDEN),
                Asker(bare, EXTENSION, CONSTANT),
                "a bare asyncio server",
                (Goal(1.5), Goal(1.7)),
            )
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        large(Path(one))
        smallest(Path(other))
        with running(Path(one)) as full, running(Path(other)) as empty:
            yield from compared(
                f"decision with {LINES} lines and {CONTACTS:,} contacts",
                Asker(full, EXTENSION, HIDDEN),
                Asker(empty, EXTENSION, HIDDEN),
                "one line and no contact",
                (Goal(1.2), Goal(1.2)),
            )


def compared(
    name: str, ours: Asker, theirs: Asker, against: str, goals: tuple[Goal, Goal]
) -> Iterator[Figure]:
    """Yield two figures: asked one after another, and many at once."""
    ways = (
        ("one after another", ours.one_by_one, theirs.one_by_one),
        (f"{AT_ONCE} at once", ours.many_at_once, theirs.many_at_once),
    )
    for (how, own, base), goal in zip(ways, goals, strict=True):
        in_slices((own, base), rounds=1)  # what is loaded only once does not count
        mine, their = in_slices((own, base))
        yield Figure(f"{name}, {how}", "us a call", mine, their, against, goal)
