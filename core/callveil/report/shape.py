"""How the calls of a line are divided for a report: one tree, in which each call stands in one leaf.

There is no second division of the same calls beside it. Asterisk ties the facts of a call together (who was
put through from a queue was answered, say), and two tables of the same calls would tell of each other through
such ties. In one tree the only tie is that some cells are always 0, and a 0 is never hidden: see `family`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from callveil.coarse import BUCKETS
from callveil.store.interface import Count

Field = Literal["line", "direction", "outcome", "queue", "spoken", "waited"]
"""What tells the parts of a number of calls from each other."""

FIELDS: Final[tuple[Field, ...]] = ("line", "direction", "outcome", "queue", "spoken", "waited")
"""From the root of the tree to its leaves."""

NO_QUEUE: Final = "none"
"""Stands among the outcomes of queues for calls of which no queue was heard."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a number of calls is divided into.

    Attributes:
        field: what tells the parts from each other.
        parts: its values, in the order of a report, and how each is divided further.
    """

    field: Field
    parts: Mapping[str, Shape | None]


_SPOKEN: Final = Shape("spoken", dict.fromkeys(BUCKETS))
_WAITED: Final = Shape("waited", dict.fromkeys(BUCKETS))
_IN: Final = Shape(
    "outcome",
    {
        "answered": Shape("queue", {"connected": _SPOKEN, "left": _SPOKEN, NO_QUEUE: _SPOKEN}),
        "not answered": Shape("queue", {"abandoned": _WAITED, "left": None, NO_QUEUE: None}),
    },
)
_OUT: Final = Shape("outcome", {"answered": _SPOKEN, "not answered": None, "not made": None})

LINE: Final = Shape("direction", {"in": _IN, "out": _OUT})
"""How the calls of every line are divided."""


def leaf_of(count: Count) -> tuple[str, ...]:
    """Return where in the tree of its line a count stands: a value of each division down to a leaf."""
    if count.direction == "out":
        if count.decision == "refuse":
            return ("out", "not made")
        if count.disposition != "ANSWERED":
            return ("out", "not answered")
        return ("out", "answered", count.spoken)
    queue = count.outcome if count.queue else NO_QUEUE
    # A PBX may answer with an announcement before anybody waits: who then hangs up was not answered.
    if queue == "abandoned":
        return (count.direction, "not answered", queue, count.waited)
    if queue == "connected" or count.disposition == "ANSWERED":
        return (count.direction, "answered", queue, count.spoken)
    return (count.direction, "not answered", queue)
