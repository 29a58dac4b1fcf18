"""What the demo says of each call, and whether it went as it should."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from program.calls import CASES, Case, Day, Outcome
from program.far_end import FarEnd

HEADINGS: Final = ("call", "without Callveil", "with Callveil", "places on disk\nwithout > with")
WIDTHS: Final = (25, 35, 35, 15)

PROMISED: Final = {
    "hidden": None,
    "shown": "+12065550100",
    "substitute": "+12065550177",
    "hide code": None,
    "show code": "+12065550100",
    "show code refused": None,
    "emergency": "+12065550100",
    "emergency after hide code": "+12065550100",
}
"""What the policy promises that the far end of each call out sees; None is hidden."""

RECORDS: Final = {
    "hidden": ("hotline", "out", "hide"),
    "shown": ("desk", "out", "show"),
    "substitute": ("desk", "out", "substitute"),
    "hide code": ("desk", "out", "hide"),
    "show code": ("desk", "out", "show"),
    "show code refused": ("hotline", "out", "hide"),
    "emergency": ("emergency", "out", "emergency"),
    "emergency after hide code": ("emergency", "out", "emergency"),
    "hotline": ("hotline", "in", "scrub"),
    "office": ("desk", "in", "show"),
}
"""Line, direction and decision in the record of each call."""


def rows(without: Day, with_callveil: Day) -> list[tuple[str, ...]]:
    """Return the table's rows, one a call."""
    found: list[tuple[str, ...]] = []
    for number, case in enumerate(CASES, 1):
        before, after = without.outcomes[case.key], with_callveil.outcomes[case.key]
        places = f"{len(before.places)} > {len(after.places)}" if case.number else "-"
        found.append((_title(number, case), tell(before, without), tell(after, with_callveil), places))
    return found


def _title(number: int, case: Case) -> str:
    if case.comes_in:
        return f"{number} {case.title}\n{case.who} calls {case.dialled}"
    return f"{number} {case.title}\n{case.who} dials {case.dialled}"


def tell(outcome: Outcome, day: Day) -> str:
    """Return in plain words what the other side of a call saw."""
    if outcome.case.comes_in:
        extension = "201" if outcome.case.key == "hotline" else "101"
        return "\n".join(f"phone {extension}: {line}" for line in _seen(day.rung[extension]))
    if outcome.arrived is None:
        return f"no call (the phone hears {outcome.result.final_status})"
    return "\n".join(_seen([outcome.arrived]))


def _seen(invites: Sequence[FarEnd]) -> list[str]:
    return [invite.in_words() for invite in invites] or ["did not ring"]


def faults(with_callveil: Day, without: Day, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return everything that is not as it should be, in plain words; empty when all is well."""
    found = []
    for key, promised in PROMISED.items():
        arrived = with_callveil.outcomes[key].arrived
        if arrived is None:
            found.append(f"{key}: the call did not reach the carrier")
        elif arrived.shown != promised:
            found.append(f"{key}: the far end saw {arrived.shown or 'nothing'}, not {promised or 'nothing'}")
    for key, outcome in with_callveil.outcomes.items():
        found += [f"{key}: the number stands in {place}" for place in outcome.places]
    found += [f"the callers' name stands in {place}" for place in with_callveil.name_places]
    found += _record_faults(records)
    found += _control_faults(without)
    return found


def _record_faults(records: Sequence[Mapping[str, Any]]) -> list[str]:
    have = sorted((one["line"], one["direction"], one["decision"]) for one in records)
    want = sorted(RECORDS.values())
    return [] if have == want else [f"the records are {have}, not {want}"]


def _control_faults(without: Day) -> list[str]:
    """Return calls that did not leak without Callveil: a demo that cannot fail proves nothing."""
    return [
        f"{key}: without Callveil the number should be on the disk, or the comparison proves nothing"
        for key, outcome in without.outcomes.items()
        if outcome.case.number and not outcome.places
    ]
