"""What Asterisk tells of calls, as AMI events and as lines of the journal, for calls that never were."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_TODAY: Final = datetime.now().astimezone().date()  # what is older than its line keeps would be deleted

_EVENT: Final = (
    "Event: Cdr\r\n"
    "Privilege: cdr,all\r\n"
    "AccountCode: \r\n"
    "Source: +12065550100\r\n"
    "Destination: {decision}\r\n"
    "DestinationContext: callveil-go\r\n"
    'CallerID: "" <+12065550100>\r\n'
    "Channel: PJSIP/201-0000{number:04x}\r\n"
    "DestinationChannel: Local/out@callveil-trunk-0000{number:04x};1\r\n"
    "LastApplication: Dial\r\n"
    "LastData: Local/out@callveil-trunk/n\r\n"
    "StartTime: {day} 10:11:12\r\n"
    "AnswerTime: {day} 10:11:15\r\n"
    "EndTime: {day} 10:12:12\r\n"
    "Duration: 60\r\n"
    "BillableSeconds: {seconds}\r\n"
    "Disposition: {disposition}\r\n"
    "AMAFlags: DOCUMENTATION\r\n"
    "UniqueID: 1782900672.{number}\r\n"
    "UserField: \r\n"
    "Sequence: {number}\r\n"
    "VeilId: {call}\r\n"
    "VeilLine: {line}\r\n"
    "VeilDirection: {direction}\r\n"
    "VeilDecision: {decision}\r\n"
    "VeilParty: \r\n"
    "VeilTime: day\r\n"
    "VeilDuration: bucket\r\n"
    "\r\n"
)
_LINE: Final = (
    '"{call}","{number}","{line}","{direction}","{decision}","{day}","{spoken}","{disposition}",""\n'
)

_SPOKEN: Final = (("0", 0), ("1-59s", 41), ("1-4min", 130), ("5-14min", 431), ("15-29min", 1100))


def event(number: int) -> bytes:
    """Return the ``Cdr`` event of one call, with all headers that Asterisk 22 gives it.

    Args:
        number: of the call; each call has its own.
    """
    return _EVENT.format_map(_values(number)).encode()


def line(number: int) -> bytes:
    """Return the journal's line of the same call, with its end."""
    return _LINE.format_map(_values(number)).encode()


def _values(number: int) -> dict[str, str | int]:
    spoken, seconds = _SPOKEN[number % len(_SPOKEN)]
    goes_in = number % 3 == 0
    return {
        "number": number,
        # Keys of calls in a row are no neighbours: they are digests.
        "call": f"{100_000_000 + number}-482913377-193847261-482913377",
        "line": "hotline" if number % 4 else "desk",
        "direction": "in" if goes_in else "out",
        "decision": "scrub" if goes_in else "hide" if number % 4 else "show",
        "day": (_TODAY - timedelta(days=number % 3)).isoformat(),
        "spoken": spoken,
        "seconds": seconds,
        "disposition": "ANSWERED" if seconds else "NO ANSWER",
    }
