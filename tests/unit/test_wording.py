"""Decisions in plain words."""

from __future__ import annotations

from dataclasses import replace

from callveil.decision import OUTSIDE_HOURS, Decision, Kind
from callveil.policy.model import Identity, Policy, Preset, Trunk
from callveil.wording import in_words

OFFICE = Identity("office", "+12065550100", "Main Office")
POLICY = Policy(
    preset=Preset("US", ("*67",), ("*82",), ("911",)),
    emergency_callerid=OFFICE.number,
    identities=(OFFICE,),
    trunks=(Trunk("carrier", "PJSIP/{number}@trunk"),),
    lines=(),
)
HIDDEN = Decision(Kind.HIDE, shown=None, beneath=OFFICE.number, name="", line=None, reason="")


def test_a_hidden_call() -> None:
    assert in_words(HIDDEN, POLICY) == "Hidden (Main Office +12065550100 stands beneath)"


def test_a_call_before_which_staff_are_asked() -> None:
    asked = replace(HIDDEN, confirm=OUTSIDE_HOURS)
    assert in_words(asked, POLICY).endswith("stands beneath). Staff are asked to press 1 first")
