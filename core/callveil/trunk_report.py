"""Says in plain words which trunks hidden calls leave by, and why not by others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from callveil.policy.model import Trunk
from callveil.trunk_faults import FAULTS, RISKS, Fault, endpoint_of
from callveil.trunk_state import TrunkState, way_of

STALE: Final = timedelta(minutes=5)
"""A look that is older says nothing any more: Callveil looks twice a minute."""

_TRUST: Final = "write trusted_to_hide in the policy with the reason why this is acceptable"


class Outcome(StrEnum):
    """What a trunk is to hidden calls."""

    HIDES = "hides"
    TRUSTED = "trusted"
    NOT_USED = "not used"
    UNKNOWN = "could not check"


@dataclass(frozen=True, slots=True)
class TrunkReport:
    """What there is to say of one trunk.

    Attributes:
        trunk: its name in the policy.
        outcome: what it is to hidden calls.
        text: the same in plain words, one line, with what to do about it.
        faults: names of the settings that defeat hiding.
        risks: names of the settings that are worth a look.
        remarks: what is to be said of these risks.
        looked: when its settings were last seen.
    """

    trunk: str
    outcome: Outcome
    text: str
    faults: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    looked: datetime | None = None


def report_on(trunk: Trunk, state: TrunkState | None, now: datetime) -> TrunkReport:
    """Return what there is to say of a trunk.

    Args:
        trunk: as the policy has it.
        state: what is known of it, if anything is.
        now: the time, with its zone.
    """
    if endpoint_of(trunk.dial) is None:
        return _of_another_kind(trunk)
    if state is None or state.way != way_of(trunk.dial):
        state = TrunkState(way_of(trunk.dial))
    trouble = state.trouble
    if state.tried is None:
        trouble = "Callveil has not looked at it yet. Is callveil serve running?"
    elif now - state.tried > STALE:
        trouble = f"Callveil has not looked since {in_local_time(state.tried)}. Is callveil serve running?"
    outcome, text = _in_words(trunk, state, trouble)
    remarks = tuple(f"{RISKS[name].text}. {RISKS[name].cure}" for name in state.risks if name in RISKS)
    return TrunkReport(trunk.key, outcome, text, state.faults, state.risks, remarks, state.looked)


def in_local_time(moment: datetime) -> str:
    """Return day and time by this computer's clock."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _of_another_kind(trunk: Trunk) -> TrunkReport:
    if trunk.trusted_to_hide:
        return TrunkReport(trunk.key, Outcome.TRUSTED, _trusted(trunk))
    text = (
        f"{trunk.key}: NOT used for hidden calls: Callveil cannot see what {trunk.technology} sends. "
        f"If numbers stay hidden there, {_TRUST}."
    )
    return TrunkReport(trunk.key, Outcome.NOT_USED, text)


def _in_words(trunk: Trunk, state: TrunkState, trouble: str) -> tuple[Outcome, str]:
    faults = [FAULTS.get(name) or Fault(name, f"{name} is set", "") for name in state.faults]
    reasons = "; ".join(fault.text for fault in faults)
    if trunk.trusted_to_hide:
        return Outcome.TRUSTED, _trusted(trunk) + (f" What is so there: {reasons}." if reasons else "")
    if faults:
        cures = " ".join(fault.cure for fault in faults if fault.cure)
        text = f"{trunk.key}: NOT used for hidden calls: {reasons}. {cures} Or {_TRUST}."
        return Outcome.NOT_USED, text + (
            f" Could not check whether it still is so: {trouble}" if trouble else ""
        )
    if trouble:
        known = (
            f"When it was last seen, on {in_local_time(state.looked)}, numbers stayed hidden."
            if state.looked
            else "Nothing is known of it yet."
        )
        return Outcome.UNKNOWN, f"{trunk.key}: Could not check: {trouble} {known} Hidden calls leave by it."
    return Outcome.HIDES, f"Hidden calls leave by {trunk.key}."


def _trusted(trunk: Trunk) -> str:
    reason = trunk.trusted_to_hide.rstrip(".")
    return f"{trunk.key}: used for hidden calls, because the policy says: {reason}."
