"""When records are over: the policy's days, counted from today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from callveil.policy.model import KEEP_RECORDS, Policy
from callveil.store.interface import ALL_LINES, Cutoffs, Hold


def cutoffs(policy: Policy, today: date) -> Cutoffs:
    """Return up to when each line's records are over.

    A record of a day that is to be kept for 90 days is there for the 90 days that follow it, and over on the
    91st. Records of a line that the policy does not have, that of emergency calls for one, are kept as long
    as those of a line that says nothing.

    Args:
        policy: says how many days each line keeps its records.
        today: in the PBX's time zone.
    """
    return Cutoffs(
        lines={line.key: today - timedelta(days=line.keep.records) for line in policy.lines},
        others=today - timedelta(days=KEEP_RECORDS),
    )


def is_held(line: str, holds: Iterable[Hold]) -> bool:
    """Return whether a hold protects a line's records."""
    return any(hold.line in (ALL_LINES, line) for hold in holds)
