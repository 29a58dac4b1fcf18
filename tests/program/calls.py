"""The calls of the demo, which the tests on a real Asterisk place too, with and without Callveil."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from harness.leaks import Place, find_number
from harness.pbx import Pbx, wait_for
from harness.sip import CallResult, Carrier, Phone, place_call, ring_in

from program.far_end import FarEnd

MESSAGE: Final = "Please call me tomorrow morning. I am safe now."
GREETING_MS: Final = 6000
"""How long Asterisk's own greeting for an absent mailbox takes, before it records."""

NAME: Final = "Rosalind Quimby"
"""The name that both callers' carriers send along."""


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        key: its name in tests.
        title: what it shows.
        who: the extension that dials, or the caller's number.
        dialled: what is dialled.
        number: the survivor's (or other outside) number in the call, in E.164; empty in emergency calls.
        reaches: what the carrier should be asked for; empty for a call that comes in.
    """

    key: str
    title: str
    who: str
    dialled: str
    number: str = ""
    reaches: str = ""

    @property
    def comes_in(self) -> bool:
        """Whether somebody outside calls."""
        return not self.reaches


CASES: Final = (
    Case("hidden", "the hotline's rule", "201", "+12125550141", "+12125550141", "+12125550141"),
    Case("shown", "the office's rule", "101", "12125550142", "+12125550142", "+12125550142"),
    Case("substitute", "a rule for toll-free numbers", "101", "18005550143", "+18005550143", "+18005550143"),
    Case("hide code", "*67 at the office", "101", "*6712125550144", "+12125550144", "+12125550144"),
    Case("show code", "*82 at the office", "101", "*8218005550145", "+18005550145", "+18005550145"),
    Case("show code refused", "*82 at the hotline", "201", "*8212125550146", "+12125550146", "+12125550146"),
    Case("emergency", "911 at the hotline", "201", "911", reaches="911"),
    Case("emergency after hide code", "*67911 at the hotline", "201", "*67911", reaches="911"),
    Case("hotline", "a message for the hotline", "+12125550151", "+18005550100", "+12125550151"),
    Case("office", "a message for the office", "+12125550152", "+12065550100", "+12125550152"),
)

BY_KEY: Final = {case.key: case for case in CASES}


@dataclass
class Outcome:
    """What came of one call.

    Attributes:
        case: the call.
        result: what the one who called saw and heard.
        arrived: what the carrier received, for calls that go out.
        places: where the number stands on the disks.
    """

    case: Case
    result: CallResult
    arrived: FarEnd | None = None
    places: list[Place] = field(default_factory=list)


@dataclass
class Day:
    """All calls of one PBX.

    Attributes:
        outcomes: by the case's key.
        rung: what the telephones that rang were told, by extension.
        name_places: where the callers' name stands on the disks.
    """

    outcomes: dict[str, Outcome]
    rung: dict[str, list[FarEnd]]
    name_places: list[Place]


def place_all(pbx: Pbx) -> Day:
    """Place every call, wait until all of it is over, and search the disks."""
    outcomes: dict[str, Outcome] = {}
    with (
        Carrier(pbx) as carrier,
        Phone(pbx, "201", 486) as hotline,
        Phone(pbx, "101", 486) as office,
        ThreadPoolExecutor(2) as pool,
    ):
        # A busy telephone leads to voicemail at once. Both messages are left while the calls out are made.
        messages = {case.key: pool.submit(_leave_message, pbx, case) for case in CASES if case.comes_in}
        for case in CASES:
            if not case.comes_in:
                before = len(carrier.calls())
                result = place_call(pbx, case.who, case.dialled, hold_ms=1200, timeout=25)
                new = carrier.calls()[before:]
                outcomes[case.key] = Outcome(case, result, FarEnd(new[0]) if new else None)
        for key, message in messages.items():
            outcomes[key] = Outcome(BY_KEY[key], message.result())
        pbx.wait_idle()
        rung = {
            "201": [FarEnd(invite) for invite in hotline.calls()],
            "101": [FarEnd(one) for one in office.calls()],
        }
    _wait_for_mail(pbx)
    _search(pbx, outcomes)
    return Day(outcomes, rung, find_number(pbx, [], also=[NAME]))


def _leave_message(pbx: Pbx, case: Case) -> CallResult:
    return ring_in(
        pbx,
        case.dialled,
        case.who,
        NAME,
        say=MESSAGE,
        say_after_ms=GREETING_MS,
        seconds=GREETING_MS / 1000 + 5,
        timeout=40,
    )


def _wait_for_mail(pbx: Pbx) -> None:
    """Wait until the mail about both messages has been delivered."""
    wait_for("mail to both mailboxes", lambda: len(pbx.files("/var/mail/*")) == 2, 30)
    wait_for("the mail transfer to end", lambda: not pbx.files("/var/spool/dma/*"), 30)


def _search(pbx: Pbx, outcomes: dict[str, Outcome]) -> None:
    numbers = [outcome.case.number for outcome in outcomes.values() if outcome.case.number]
    for place in find_number(pbx, numbers):
        for outcome in outcomes.values():
            digits = outcome.case.number[2:]
            if digits and digits in "".join(sign for sign in place.spelling.split(" (")[0] if sign.isdigit()):
                outcome.places.append(place)
