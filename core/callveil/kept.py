"""Holds a record to what the policy lets its line keep, whatever brought it."""

from __future__ import annotations

from dataclasses import replace

from callveil.coarse import coarsen_duration, coarsen_time
from callveil.party import limit_party
from callveil.policy.model import Policy
from callveil.record import Record


def as_kept(record: Record, policy: Policy) -> Record:
    """Return a record with nothing more in it than its line keeps by the policy in force.

    The dialplan makes records that are no finer. This holds where the two differ: a line was flagged a moment
    ago, say, and its calls in progress began before. A line that the policy does not have keeps the least.
    """
    line = policy.line_by_key.get(record.line)
    if line is None or line.flagged:
        return replace(
            record,
            began=coarsen_time(record.began, "day"),
            spoken=coarsen_duration(record.spoken, "bucket"),
            party="",
        )
    return replace(
        record,
        began=coarsen_time(record.began, line.time),
        spoken=coarsen_duration(record.spoken, line.duration),
        party=limit_party(record.party, line.caller if record.direction == "in" else line.called),
    )
