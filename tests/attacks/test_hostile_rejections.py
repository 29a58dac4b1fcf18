"""A far end that answers what no carrier should: the call stays hidden, nothing runs, nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from harness.images import RECIPES
from harness.leaks import Place, find_number
from harness.pbx import Pbx, Version
from harness.scripted import ANSWERS, Reply, Say, ScriptedCarrier
from harness.sip import Carrier, Phone, place_call
from harness.sipmessage import SipMessage
from program.far_end import FarEnd
from program.site import Site
from program.two_trunks import SECOND_ADDRESS, backup, policy_of_two

pytestmark = pytest.mark.asterisk

SERIES: Final = "21255501"
"""How all numbers here begin that must not be found anywhere."""
NAME: Final = "Quillon"
"""Stands in every name that a far end gives itself."""
OTHER: Final = "+12125550190"
"""Stands in everything that must not be called."""
OFFICE: Final = "2065550"
CANARY: Final = "/var/tmp/veil-canary"
SHELL: Final = f"${{SHELL(touch {CANARY})}}"
UNSAFE: Final = "*99"
"""In front of a number that is called by a dialplan that trusts the words of the far end, as a control."""

WORDS: Final = (
    "",
    " ",
    "hangup",
    SHELL,
    f"Anonymity {SHELL}",
    f"${{EVAL({SHELL})}}",
    f"anonym) {SHELL}",
    "anonym):0:3",
    ")}):0:3 anonym",
    "$[1/0] ${VEIL_DIALS} ${CALLERID(num)}",
    '"',
    'anonym"] | "1" = "1',
    "\\",
    'anonym\\"\\\\',
    "x,1)?callveil-emergency-call,emergency,1:",
    "anonym?callveil-rejected,again,1",
    "yes|yes&PJSIP/101",
    f"PJSIP/{OTHER}@trunk",
    f"call {OTHER} {NAME}",
    "433 Anonymity 433",
    "\tanonym\t",
    "Ärger 😀 жанна",
    "\udcff\udcfe anonym \udced\udca0\udc80",
    "x" * 4096,
    "${" * 700,
    "anonym " * 500,
)
"""Words beside a status."""

REASONS: Final = (
    'Q.850;cause=24;text="WORDS"',
    'SIP;cause=433;text="WORDS"',
    f'Q.850;cause={SHELL};text="WORDS"',
    "Q.850;cause=99999999999999999999",
    "Q.850;cause=-1;text=WORDS",
    'Q.850\r\n ;cause=24\r\n\t;text="WORDS"',
    'Q.850;cause=16, SIP;cause=200;text="WORDS"',
    'Q.850;cause=24;text="WORDS',
    ";;;=;",
)
"""Values of the header Reason."""

MOVED: Final = (
    f"<sip:{OTHER}@127.0.0.1>",
    f"<sip:{OTHER}@127.0.0.3>",
    f"<sip:PJSIP%2F{OTHER}%40trunk@127.0.0.1>",
    f"<sip:{OTHER}&PJSIP/101@127.0.0.1>",
    "<sip:PJSIP%2F101@127.0.0.1>",
    "<sip:101@127.0.0.11>",
    "<sip:911@127.0.0.1>",
    f"<sip:{SHELL.replace(' ', '%20')}@127.0.0.1>",
    f'"{NAME}" <tel:{OTHER}>',
    f"sip:{'9' * 4096}@127.0.0.1",
    "<sip:\udcff\udcfe@127.0.0.1>",
    "*",
)
"""Where a far end says that it has gone."""


@dataclass(frozen=True)
class Case:
    """What a far end answers to a hidden call.

    Attributes:
        key: the case's name.
        said: the messages, in order.
    """

    key: str
    said: Sequence[Say]


STATUSES: Final = (433, 403, 503, 486, 603, 480, 500)

CASES: Final = (
    *(
        Case(f"words {number}", (Say(STATUSES[number % len(STATUSES)], words),))
        for number, words in enumerate(WORDS)
    ),
    *(
        Case(
            f"reason {number}",
            (Say(503, "Unavailable", [f"Reason: {value.replace('WORDS', WORDS[number + 3])}"]),),
        )
        for number, value in enumerate(REASONS)
    ),
    *(
        Case(f"moved {number}", (Say(302, f"Moved {SHELL}", [f"Contact: {contact}"]),))
        for number, contact in enumerate(MOVED)
    ),
    Case("a status that there is not", (Say(699, "anonym"),)),
    Case("twice", (Say(433, "Anonymity"), Say(200, "OK"))),
)
"""Refused or redirected: there is no call."""


def identity(words: str, number: str = OTHER) -> list[str]:
    """Headers by which a far end says who it is."""
    return [
        f'P-Asserted-Identity: "{NAME} {words}" <sip:{number}@127.0.0.3>',
        f'Remote-Party-ID: "{NAME} {words}" <sip:{number}@127.0.0.3>;party=called;privacy=off;screen=yes',
        f'Diversion: "{NAME}" <sip:{number}@127.0.0.3>;reason=unconditional',
        f'History-Info: "{NAME}" <sip:{number}@127.0.0.3?Reason=SIP%3Bcause%3D302>;index=1',
        f'Contact: "{NAME}" <sip:{number}@127.0.0.3:5060>',
        f"Server: {NAME}",
        f"Warning: 399 x {words}",
    ]


NAMES: Final = (
    "",
    SHELL,
    '\\"\\\\',
    "):0:3",
    ",1)?callveil-rejected,again,1:",
    "hangup",
    "x" * 4000,
    "😀 жанна",
    "\udcff\udcfe",
)

ANSWERED: Final = tuple(
    Case(
        f"named by {method} {number}",
        (
            Say(181, f"Forwarded {words}"[:400], identity(words)),
            Say(180, "Ringing", identity(words)),
            Say(183, "Progress", identity(words)),
            Say(200, "OK", identity(words)),
            Say(method=method, headers=identity(words, f"{OTHER}{SHELL_URI}"), after=0.25),
            Say(method="INFO", headers=identity(words), after=0.2),
        ),
    )
    for method, SHELL_URI in (("UPDATE", ""), ("INVITE", "%24%7BSHELL%28id%29%7D"))
    for number, words in enumerate(NAMES)
)
"""Taken, and named again and again."""


KEYS: Final = [case.key for case in (*CASES, *ANSWERED)]


CONTROLS: Final = ("words 18", "moved 2", "named by INVITE 0")
"""What is tried without Callveil, too."""


def number(case: Case) -> str:
    """Whom the call of a case is for."""
    return f"+1{SERIES}{KEYS.index(case.key):02}"


TRUSTED: Final = f"""
[backup]
type = identify
endpoint = backup
match = {SECOND_ADDRESS}
"""

TRUSTING: Final = f"""
exten => _{UNSAFE}+X.,1,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${{EXTEN:3}}@trunk)
 same => n,Set(WORDS=${{EVAL(${{HANGUPCAUSE(${{HANGUPCAUSE_KEYS()}},tech)}})}})
 same => n,Hangup()
"""
"""An extension of the admin's own."""

HOTLINE_RULE: Final = "    allow_show: false\n"


def overlay() -> dict[str, str]:
    etc = RECIPES / "etc-asterisk"
    extensions = (etc / "callveil/extensions.conf").read_text()
    internal = "[from-internal]\n"
    assert internal in extensions
    pjsip = (etc / "common/pjsip.conf").read_text()
    return {
        "/etc/asterisk/pjsip.conf": pjsip + backup("send_rpid = yes", "trust_id_inbound = yes") + TRUSTED,
        "/etc/asterisk/extensions.conf": extensions.replace(internal, internal + TRUSTING),
    }


@dataclass(frozen=True)
class Day:
    """What came of all calls.

    Attributes:
        results: what the telephone saw, by the case's key.
        messages: all that the carrier received.
        failed_over: the calls that the other carrier received.
        rung: the calls that the program's own telephones received.
    """

    results: dict[str, RawResult]
    messages: list[SipMessage]
    failed_over: list[SipMessage]
    rung: list[SipMessage]

    @property
    def asked(self) -> list[SipMessage]:
        """The INVITE that began each call at the carrier."""
        first: dict[str, SipMessage] = {}
        for message in self.messages:
            if message.method == "INVITE" and not message.status:
                first.setdefault(message.call_id, message)
        return list(first.values())


def spend(pbx: Pbx, cases: Sequence[Case], code: str = "") -> Day:
    """Place a call of each case on the hotline's telephone."""
    scripts = {number(case): [case.said] for case in cases}
    with (
        ScriptedCarrier(pbx, ANSWERS, by_number=scripts) as carrier,
        ScriptedCarrier(pbx, Reply(486), address=SECOND_ADDRESS) as second,
        Phone(pbx, "101") as desk,
        Phone(pbx, "202") as other,
    ):
        results: dict[str, RawResult] = {}
        for start in range(0, len(cases), 36):
            some = cases[start : start + 36]
            calls = [from_phone("201", code + number(case), give_up=5, hold=1.2) for case in some]
            results.update(zip([case.key for case in some], place(pbx, calls), strict=True))
        pbx.wait_idle()
        received = [message for message in carrier.messages() if message.direction == "received"]
        return Day(results, received, second.calls(), [*desk.calls(), *other.calls()])


@dataclass(frozen=True)
class Both:
    """All cases with Callveil, and some of them without."""

    site: Site
    veiled: Day
    plain: Day
    plain_places: list[Place]


@pytest.fixture(scope="module")
def both(version: Version) -> Iterator[Both]:
    def without() -> tuple[Day, list[Place]]:
        control = [case for case in (*CASES, *ANSWERED) if case.key in CONTROLS]
        with Pbx.start(version, "plain") as pbx:
            day = spend(pbx, control, "*67")
            return day, find_number(pbx, [], also=[SERIES, OTHER])

    with ThreadPoolExecutor(1) as pool:
        control = pool.submit(without)
        with Pbx.start(version, "callveil", overlay()) as pbx:
            site = Site(pbx)
            policy = policy_of_two("backup", "backup").replace(
                HOTLINE_RULE, HOTLINE_RULE + "    show_after_rejection: false\n"
            )
            assert "show_after_rejection" in policy
            change(site, policy)
            before = process(site)
            veiled = spend(pbx, (*CASES, *ANSWERED))
            assert process(site) == before
            yield Both(site, veiled, *control.result())


def change(site: Site, policy: str) -> None:
    """Give the program another policy, as an admin does."""
    site.write_policy(policy)
    site.pbx.callveil.exec(["callveil", "check"])
    site.pbx.callveil.exec(["callveil", "install"])
    site.pbx.cli("dialplan reload")
    site.stop()
    site.serve()
    site.wait_ready()


def process(site: Site) -> tuple[str, str]:
    """Which process Asterisk is, and since when."""
    pid = site.pbx.exec("pidof asterisk").stdout.strip()
    return pid, site.pbx.exec(f"stat -c %Y /proc/{pid}").stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_there_is_no_call_and_no_other_is_made(both: Both, case: Case) -> None:
    result = both.veiled.results[case.key]
    assert not result.answered
    assert max(result.statuses) >= 400
    mine = [invite for invite in both.veiled.asked if invite.dialled == number(case)]
    assert len(mine) == 1
    assert sum(invite.dialled == number(case) for invite in both.veiled.failed_over) <= 1


@pytest.mark.parametrize("case", ANSWERED, ids=lambda case: case.key)
def test_whoever_the_far_end_says_it_is_the_call_stands(both: Both, case: Case) -> None:
    assert both.veiled.results[case.key].answered
    assert number(case) not in [invite.dialled for invite in both.veiled.failed_over]


def test_nobody_else_is_called_and_every_call_is_hidden(both: Both) -> None:
    asked = Counter(invite.dialled for invite in both.veiled.asked)
    assert asked == {number(case): 1 for case in (*CASES, *ANSWERED)}
    assert {invite.dialled for invite in both.veiled.failed_over} < set(asked)
    assert both.veiled.failed_over, "no call took the other trunk"
    assert both.veiled.rung == []
    for invite in (*both.veiled.asked, *both.veiled.failed_over):
        assert FarEnd(invite).shown is None
    for message in both.veiled.messages:
        for secret in (OFFICE, "Hotline", "sip:201", "127.0.0.21", "P-Asserted-Identity: <", "Desk"):
            assert secret not in message.raw


def test_the_telephone_is_told_nothing_of_what_the_far_end_says(both: Both) -> None:
    text = said_to_the_telephone(both.veiled)
    for secret in (NAME, OTHER, "SHELL", "anonym", "Q.850;cause=24;text"):
        assert secret not in text
    control = said_to_the_telephone(both.plain)
    assert NAME in control
    assert OTHER in control


def said_to_the_telephone(day: Day) -> str:
    return "".join(message.raw for result in day.results.values() for message in result.received)


def test_without_callveil_the_far_end_sends_the_call_on(both: Both) -> None:
    assert OTHER in [invite.dialled for invite in both.plain.asked]


def test_no_words_ran(both: Both) -> None:
    pbx = both.site.pbx
    for container in pbx.containers:
        assert container.files(CANARY) == []
    # The control: an extension that does take such words for its own.
    case = next(case for case in CASES if case.said[0].reason == SHELL)
    with ScriptedCarrier(pbx, case.said):
        place(pbx, [from_phone("201", UNSAFE + number(case), give_up=3)])
    assert pbx.files(CANARY) == [CANARY]
    pbx.exec(["rm", CANARY])


def test_every_call_is_recorded_as_what_it_was(both: Both) -> None:
    records = both.site.records()
    have = Counter((one["line"], one["direction"], one["decision"]) for one in records)
    assert have == {("hotline", "out", "hide"): len(CASES) + len(ANSWERED)}
    answered = sum(one["disposition"] == "ANSWERED" for one in records)
    assert answered == len(ANSWERED)


def test_afterwards_calls_go_as_ever_and_no_disk_holds_what_was_said(both: Both) -> None:
    pbx = both.site.pbx
    with Carrier(pbx) as carrier:
        assert place_call(pbx, "201", number(CASES[0])).answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [None]
    pbx.wait_idle()
    assert find_number(pbx, [], also=[SERIES, OTHER, NAME]) == []
    log = both.site.log()
    assert "DEBUG" in log
    assert "Traceback" not in log
    found = {place.spelling for place in both.plain_places}
    assert found >= {SERIES, OTHER}
