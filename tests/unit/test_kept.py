from __future__ import annotations

from dataclasses import replace

import pytest
from callveil.kept import as_kept
from callveil.policy.model import Line
from callveil.record import Record
from unit.policies import DESK, HOTLINE, program

FULL = Record(
    b"k" * 16,
    "desk",
    "in",
    "show",
    "2026-11-24T13:05:07",
    "431s",
    "ANSWERED",
    "+12065550142",
)
LEAST = replace(FULL, began="2026-11-24", spoken="5-14min", party="")


def kept(record: Record, line: Line) -> Record:
    return as_kept(record, program(lines=(line,)))


def test_a_line_that_keeps_all_keeps_all() -> None:
    line = replace(DESK, caller="full", time="exact", duration="exact")
    assert kept(FULL, line) == FULL
    assert kept(LEAST, line) == LEAST


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (DESK, LEAST),
        (replace(DESK, time="hour"), replace(LEAST, began="2026-11-24T13")),
        (replace(DESK, duration="minute"), replace(LEAST, spoken="7min")),
        (replace(DESK, caller="full"), replace(LEAST, party=FULL.party)),
        (replace(DESK, called="full"), LEAST),  # it says nothing of those who call
        (replace(DESK, caller="country"), LEAST),
    ],
)
def test_a_record_is_held_to_what_its_line_keeps(line: Line, record: Record) -> None:
    assert kept(FULL, line) == record


def test_a_call_out_is_held_to_what_is_kept_of_people_called() -> None:
    out = replace(FULL, direction="out")
    assert kept(out, replace(DESK, called="full")).party == FULL.party
    assert kept(out, replace(DESK, caller="full")).party == ""


def test_a_flagged_line_keeps_the_least_whatever_else_it_says() -> None:
    careless = replace(HOTLINE, key="desk", caller="full", time="exact", duration="exact")
    assert careless.flagged
    assert kept(FULL, careless) == LEAST


def test_a_line_that_the_policy_does_not_have_keeps_the_least() -> None:
    assert kept(FULL, HOTLINE) == LEAST
