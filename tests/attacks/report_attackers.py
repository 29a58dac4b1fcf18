"""Two who try to compute what a report does not show: one subtracts, one knows how reports are made."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, permutations
from typing import Final

from callveil.report.family import LEAST_SHOWN
from callveil.report.month import Detail, Report, UnknownLineError, only
from callveil.report.rows import rows_of
from callveil.report.shape import FIELDS, NO_QUEUE
from unit.report_tables import Leaf, report_of

Path = tuple[str, ...]
Table = tuple[int, ...]

NO_LINE: Final = ""
"""The line of a cell that is of all lines together."""


def subtract(*printed: str) -> dict[Path, int]:
    """Return the numbers that follow from reports in JSON by sums alone, and from a hidden number being no 0.

    Where all that is hidden of a whole has few calls together, the sum is returned for the whole.

    Args:
        printed: reports of the same month; of all lines, and of single ones.
    """
    found: dict[Path, int | None] = {}
    for text in printed:
        for cell in json.loads(text)["cells"]:
            found[tuple(f"{field}={cell[field]}" for field in FIELDS if cell[field])] = cell["calls"]
    computed: dict[Path, int] = {}
    families: dict[Path, list[Path]] = defaultdict(list)
    for path in found:
        if path:
            families[path[:-1]].append(path)
    for whole, parts in families.items():
        hidden = [part for part in parts if found[part] is None]
        total = found.get(whole)
        if total is None or not hidden:
            continue
        rest = total - sum(found[part] or 0 for part in parts)
        if len(hidden) == 1 or rest == len(hidden):
            computed |= dict.fromkeys(hidden, rest // len(hidden))
        elif rest < LEAST_SHOWN:
            computed[whole] = rest
    return computed


class Insider:
    """Knows how reports are made, and compares one with those of every table that there could have been."""

    def __init__(self, leaves: Sequence[Leaf], totals: Iterable[int], least: int) -> None:
        """Make the report of every table with these leaves and one of these totals.

        Args:
            leaves: where calls may stand; everywhere else there are none, which is known.
            totals: how many calls there are in all.
            least: the fewest calls that are shown.
        """
        self.leaves = leaves
        self.least = least
        self.lines = sorted({leaf[0] for leaf in leaves})
        self.cells = _cells(leaves)
        self.alike: dict[tuple[Report, tuple[object, ...]], list[Table]] = defaultdict(list)
        for total in totals:
            for table in _tables(total, len(leaves)):
                report = report_of(leaves, table, least)
                self.alike[report, tuple(_answer(report, line) for line in self.lines)].append(table)

    def computed(self) -> Iterator[str]:
        """Yield each number that the report of some table gives back although it is not shown."""
        for (report, _), tables in self.alike.items():
            shown = {(_normal(path), calls) for path, calls in _numbers(report) if calls}
            values = {cell: set(self._values(cell, tables)) for cell in self.cells}
            for cell, possible in values.items():
                calls = min(possible)
                if len(possible) == 1 and calls and not self._is_told(cell, calls, report, shown):
                    yield f"{cell} is {calls} in {tables[0]}"
            for path, shown_calls in _numbers(report):
                if shown_calls is None and not any(
                    len(possible) > 1 for cell, possible in values.items() if _normal(cell) == _normal(path)
                ):
                    yield f"{path} is not shown in {tables[0]}"

    def computed_by_knowing_what_lines_cannot(self) -> Iterator[str]:
        """Yield each small number that follows for who knows that some lines take no calls, or make none."""
        ways = sorted({leaf[:2] for leaf in self.leaves})
        for never in chain.from_iterable(combinations(ways, size) for size in range(len(ways))):
            zeros = [place for place, leaf in enumerate(self.leaves) if leaf[:2] in never]
            for (report, _), tables in self.alike.items():
                if report.calls < self.least:
                    continue  # an exact total of few calls tells of a program with one line and one direction
                left = [table for table in tables if not any(table[place] for place in zeros)]
                for cell in self.cells if left else ():
                    possible = set(self._values(cell, left))
                    if len(possible) == 1 and 0 < min(possible) < self.least:
                        yield f"{cell} is {min(possible)} in {left[0]}, knowing that {never} are 0"

    def _values(self, cell: Path, tables: Iterable[Table]) -> Iterator[int]:
        places = self.cells[cell]
        return (sum(table[place] for place in places) for table in tables)

    def _is_told(self, cell: Path, calls: int, report: Report, shown: set[tuple[Path, int]]) -> bool:
        """Return whether a number is shown, or made of numbers that are, and is no small one."""
        if len(self.cells[cell]) == len(self.leaves):
            return True  # the total, which is always told
        if calls < self.least:
            return False
        if cell[0] == NO_LINE and report.detail is not Detail.TOGETHER:
            return True  # the sum of what is shown of each line
        together = (NO_LINE, *cell[1:])
        # With the leaves there are, no other line may have such calls.
        alone = set(self.cells[cell]) == set(self.cells[together])
        return (_normal(cell), calls) in shown or (alone and (_normal(together), calls) in shown)


def _cells(leaves: Sequence[Leaf]) -> dict[Path, list[int]]:
    """Return every number that there is to know, by its path, with the places of its leaves."""
    cells: dict[Path, list[int]] = defaultdict(list)
    for place, (line, *way) in enumerate(leaves):
        for depth in range(len(way) + 1):
            cells[line, *way[:depth]].append(place)
            cells[NO_LINE, *way[:depth]].append(place)
    return dict(cells)


def _numbers(report: Report) -> Iterator[tuple[Path, int | None]]:
    for row in rows_of(report):
        path = tuple(text for _, text in row.path)
        yield (path if row.path and row.path[0][0] == "line" else (NO_LINE, *path)), row.calls


def _normal(path: Path) -> Path:
    """Return a path without the mention that no queue was heard of, which a report may leave out."""
    return tuple(text for text in path if text != NO_QUEUE)


def _answer(report: Report, line: str) -> object:
    try:
        return only(report, line)
    except UnknownLineError as error:
        return str(error)


def _tables(total: int, places: int) -> Iterator[Table]:
    """Yield every way to put so many calls into so many places."""
    if places == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _tables(total - first, places - 1):
            yield (first, *rest)


def fields_of(leaf: Leaf) -> frozenset[tuple[str, str]]:
    """Return the fields of a leaf with their values, as a report's rows have them."""
    line, direction, outcome, *rest = leaf
    names = ["queue"] if direction == "in" else []
    names.append("waited" if outcome == "not answered" else "spoken")
    return frozenset(
        [("line", line), ("direction", direction), ("outcome", outcome), *zip(names, rest, strict=False)]
    )


def another_table(
    report: Report, table: Mapping[Leaf, int]
) -> Iterator[tuple[frozenset[tuple[str, str]], dict[Leaf, int] | None]]:
    """Yield each number that a report lists and does not show, with a table in which it is another.

    The table is made by the moves that prove that there is one, and has the same report; None if none of them
    makes the same report.
    """
    families: dict[frozenset[tuple[str, str]], list[frozenset[tuple[str, str]]]] = defaultdict(list)
    for row in rows_of(report):
        if row.calls is None:
            families[frozenset(row.path[:-1])].append(frozenset(row.path))
    if report.detail is Detail.TOGETHER:
        table = _all_but_one_of_one_line(table)
    for parts in families.values():
        now = [sum(calls for leaf, calls in table.items() if part <= fields_of(leaf)) for part in parts]
        made = [
            (numbers, other)
            for numbers in _moves(now, report.least)
            if report_of(other := _put(table, dict(zip(parts, numbers, strict=True))), other.values())
            == report
        ]
        for place, part in enumerate(parts):
            yield part, next((other for numbers, other in made if numbers[place] != now[place]), None)


def _all_but_one_of_one_line(table: Mapping[Leaf, int]) -> dict[Leaf, int]:
    """Return a table with the same calls of all lines together, one of which is of another line."""
    together: dict[Leaf, int] = defaultdict(int)
    for (_, *way), calls in table.items():
        together["b", *way] += calls
    first = max(together, key=lambda leaf: together[leaf])
    return {**together, first: together[first] - 1, ("a", *first[1:]): 1}


def _moves(now: Sequence[int], least: int) -> Iterator[list[int]]:
    """Yield other numbers for the hidden parts of a family, with the same sum."""
    for one, other in permutations(range(len(now)), 2):
        yield [now[{one: other, other: one}.get(place, place)] for place in range(len(now))]
        yield [
            number + 1 if place == one else number - 1 if place == other else number
            for place, number in enumerate(now)
        ]
    for one in range(len(now)):
        yield [least - len(now) if place == one else least for place in range(len(now))]


def _put(table: Mapping[Leaf, int], numbers: Mapping[frozenset[tuple[str, str]], int]) -> dict[Leaf, int]:
    """Return a table with other sums of some calls, each put into one leaf."""
    put = dict(table)
    for path, number in numbers.items():
        leaves = sorted(leaf for leaf, calls in put.items() if calls and path <= fields_of(leaf))
        if sum(put[leaf] for leaf in leaves) == number:
            continue  # among them may be the one call of another line
        put.update(dict.fromkeys(leaves, 0))
        put[leaves[0]] = number
    return put


Rule = Callable[[Sequence[int], int], frozenset[int]]


def hide_few(calls: Sequence[int], least: int) -> frozenset[int]:
    """Hide what is too few, and nothing that would give it back."""
    return frozenset(place for place, number in enumerate(calls) if 0 < number < least)


def hide_two(calls: Sequence[int], least: int) -> frozenset[int]:
    """Hide at least two, but look neither at what their sum tells nor at equals of the second."""
    few = hide_few(calls, least)
    more = sorted((number, place) for place, number in enumerate(calls) if number >= least)
    return few | {place for _, place in more[:1]} if len(few) == 1 else few


def hide_two_different(calls: Sequence[int], least: int) -> frozenset[int]:
    """Hide until two hidden numbers differ, and of equals the first."""
    few = hide_few(calls, least)
    more = sorted((number, place) for place, number in enumerate(calls) if number >= least)
    alike = len({calls[place] for place in few}) == 1
    return few | {place for _, place in more[:1]} if alike else few
