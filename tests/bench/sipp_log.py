"""What SIPp's log of short messages tells of calls, matched by the number called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Seen:
    """What one SIPp saw.

    Attributes:
        sent: when the first INVITE to each number was sent, in seconds since the epoch.
        received: when the first one to each number arrived.
        repeated: INVITEs that were sent again, because no answer came in half a second.
        ended: the Call-IDs of calls whose BYE was answered with 200, seen from the one who sent it.
        last: when the last message was seen.
    """

    sent: dict[str, float] = field(default_factory=dict)
    received: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    ended: set[str] = field(default_factory=set)
    last: float = 0.0


def read_log(text: str, prefix: str = "") -> Seen:
    """Return what a log tells; a line that is still being written is passed over.

    Args:
        text: of the form date, time, seconds, S or R, Call-ID, CSeq, first line, with tabs between.
        prefix: what was dialled in front of the number.
    """
    seen = Seen()
    for line in text.splitlines(keepends=True):
        parts = line.rstrip("\n").split("\t")
        if len(parts) != 7 or not line.endswith("\n"):
            continue
        moment, direction, call_id, sequence, first = float(parts[2]), *parts[3:]
        seen.last = max(seen.last, moment)
        if first.startswith("INVITE sip:"):
            dialled = first.removeprefix("INVITE sip:").partition("@")[0]
            number = dialled.removeprefix(prefix)
            invites = seen.sent if direction == "S" else seen.received
            seen.repeated += direction == "S" and number in invites
            invites.setdefault(number, moment)  # the person has waited since the first one
        elif direction == "R" and first.startswith("SIP/2.0 200") and sequence.endswith(" BYE"):
            seen.ended.add(call_id)
    return seen


def post_dial_delay(sent: Mapping[str, float], received: Mapping[str, float]) -> float:
    """Return the median of milliseconds from the telephone's INVITE to the carrier's, of calls that arrived.

    Raises:
        ValueError: if none arrived.
    """
    arrived = [received[number] - moment for number, moment in sent.items() if number in received]
    if not arrived:
        raise ValueError("no call arrived")
    return median(arrived) * 1e3


def calls_a_second(phone: Seen) -> float:
    """Return how many calls came to a good end in a second, from the first INVITE to the last message.

    Raises:
        ValueError: if there was no call.
    """
    if not phone.sent:
        raise ValueError("no call was made")
    return len(phone.ended) / (phone.last - min(phone.sent.values()))
