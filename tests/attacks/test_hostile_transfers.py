"""Transfers and redirections by those who mean harm: nobody is named, and nothing else is called or run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from attacks.raw_sip import RawResult, from_carrier, from_phone, percent, place
from harness.images import RECIPES
from harness.leaks import Place, find_number
from harness.pbx import Pbx, Version, wait_for
from harness.scripted import ANSWERS, Say, ScriptedCarrier
from harness.sip import PHONES, Carrier, Phone, place_call
from harness.sipmessage import SipMessage
from program.far_end import FarEnd
from program.site import Site

pytestmark = pytest.mark.asterisk

SERIES: Final = "21255501"
"""How all numbers here begin that must not be found anywhere."""
WRONG: Final = "+12125550190"
"""Stands in everything that must not be called."""
NEXT: Final = "+12125550191"
"""Who may be called, and only hidden."""
CALLER: Final = "+12125550192"
"""Somebody outside who calls in."""
NAME: Final = "Quillon"
OFFICE: Final = "2065550"
HOTLINE: Final = "+18005550100"
CANARY: Final = "/var/tmp/veil-canary"
SHELL: Final = f"${{SHELL(touch {CANARY})}}"

USERS: Final = (
    SHELL,
    WRONG + SHELL,
    f"${{EVAL({SHELL})}}",
    WRONG + '"',
    WRONG + "\\",
    WRONG + ",1)",
    WRONG + "&PJSIP/101",
    WRONG + "|PJSIP/101",
    WRONG + "@trunk",
    f"PJSIP/{WRONG}@trunk",
    f"Local/{WRONG}@callveil-leg",
    f"PJSIP/trunk/sip:{WRONG}@127.0.0.3",
    WRONG + "):0:3",
    WRONG + "]$[1/0]",
    WRONG + "?callveil-leg,out,1",
    WRONG + "\r\nX-Injected: yes",
    WRONG + "😀",
    WRONG + "\udcff\udcfe",
    WRONG + "1" * 3000,
    "hangup",
    "out@callveil-leg",
    "out",
    "again",
    "trunk",
    "emergency",
    "s",
    "h",
    "",
    "*67",
)
"""User parts of addresses to which nobody may be sent."""

HEADERS: Final = (
    [f'Referred-By: "{NAME}" <sip:{WRONG}@127.0.0.1>'],
    [f"Referred-By: <sip:{SHELL.replace(' ', '%20')}@127.0.0.1>"],
    [f'Referred-By: "\udcff{NAME}" <sip:\udcff@127.0.0.1>;{"x" * 3000}'],
    [f"Referred-By: {NAME}", f"Referred-By: {WRONG}"],
    ["Referred-By:"],
)
"""Further lines of a REFER."""

PARAMETERS: Final = (
    f"?Replaces={percent(SHELL)}%3Bto-tag%3D1%3Bfrom-tag%3D2",
    "?Replaces=nobody%40127.0.0.1%3Bto-tag%3D1%3Bfrom-tag%3D2",
    "?Replaces=%3B%3B%3B",
    "?Replaces=" + "9" * 3000,
    f"?P-Asserted-Identity=%3Csip%3A{WRONG}%40127.0.0.1%3E&Privacy=none",
    f"?From=%3Csip%3A{WRONG}%40127.0.0.1%3E",
    f";method=INVITE;x={percent(SHELL)}",
)
"""Behind the address of somebody who may be called."""


@dataclass(frozen=True)
class Sent:
    """How a call is sent on.

    Attributes:
        key: the case's name.
        to: the value of Refer-To, or of Contact in a 302.
        headers: further lines.
    """

    key: str
    to: str
    headers: Sequence[str] = ()


NOWHERE: Final = tuple(
    Sent(f"user {number}", f"<sip:{percent(user)}@127.0.0.1>") for number, user in enumerate(USERS)
)
"""Leads to nobody."""

SOMEWHERE: Final = (
    *(Sent(f"lines {number}", f"<sip:{NEXT}@127.0.0.1>", lines) for number, lines in enumerate(HEADERS)),
    *(Sent(f"behind {number}", f"<sip:{NEXT}@127.0.0.1{more}>") for number, more in enumerate(PARAMETERS)),
)
"""May lead to one person, or to nobody."""

REFERRED: Final = (*NOWHERE, *SOMEWHERE)

BY_CARRIER: Final = (
    *REFERRED,
    *(Sent(f"to {user}", f"<sip:{user}@127.0.0.1>") for user in ("911", "*67911", "101", "202", NEXT[2:])),
)
"""A carrier has nobody to send a telephone to but the program's own numbers."""


def first_of(case: Sent) -> str:
    """Who is called before the call is sent on."""
    return f"+1{SERIES}{BY_CARRIER.index(case):02}"


def refer(case: Sent) -> list[str]:
    """The lines of a REFER."""
    lines = [f"Refer-To: {case.to}", *case.headers]
    named = any(line.startswith("Referred-By") for line in lines)
    return lines if named else [*lines, f'Referred-By: "{NAME}" <sip:201@127.0.0.1>']


TRUSTING: Final = """
exten => 101,1,Dial(PJSIP/101)
 same => n,Hangup()
exten => 202,1,Dial(PJSIP/202)
 same => n,Hangup()
"""
"""Extensions of the admin's own."""


def overlay() -> dict[str, str]:
    extensions = (RECIPES / "etc-asterisk/callveil/extensions.conf").read_text()
    internal = "[from-internal]\n"
    assert internal in extensions
    return {"/etc/asterisk/extensions.conf": extensions.replace(internal, internal + TRUSTING)}


@dataclass(frozen=True)
class Day:
    """What came of it.

    Attributes:
        results: what whoever placed each call saw.
        invites: the INVITE of each call at the carrier.
        messages: all that the carrier received.
        desk: the calls that telephone 101 received.
    """

    results: list[RawResult]
    invites: list[SipMessage]
    messages: list[SipMessage]
    desk: list[SipMessage]


def hang_up_all(pbx: Pbx) -> None:
    """End what those who transferred have left behind."""
    pbx.cli("channel request hangup all")
    wait_for("the end of all calls", lambda: "0 active channels" in pbx.cli("core show channels"), 20)


def by_telephone(pbx: Pbx, cases: Sequence[Sent], code: str = "") -> Day:
    """A telephone calls, and sends the person called on."""
    calls = [
        from_phone("201", code + first_of(case), then=[(0.4, "REFER", refer(case))], hold=1.5)
        for case in cases
    ]
    with ScriptedCarrier(pbx, ANSWERS) as carrier, Phone(pbx, "101") as desk:
        results = place(pbx, calls)
        received = [message for message in carrier.messages() if message.direction == "received"]
        day = Day(results, carrier.calls(), received, desk.calls())
        hang_up_all(pbx)
    return day


def by_carrier(pbx: Pbx, cases: Sequence[Sent], code: str = "") -> Day:
    """The person called sends the telephone on."""
    scripts = {
        first_of(case): [(*ANSWERS, Say(method="REFER", headers=refer(case), after=0.4))] for case in cases
    }
    with ScriptedCarrier(pbx, ANSWERS, by_number=scripts) as carrier, Phone(pbx, "101") as desk:
        results = place(pbx, [from_phone("201", code + first_of(case), hold=1.8) for case in cases])
        received = [message for message in carrier.messages() if message.direction == "received"]
        day = Day(results, carrier.calls(), received, desk.calls())
        hang_up_all(pbx)
    return day


def by_redirection(pbx: Pbx, cases: Sequence[Sent]) -> Day:
    """Somebody calls the hotline, and its telephone sends the call on: each time elsewhere."""
    every = []
    with ScriptedCarrier(pbx, ANSWERS) as carrier, Phone(pbx, "101") as desk:
        for case in cases:
            said = Say(302, "Moved", [f"Contact: {case.to}", f'Diversion: "{NAME}" <sip:201@127.0.0.21>'])
            with ScriptedCarrier(pbx, [said], address=PHONES["201"]):
                caller = from_carrier(HOTLINE, f'"{NAME}" <sip:{CALLER}@127.0.0.3>', give_up=0.8, hold=0.3)
                every += place(pbx, [caller])
        received = [message for message in carrier.messages() if message.direction == "received"]
        day = Day(every, carrier.calls(), received, desk.calls())
        hang_up_all(pbx)
    return day


REDIRECTED: Final = [case for case in NOWHERE if NOWHERE.index(case) in (0, 1, 6, 8, 17, 20)]
ROUND: Final = [case for case in NOWHERE if NOWHERE.index(case) in (9, 10, 11)]
"""Names a technology of Asterisk's: `Dial` in the admin's own dialplan takes it at its word."""


@dataclass(frozen=True)
class Both:
    """All attacks with Callveil, and one of each without."""

    site: Site
    telephone: Day
    carrier: Day
    redirected: Day
    round: Day
    plain: Day
    plain_places: list[Place]


@pytest.fixture(scope="module")
def both(version: Version) -> Iterator[Both]:
    def without() -> tuple[Day, list[Place]]:
        with Pbx.start(version, "plain") as pbx:
            day = by_telephone(pbx, [SOMEWHERE[0]], "*67")
            return day, find_number(pbx, [], also=[SERIES, NAME])

    with ThreadPoolExecutor(1) as pool:
        control = pool.submit(without)
        with Pbx.start(version, "callveil", overlay()) as pbx:
            site = Site(pbx)
            before = pbx.exec("pidof asterisk").stdout
            telephone = by_telephone(pbx, REFERRED)
            carrier = by_carrier(pbx, BY_CARRIER)
            redirected = by_redirection(pbx, REDIRECTED)
            around = by_redirection(pbx, ROUND)
            assert pbx.exec("pidof asterisk").stdout == before
            yield Both(site, telephone, carrier, redirected, around, *control.result())


def dialled(day: Day) -> Counter[str]:
    return Counter(invite.dialled for invite in day.invites)


def test_a_telephone_sends_a_call_on_to_real_numbers_only_and_hidden(both: Both) -> None:
    assert all(result.answered for result in both.telephone.results)
    asked = dialled(both.telephone)
    onward = asked.pop(NEXT)
    assert asked == {first_of(case): 1 for case in REFERRED}
    assert 0 < onward <= len(SOMEWHERE)
    assert both.telephone.desk == []
    for invite in both.telephone.invites:
        assert FarEnd(invite).shown is None
        for header in ("Referred-By", "Replaces", "Diversion", "X-Injected", "P-Asserted-Identity"):
            assert invite.all(header) == []


def test_nobody_who_is_sent_on_is_told_by_whom_or_where_to(both: Both) -> None:
    for message in (*both.telephone.messages, *both.carrier.messages):
        # An ACK and a BYE repeat whom that very call was for.
        text = "\n".join(line for line in message.raw.splitlines() if not line.lower().startswith("to:"))
        for secret in (NAME, OFFICE, "Hotline", "Desk", "sip:201", "sip:101", "SHELL", WRONG[2:]):
            assert secret not in text
        if message.dialled != NEXT:
            assert NEXT[2:] not in text
    (_, onward) = sorted(both.plain.invites, key=lambda invite: invite.dialled)
    assert onward.dialled == NEXT
    assert NAME in "".join(onward.all("Referred-By"))
    assert FarEnd(onward).shown is not None


def test_a_carrier_sends_a_telephone_nowhere(both: Both) -> None:
    assert all(result.answered for result in both.carrier.results)
    assert dialled(both.carrier) == {first_of(case): 1 for case in BY_CARRIER}
    assert both.carrier.desk == []
    for invite in both.carrier.invites:
        assert FarEnd(invite).shown is None


def test_a_telephone_forwards_to_nobody_who_is_no_number(both: Both) -> None:
    assert dialled(both.redirected) == {}
    assert both.redirected.desk == []


def test_a_telephone_of_a_flagged_line_that_forwards_round_callveil_shows_no_caller(both: Both) -> None:
    """Its own name it does show, in Diversion: a trunk should have send_diversion=no."""
    assert set(dialled(both.round)) == {WRONG}
    for invite in both.round.invites:
        assert FarEnd(invite).shown is None
    for message in both.round.messages:
        for secret in (CALLER[2:], OFFICE, "Hotline"):
            assert secret not in message.raw


def test_nothing_ran_and_calls_go_as_ever_and_no_disk_holds_any_of_it(both: Both) -> None:
    pbx = both.site.pbx
    for container in pbx.containers:
        assert container.files(CANARY) == []
    with Carrier(pbx) as carrier:
        assert place_call(pbx, "201", NEXT).answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [None]
    pbx.wait_idle()
    assert find_number(pbx, [], also=[SERIES, NAME]) == []
    log = both.site.log()
    assert "DEBUG" in log
    assert "Traceback" not in log
    assert SERIES in {place.spelling for place in both.plain_places}
