"""Adds up calls that have everything in common that monthly counts keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from callveil.coarse import as_bucket
from callveil.store.interface import Count

GROUP: Final = ("line", "direction", "decision", "disposition", "spoken", "queue", "outcome", "waited")
"""The columns of a record that a `Count` has, in its order."""

_SPOKEN: Final = GROUP.index("spoken")


def tally(rows: Iterable[Sequence[Any]]) -> list[Count]:
    """Return counts, ordered by their fields, of which no two differ in `calls` alone.

    Args:
        rows: the values of `GROUP` each, with a duration as the line keeps it, and how many calls.
    """
    calls: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        *group, number = row
        group[_SPOKEN] = as_bucket(group[_SPOKEN])
        calls[tuple(group)] += number
    return [Count(*values) for values in sorted((*group, number) for group, number in calls.items())]


def tally_months(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return rows to be added to monthly counts: the month, the values of `GROUP`, and how many calls.

    Args:
        rows: a month each, as ``2026-10``, and then as for `tally`.
    """
    months: dict[str, list[Sequence[Any]]] = {}
    for month, *group in rows:
        months.setdefault(month, []).append(group)
    return [
        (month, *(getattr(count, name) for name in GROUP), count.calls)
        for month, gone in months.items()
        for count in tally(gone)
    ]
