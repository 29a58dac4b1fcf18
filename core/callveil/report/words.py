"""What a report says in plain words."""

from __future__ import annotations

from typing import Final

from callveil.coarse import BUCKETS_IN_WORDS
from callveil.report.month import Detail, Report
from callveil.report.shape import NO_QUEUE, Field
from callveil.store.interface import Month

NOT_SHOWN: Final = "not shown"

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_VALUES: Final[dict[Field, dict[str, str]]] = {
    "direction": {"in": "calls in", "out": "calls out"},
    "outcome": {"answered": "answered", "not answered": "not answered", "not made": "not made"},
    "queue": {
        "connected": "put through from a queue",
        "abandoned": "gave up in a queue",
        "left": "sent on from a queue",
        NO_QUEUE: "no queue",
    },
    "spoken": {
        "0": "spoke under 1 second",
        **{band: f"spoke {text}" for band, text in BUCKETS_IN_WORDS.items()},
    },
    "waited": {
        "0": "waited under 1 second",
        **{band: f"waited {text}" for band, text in BUCKETS_IN_WORDS.items()},
    },
}

CALLS: Final = "Calls are counted, not people: one person may have called several times."
ANSWERED: Final = "Answered means by a person, by voicemail or by an announcement."
RUNNING: Final = (
    "This month is not over. Do not hand this report out: two reports of the same month, set against each"
    " other, tell of single days."
)
_OF_NO_LINE: Final = {
    "emergency": "The line emergency is calls to emergency numbers, from any telephone.",
    "unlisted": "The line unlisted is calls of telephones and numbers that belong to no line.",
}
_NO_LINE: Final = (
    "No line is shown by itself: some had fewer than {least} calls, and the others would tell how many."
)
_DETAIL: Final = {
    Detail.NO_CALLS: "No calls are recorded in this month.",
    Detail.TOO_FEW: "There were fewer than {least} calls in all, so nothing but their total is shown.",
    Detail.TOGETHER: _NO_LINE,
    Detail.TOTAL_ONLY: _NO_LINE,
}
_TOGETHER: Final = "The numbers are of all lines together."
_UNLISTED: Final = "Nor is it shown whether this line had any calls."
_HIDES: Final = (
    "Where a number is not shown, there were from 1 to {most} calls, or more if a smaller number could"
    " otherwise be computed. 0 means that there were none."
)


def title(month: Month) -> str:
    """Return the heading, as ``Calls in October 2026``."""
    return f"Calls in {_MONTHS[month.month - 1]} {month.year}"


def value(field: Field, text: str) -> str:
    """Return the value of a field in words; a line's is its name."""
    return _VALUES.get(field, {}).get(text, text)


def number(calls: int | None) -> str:
    """Return a number of calls as it is printed."""
    return NOT_SHOWN if calls is None else str(calls)


def counted(calls: int) -> str:
    """Return a number of calls with the word."""
    return "1 call" if calls == 1 else f"{calls} calls"


def notes(report: Report) -> list[str]:
    """Return the sentences that belong to a report, the most important first."""
    said = [] if report.over else [RUNNING]
    if report.detail in _DETAIL:
        said.append(_DETAIL[report.detail].format(least=report.least))
    if report.line and report.detail is not Detail.LINES:
        return [*said, _UNLISTED]
    if report.detail is Detail.TOGETHER:
        said.append(_TOGETHER)
    if report.hides:
        said.append(_HIDES.format(most=report.least - 1))
    named = {part.value for part in report.parts} if report.detail is Detail.LINES else set()
    said += [sentence for line, sentence in _OF_NO_LINE.items() if line in named]
    return [*said, CALLS, ANSWERED] if report.calls else said
