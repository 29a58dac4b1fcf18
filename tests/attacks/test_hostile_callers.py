"""Callers, and carriers, who say what they should not: the line rings, and nothing of it stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import pytest
from attacks.raw_sip import RawCall, RawResult, from_carrier, place
from harness.ami import AmiTap
from harness.leaks import Place, find_number
from harness.pbx import Pbx, Version
from harness.sip import PHONES, Answerer, Carrier, Phone
from harness.sipmessage import SipMessage
from program.far_end import FarEnd
from program.site import LOG, Site

pytestmark = pytest.mark.asterisk

HOTLINE: Final = "+18005550100"
DESK: Final = "+12065550100"
NAME: Final = "Zsofia Quill"
SERIES: Final = "21255501"
"""How all numbers here begin that nobody should see. So every name ends like this one, too."""
CHANGED: Final = "+12125550191"
NEW_NAME: Final = "Rosalind Quill"
"""What a carrier says in the middle of a call."""
MOBILE: Final = "+12125550192"
STAFF: Final = "Jane Quill"
"""Where a telephone of the hotline forwards its calls to."""
STRANGER: Final = "+12125550193"
CANARY: Final = "/var/tmp/veil-canary"


@dataclass(frozen=True)
class Case:
    """One caller.

    Attributes:
        key: the case's name.
        name: the display name in From, as it stands on the wire.
        user: the user part of From; ``{N}`` is the caller's number.
        host: the host part of From.
        headers: further headers.
        shown: whether the office's telephone may show the number.
    """

    key: str
    name: str = f'"{NAME}"'
    user: str = "{N}"
    host: str = "127.0.0.3"
    headers: Sequence[str] = ()
    shown: bool = True


ANONYMOUS: Final = '"Anonymous"'
ASSERTED: Final = f'P-Asserted-Identity: "{NAME}" <sip:{{N}}@127.0.0.3>'
SHELL: Final = f"${{SHELL(touch {CANARY})}}"
SHELL_URI: Final = SHELL.replace("{", "%7B").replace("}", "%7D").replace(" ", "%20").replace("(", "%28")

CASES: Final = (
    Case("an ordinary caller", headers=[ASSERTED]),
    Case("a name that is a word of the protocol", name='"hangup"'),
    Case("a command in the name", name=f'"{NAME} {SHELL}"'),
    Case("a command in the number", user="{N}" + SHELL_URI),
    Case("a variable in the name", name=f'"{NAME} ${{CALLERID(num)}} $[1/0] ${{EVAL(${{SHELL(id)}})}}"'),
    Case("quotes in the name", name=f'"{NAME} \\"x\\" \\\\"'),
    Case("the dialplan's own signs", name=f'"{NAME},1)?callveil-leg,out,1:(&|@;]"'),
    Case("an argument that ends early", name=f'"{NAME}):0:0"', user="{N}%29%3A0%3A0", shown=False),
    Case("a name in two alphabets", name=f'"{NAME} Жанна 😀"'),
    Case("a name without quotes", name=NAME),
    Case("a name in two lines", name=f'"{NAME}"\r\n'),
    Case("letters around the number", user="abc{N}xyz"),
    Case("a line break in the number", user="{N}%0D%0AVia:x"),
    Case("a zero byte in the number", user="{N}%00abc"),
    Case("parameters behind the number", user="{N};npdi=yes;rn=+19175550199;cpc=ordinary"),
    Case("a number of many digits", user="{N}" + "9" * 600),
    Case("asserted twice", headers=[ASSERTED, "P-Asserted-Identity: <tel:{N}>"]),
    Case(
        "broken headers",
        headers=[f'P-Asserted-Identity: "{NAME} <sip:{{N}}', f'Diversion: "{NAME} <sip:{{N}}'],
    ),
    Case(
        "redirected",
        headers=[
            f'Diversion: "{NAME}" <sip:{{N}}@x>;reason="{{N}}";counter=999999999999;privacy=off',
            "History-Info: <sip:{N}@x?Reason=SIP%3Bcause%3D302>;index=1",
            "History-Info: <sip:{N}@x?Privacy=none>;index=1.1;rc=1",
        ],
    ),
    Case(
        "named in every other header",
        headers=[
            f'Referred-By: "{NAME}" <sip:{{N}}@x>',
            f'P-Preferred-Identity: "{NAME}" <sip:{{N}}@x>',
            "Reply-To: <sip:{N}@x>",
            f"Subject: {NAME} {{N}}",
            f"Organization: {NAME}",
            "Call-Info: <sip:{N}@x>;purpose=info",
            "User-to-User: {N};encoding=hex",
            'Reason: Q.850;cause=16;text="{N}"',
            "Geolocation: <sip:{N}@x>",
            "Identity: {N};info=<https://x>;alg=ES256",
            "Privacy: none",
            "X-Caller: {N}",
            "X-Name: " + NAME * 300,
        ],
    ),
    Case("no number at all", name=ANONYMOUS, user="anonymous", host="anonymous.invalid", shown=False),
    Case("withheld", headers=[ASSERTED, "Privacy: id"], shown=False),
    Case("withheld, in more words", headers=[ASSERTED, "Privacy: user;id;critical"], shown=False),
    Case(
        "withheld by From",
        name=ANONYMOUS,
        user="anonymous",
        host="anonymous.invalid",
        headers=[ASSERTED],
        shown=False,
    ),
    Case("withheld, and From says all", headers=["Privacy: id"], shown=False),
    Case("withheld by name", name='"RESTRICTED"', shown=False),
    Case("withheld by the host", host="anonymous.invalid", shown=False),
    Case(
        "withheld, the old way",
        user="anonymous",
        headers=["Remote-Party-ID: <sip:{N}@127.0.0.3>;party=calling;privacy=full;screen=yes"],
        shown=False,
    ),
    Case(
        "withheld in part, the old way",
        headers=["Remote-Party-ID: <sip:{N}@127.0.0.3>;party=calling;privacy=uri;screen=yes"],
        shown=False,
    ),
)


def number(case: Case) -> str:
    return f"+1{SERIES}{30 + CASES.index(case)}"


def call(case: Case, did: str) -> RawCall:
    caller = number(case)
    sender = f"{case.name} <sip:{case.user.replace('{N}', caller)}@{case.host}>"
    return from_carrier(did, sender, headers=[line.replace("{N}", caller) for line in case.headers])


def identity(who: str, what: str) -> str:
    return f'P-Asserted-Identity: "{what}" <sip:{who}@127.0.0.3>'


def renamed(did: str, method: str, hold: float) -> RawCall:
    """A call in the middle of which the carrier names the caller anew."""
    caller = number(CASES[0])
    return from_carrier(
        did,
        f'"{NAME}" <sip:{caller}@127.0.0.3>',
        headers=[identity(caller, NAME)],
        then=[(0.5, method, [identity(CHANGED, NEW_NAME)])],
        hold=hold,
    )


FORWARDS: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="forward">
  <recv request="INVITE"/>
  <send retrans="500"><![CDATA[
SIP/2.0 302 Moved Temporarily
[last_Via:]
[last_From:]
[last_To:];tag=[pid]f[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: "{STAFF}" <sip:{MOBILE}@127.0.0.1>
Diversion: "{STAFF}" <sip:201@127.0.0.21>;reason=unconditional
Content-Length: 0

]]></send>
  <recv request="ACK"/>
</scenario>
"""

ENVELOPES: Final = "/var/spool/asterisk/voicemail/default/200/INBOX/msg*.txt"


@dataclass
class Day:
    """All calls of one PBX.

    Attributes:
        hotline: what came of the calls of `CASES` to the hotline, by their keys.
        desk: the same of the office.
        at_hotline: all that the hotline's telephone received.
        at_desk: all that the office's telephone received.
        renamed: the calls whose caller was named anew.
        forwarded: the call that a telephone forwarded.
        onward: what the carrier received of it.
        told: all that Callveil's own account of the manager interface was told.
        envelopes: of the messages in the hotline's mailbox.
        logs: Asterisk's.
        places: where anything stands on the disks.
    """

    hotline: dict[str, RawResult] = field(default_factory=dict)
    desk: dict[str, RawResult] = field(default_factory=dict)
    at_hotline: list[SipMessage] = field(default_factory=list)
    at_desk: list[SipMessage] = field(default_factory=list)
    renamed: list[RawResult] = field(default_factory=list)
    forwarded: RawResult | None = None
    onward: list[SipMessage] = field(default_factory=list)
    told: str = ""
    envelopes: str = ""
    logs: str = ""
    places: list[Place] = field(default_factory=list)


def spend(pbx: Pbx, cases: Sequence[Case]) -> Day:
    """Place all calls, and look everywhere."""
    day = Day()
    anew = [renamed(did, method, 1) for did in (HOTLINE, DESK) for method in ("UPDATE", "INVITE")]
    unknown = RawCall(f"sip:{HOTLINE}@127.0.0.1", f"<sip:{STRANGER}@127.0.0.99>", "127.0.0.99", give_up=1)
    with Phone(pbx, "201") as hotline:
        *placed, one, two, _ = place(pbx, [*(call(case, HOTLINE) for case in cases), *anew[:2], unknown])
        day.hotline = dict(zip([case.key for case in cases], placed, strict=True))
        day.renamed += [one, two]
        day.at_hotline = received(hotline)
    with Answerer(pbx, PHONES["201"], FORWARDS), Carrier(pbx) as carrier:
        (day.forwarded,) = place(pbx, [call(cases[0], HOTLINE)])
        day.onward = carrier.calls()
    # Until the message is being recorded, which is when its envelope is written.
    message = renamed(HOTLINE, "UPDATE", 7.5)
    with Phone(pbx, "201", 486), Phone(pbx, "101") as desk:
        *placed, one, two, _ = place(pbx, [*(call(case, DESK) for case in cases), *anew[2:], message])
        day.desk = dict(zip([case.key for case in cases], placed, strict=True))
        day.renamed += [one, two]
        day.at_desk = received(desk)
    pbx.wait_idle()
    day.envelopes = "\n".join(pbx.read(path) for path in pbx.files(ENVELOPES))
    day.logs = pbx.exec("cat /var/log/asterisk/* 2>/dev/null", check=False).stdout
    day.places = find_number(pbx, CHANGED, also=[SERIES, NAME.split()[1]])
    return day


def received(phone: Answerer) -> list[SipMessage]:
    return [message for message in phone.messages() if message.direction == "received"]


@dataclass(frozen=True)
class Both:
    """The attacks with Callveil, and the first of them without it."""

    site: Site
    veiled: Day
    plain: Day


@pytest.fixture(scope="module")
def both(version: Version) -> Iterator[Both]:
    def without() -> Day:
        with Pbx.start(version, "plain") as pbx:
            return spend(pbx, CASES[:1])

    with ThreadPoolExecutor(1) as pool:
        control = pool.submit(without)
        with Site.start(version) as site:
            before = site.pbx.exec("pidof asterisk").stdout
            secret = site.pbx.callveil.read("/etc/callveil/ami.secret").strip()
            with AmiTap(site.pbx, "callveil", secret) as tap:
                veiled = spend(site.pbx, CASES)
                veiled.told = tap.raw.decode("utf-8", "replace")
            assert site.pbx.exec("pidof asterisk").stdout == before
            yield Both(site, veiled, control.result())


ONE_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


@ONE_CASE
def test_the_hotline_rings_whatever_the_caller_says(both: Both, case: Case) -> None:
    assert both.veiled.hotline[case.key].answered


@ONE_CASE
def test_the_office_rings_too_and_shows_a_number_or_nothing(both: Both, case: Case) -> None:
    assert both.veiled.desk[case.key].answered
    shown = [FarEnd(message).shown for message in rings(both.veiled.at_desk)]
    mine = [one for one in shown if one and one.startswith(number(case))]
    assert len(mine) == (1 if case.shown else 0) + (2 if case is CASES[0] else 0)
    for one in mine:
        assert re.fullmatch(r"\+[0-9]+", one)


def rings(messages: list[SipMessage]) -> list[SipMessage]:
    """The INVITE that began each call."""
    first: dict[str, SipMessage] = {}
    for message in messages:
        if message.method == "INVITE":
            first.setdefault(message.call_id, message)
    return list(first.values())


def test_each_call_rang_one_telephone_once(both: Both) -> None:
    assert len(rings(both.veiled.at_hotline)) == len(CASES) + 2
    assert len(rings(both.veiled.at_desk)) == len(CASES) + 2


def test_parameters_of_a_number_are_no_part_of_it(both: Both) -> None:
    (case,) = (one for one in CASES if one.key == "parameters behind the number")
    assert number(case) in [FarEnd(message).shown for message in rings(both.veiled.at_desk)]


def test_nothing_of_any_caller_reaches_the_hotlines_telephone(both: Both) -> None:
    text = "".join(message.raw for message in both.veiled.at_hotline)
    assert "INVITE sip:201@" in text
    for secret in (SERIES, *NAME.split(), *NEW_NAME.split(), "SHELL", "hangup"):
        assert secret not in text
    control = "".join(message.raw for message in both.plain.at_hotline)
    for secret in (number(CASES[0]), CHANGED, NAME, NEW_NAME):
        assert secret in control


def test_no_name_reaches_the_offices_telephone(both: Both) -> None:
    text = "".join(message.raw for message in both.veiled.at_desk)
    assert number(CASES[0]) in text
    for secret in (CHANGED[2:], *NAME.split(), *NEW_NAME.split(), "SHELL", "hangup"):
        assert secret not in text
    assert NEW_NAME in "".join(message.raw for message in both.plain.at_desk)


def test_a_caller_is_named_anew_and_the_call_goes_on(both: Both) -> None:
    assert [result.answered for result in both.veiled.renamed] == [True] * 4
    for result in both.veiled.renamed:
        again = [message.status for message in result.received if (message.header("CSeq") or "")[:2] == "2 "]
        assert again[-1] == 200


def test_a_message_left_meanwhile_has_no_caller(both: Both) -> None:
    assert "callerid=Unknown" in both.veiled.envelopes
    assert f'callerid="{NEW_NAME}" <{CHANGED}>' in both.plain.envelopes


def test_the_caller_is_not_told_who_answers(both: Both) -> None:
    def heard(day: Day, results: dict[str, RawResult]) -> str:
        return "".join(message.raw for one in [*results.values(), *day.renamed] for message in one.received)

    for results in (both.veiled.hotline, both.veiled.desk):
        text = heard(both.veiled, results)
        for secret in ("Hotline 201", "Desk 101", "sip:201", "sip:101"):
            assert secret not in text
    assert "Hotline 201" in heard(both.plain, both.plain.hotline)


def test_the_caller_is_not_told_where_a_call_is_forwarded_to(both: Both) -> None:
    assert both.veiled.forwarded
    assert both.veiled.forwarded.answered
    (onward,) = both.veiled.onward
    assert onward.dialled == MOBILE
    assert FarEnd(onward).shown is None
    assert number(CASES[0])[2:] not in onward.raw
    assert NAME not in onward.raw
    text = "".join(message.raw for message in both.veiled.forwarded.received)
    assert MOBILE[2:] not in text
    assert STAFF not in text
    assert both.plain.forwarded
    control = "".join(message.raw for message in both.plain.forwarded.received)
    assert MOBILE in control
    assert STAFF in control


def test_callveils_own_account_hears_of_every_call_and_of_no_caller(both: Both) -> None:
    assert both.veiled.told.count("Event: Cdr") >= 2 * len(CASES) + 4
    callers = [number(case) for case in CASES]
    for secret in (*callers, CHANGED, STRANGER, *NAME.split(), *NEW_NAME.split()):
        assert secret.removeprefix("+1") not in both.veiled.told


def test_no_disk_holds_any_of_it(both: Both) -> None:
    assert both.veiled.places == []
    assert SERIES not in both.veiled.logs
    spelled = {place.spelling for place in both.plain.places}
    assert spelled >= {CHANGED[2:], SERIES, NAME.split()[1]}
    for secret in (MOBILE, STRANGER):
        assert secret in both.plain.logs
    assert any(place.path == "/var/log/asterisk/cdr-csv/Master.csv" for place in both.plain.places)


def test_nothing_ran_and_callveils_own_log_is_quiet(both: Both) -> None:
    for container in both.site.pbx.containers:
        assert container.files(CANARY) == []
    log = both.site.pbx.callveil.read(LOG)
    assert "DEBUG" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "did", [HOTLINE + ";npdi=yes", HOTLINE + ";npdi;rn=+19175550199", HOTLINE[1:], HOTLINE[2:]]
)
def test_the_hotline_rings_however_its_number_is_written(both: Both, did: str) -> None:
    with Phone(both.site.pbx, "201") as phone:
        (result,) = place(both.site.pbx, [call(CASES[0], did)])
        assert result.answered
        assert [FarEnd(invite).shown for invite in phone.calls()] == [None]


def test_a_name_that_is_no_text_is_not_logged(both: Both) -> None:
    """Asterisk 22 warns of such a name, and would write it down together with the number."""
    caller = "+14155550173"
    names = ['"Mar\udced\udce1 Quist"', '"' + "Quist" * 20 + '"', '"' + "Quist" * 800 + '"']
    with Phone(both.site.pbx, "201") as phone:
        calls = [from_carrier(HOTLINE, f"{name} <sip:{caller}@127.0.0.3>") for name in names]
        assert [result.answered for result in place(both.site.pbx, calls)] == [True] * 3
        text = "".join(message.raw for message in received(phone))
    assert "Quist" not in text
    logs = both.site.pbx.exec("grep -rlE 'Quist|4155550173' /var/log /var/lib/callveil", check=False).stdout
    assert logs == ""


def test_a_text_message_to_the_hotline_does_not_ring(both: Both) -> None:
    message = RawCall(
        f"sip:{HOTLINE}@127.0.0.1",
        f'"{NAME}" <sip:{number(CASES[0])}@127.0.0.3>',
        "127.0.0.3",
        headers=["Content-Type: text/plain"],
        method="MESSAGE",
        body=f"{NAME} is on her way",
    )
    with Phone(both.site.pbx, "201") as phone:
        (result,) = place(both.site.pbx, [message])
        assert result.statuses == [202]
        # What would come of the message has come before this call.
        (after,) = place(both.site.pbx, [call(CASES[0], HOTLINE)])
        assert after.answered
        assert len(phone.calls()) == 1
