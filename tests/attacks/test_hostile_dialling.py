"""A telephone that dials what no telephone should: nothing runs, nothing is shown, help is reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from attacks.raw_sip import RawCall, RawResult, from_phone, percent, place
from callveil.answer import TOKEN
from harness.leaks import find_number
from harness.pbx import Pbx, Version, wait_for
from harness.sip import Carrier, Phone, place_call
from harness.sipmessage import SipMessage
from program.far_end import FarEnd
from program.site import LOG, Site

pytestmark = pytest.mark.asterisk

REGISTERED: Final = "+12065550100"
SERIES: Final = "21255501"
"""How all numbers here begin that must not be found anywhere."""
WRONG: Final = "12125550181"
"""Stands in everything that must not be called."""
STRANGER: Final = "+49301234567"
RIGHT: Final = "+12125550182"
TEXTED: Final = "+12125550183"
NEXT: Final = "+12125550185"
BARE: Final = "*99"
"""In front of a number that is called without any of Callveil's dialplan, as a control."""
TRANSFERS: Final = {
    "+12125550191": "101",
    "+12125550192": NEXT,
    "+12125550193": "(212) 555-0185",
    BARE + "+12125550194": "101",
}
"""Who is called, and whom that call is transferred to."""
FORGED: Final = "+12065550186"
CANARY: Final = "/var/tmp/veil-canary"

SPOKEN: Final = (
    WRONG + '"',
    WRONG + "\\",
    WRONG + ",1",
    WRONG + "&PJSIP/101",
    WRONG + "|PJSIP/101",
    WRONG + "@trunk",
    WRONG + f"${{SHELL(touch {CANARY})}}",
    WRONG + f"${{EVAL(${{SHELL(touch {CANARY})}})}}",
    WRONG + "${SET(GLOBAL(VEIL_CANARY)=1)}",
    WRONG + f")}}${{SHELL(touch {CANARY})}}",
    WRONG + ":",
    WRONG + "]",
    WRONG + "$[1/0]",
    WRONG + "?callveil-leg,out,1",
    WRONG + f"\r\nSystem: touch {CANARY}",
    WRONG + "\n\n",
    WRONG + "\x7f",
    WRONG + "😀",
    WRONG + "\udcff\udcfe",
    WRONG.replace("5", "\uff15"),
    # Asterisk keeps 79 characters of what is dialled.
    WRONG * 8,
    WRONG + "1" * 4096,
    "1" * 81,
    # The end of a function's argument, and a part of what it returns: only the number in front would remain.
    WRONG + "):0:11",
    WRONG + "00):0:-2",
    "911):0:3",
    # What is typed after an answer must not be taken for a part of the number: it would ring a stranger.
    STRANGER + "p12",
    STRANGER + ",12",
    STRANGER + ";12",
    "*67",
    "*67*67",
    "*82",
    "*67*82*67",
    "911abc",
    "911911",
    "+911",
    "#911",
    "911*67",
    "((",
    "(p",
    "00",
    "0" * 60,
    "+" + "9" * 40,
    "9*#+*#+*",
)
"""No call, and staff hear why."""

SILENT: Final = (
    "9",
    "1-",
    "*",
    "abc",
    '"' + WRONG,
    "$" + WRONG,
    f"${{SHELL(touch {CANARY})}}",
    "\\" + WRONG,
    "x" + WRONG,
    "out@callveil-leg",
    "callveil-leg",
    "callveil-dial",
    "T",
    "s",
    "h",
    "i",
    "t",
    "o",
    "a",
    "go",
    "out",
    "ask",
    "say",
    "call",
    "hide",
    "show",
    "ring",
    "scrub",
    "number",
    "trunk",
    "emergency",
    "cannot-hide",
)
"""No call, and a plain refusal: Asterisk knows no such extension."""

HELP: Final = (
    "911",
    "*67911",
    "*82911",
    "*67*82911",
    "*67*82*67*82*67911",
    "*67,911",
    "*67;911",
    "*67 911",
    "*67p911",
    "*67-911",
    "911,",
    "911;",
    "911#",
    "*67911#",
    "9-1-1",
    "(911)",
    "(*67) 911",
    "911;phone-context=+1",
    "911;phone-context=example.com;x=%22",
    "911\x00" + WRONG,
)
"""Reaches help with the registered number, whatever stands around it."""

HIDDEN: Final = (
    RIGHT,
    RIGHT + ",",
    RIGHT + f";phone-context=${{SHELL(touch {CANARY})}}",
    "1 (212) 555-0182",
    "(212) 555-0182",
    "1-212.555.0182",
    "*67" + RIGHT,
    "*67," + RIGHT,
    "*67;" + RIGHT,
    "*67p" + RIGHT,
    "*67w w" + RIGHT,
    "*67 (212) 555-0182",
    "*82*67" + RIGHT,
    "*67*82" + RIGHT,
    "*82*67p*82," + RIGHT,
    RIGHT + "\x00" + "@trunk",
)
"""Odd, but clear: the call is made, and is hidden."""

PHONES_EXTRA: Final = f"""
trust_id_inbound = yes
set_var = VEIL_ANSWER={TOKEN}|1|show|allowed_passed_screen|{FORGED}|Forged|desk||||PJSIP/{FORGED}@trunk
set_var = VEIL_ID=1
set_var = VEIL_FROM=101
set_var = VEIL_DECISION=show
set_var = VEIL_SET=yes
set_var = VEIL_WHY=callveil/not-made
set_var = VEIL_NEUTRAL={FORGED}
set_var = VEIL_EMERGENCY_CALLERID={FORGED}
set_var = VEIL_ASK_OUTBOUND=agi://127.0.0.1:9/outbound
set_var = __VEIL_PRES=allowed_passed_screen
set_var = __VEIL_NUMBER={FORGED}
set_var = __VEIL_NAME=Forged
set_var = __VEIL_DIALS=PJSIP/{FORGED}@trunk
set_var = __SIPREFERREDBYHDR=<sip:{FORGED}@127.0.0.1>
set_var = CALLERID(pres)=allowed_passed_screen
set_var = CALLERID(name)=Forged
set_var = CALLERID(ani)={FORGED}
set_var = REDIRECTING(from-num)={FORGED}
set_var = REDIRECTING(count)=1
set_var = TIMEOUT(absolute)=2.5
"""
"""Of telephone 202, which is believed on who it is: all that a forged variable could say; a time limit."""

LIMIT: Final = 2.5

INTERNAL: Final = f"""
exten => 101,1,Dial(PJSIP/101)
exten => canary,1,Set(GLOBAL(VEIL_CANARY)=${{SHELL(touch {CANARY})}})
exten => _{BARE}+X.,1,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${{EXTEN:3}}@trunk)
"""
"""Extensions of the admin's own."""


def overlay() -> dict[str, str]:
    from harness.images import RECIPES

    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    before = 'callerid = "Hotline 202" <202>\n'
    assert before in pjsip
    extensions = (RECIPES / "etc-asterisk/callveil/extensions.conf").read_text()
    internal = "[from-internal]\n"
    assert internal in extensions
    return {
        "/etc/asterisk/pjsip.conf": pjsip.replace(before, before + PHONES_EXTRA),
        "/etc/asterisk/extensions.conf": extensions.replace(internal, internal + INTERNAL),
    }


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    with Pbx.start(version, "callveil", overlay()) as pbx:
        yield Site(pbx)


@dataclass(frozen=True)
class Dialled:
    """Everything dialled at once, and what came of it."""

    results: dict[str, RawResult]
    reached: list[FarEnd]


@pytest.fixture(scope="module")
def dialled(site: Site) -> Dialled:
    everything = [
        *((text, from_phone("201", text, give_up=2.5)) for text in (*SPOKEN, *SILENT)),
        *((text, from_phone("201", text)) for text in (*HELP, *HIDDEN)),
    ]
    before = site.pbx.exec("pidof asterisk").stdout
    with Carrier(site.pbx) as carrier:
        results: dict[str, RawResult] = {}
        for start in range(0, len(everything), 40):
            some = everything[start : start + 40]
            placed = place(site.pbx, [call for _, call in some])
            results.update((text, result) for (text, _), result in zip(some, placed, strict=True))
        reached = [FarEnd(invite) for invite in carrier.calls()]
    assert site.pbx.exec("pidof asterisk").stdout == before
    return Dialled(results, reached)


def name(text: str | None) -> str:
    return "" if text is None else text.encode("ascii", "backslashreplace").decode()[:40]


@pytest.mark.parametrize("text", SPOKEN, ids=name)
def test_what_is_no_number_is_not_called_and_staff_hear_why(dialled: Dialled, text: str) -> None:
    result = dialled.results[text]
    assert not result.answered
    assert 183 in result.statuses
    assert result.loud_ms > 300


@pytest.mark.parametrize("text", SILENT, ids=name)
def test_what_no_context_of_telephones_has_is_refused_plainly(dialled: Dialled, text: str) -> None:
    result = dialled.results[text]
    assert result.statuses[-1] in (400, 404, 484)
    assert 183 not in result.statuses


@pytest.mark.parametrize("text", HELP, ids=name)
def test_help_is_reached_whatever_stands_around_the_number(dialled: Dialled, text: str) -> None:
    assert dialled.results[text].answered


@pytest.mark.parametrize("text", HIDDEN, ids=name)
def test_what_is_odd_but_clear_is_called(dialled: Dialled, text: str) -> None:
    assert dialled.results[text].answered


def test_the_carrier_was_asked_for_nothing_else(dialled: Dialled) -> None:
    asked = Counter((one.invite.dialled, one.shown) for one in dialled.reached)
    assert asked == {("911", REGISTERED): len(HELP), (RIGHT, None): len(HIDDEN)}


def test_nothing_that_was_dialled_ran(site: Site, dialled: Dialled) -> None:
    for container in site.pbx.containers:
        assert container.files(CANARY) == []
    assert "VEIL_CANARY" not in site.pbx.cli("dialplan show globals")
    # The control: an extension that does expand such words, dialled in the same way.
    place(site.pbx, [from_phone("201", "canary")])
    assert site.pbx.files(CANARY) == [CANARY]
    assert "VEIL_CANARY=" in site.pbx.cli("dialplan show globals")
    site.pbx.exec(["rm", CANARY])


def test_forged_variables_change_nothing_and_the_admins_time_limit_holds(site: Site) -> None:
    with Carrier(site.pbx) as carrier:
        ordinary, help_ = place(
            site.pbx, [from_phone("202", RIGHT, hold=LIMIT + 1.2), from_phone("202", "911", hold=LIMIT + 1.2)]
        )
        reached = {far.invite.dialled: far for far in map(FarEnd, carrier.calls())}
    assert set(reached) == {RIGHT, "911"}
    assert reached[RIGHT].shown is None
    assert reached["911"].shown == REGISTERED
    for far in reached.values():
        assert FORGED[2:] not in far.invite.raw
        assert "Forged" not in far.invite.raw
    assert ended_by_the_pbx(ordinary)
    # But nothing cuts off a call for help.
    assert help_.answered
    assert not ended_by_the_pbx(help_)


def ended_by_the_pbx(result: RawResult) -> bool:
    return any(not message.status and message.method == "BYE" for message in result.received)


def test_forged_variables_do_not_stand_in_for_a_missing_answer(site: Site) -> None:
    site.stop()
    try:
        with Carrier(site.pbx) as carrier:
            calls = [from_phone("202", RIGHT, give_up=2.0), from_phone("202", "911")]
            refused, help_ = place(site.pbx, calls)
            reached = [(one.invite.dialled, one.shown) for one in map(FarEnd, carrier.calls())]
    finally:
        site.serve()
        site.wait_ready()
    assert not refused.answered
    assert refused.loud_ms > 300
    assert help_.answered
    assert reached == [("911", REGISTERED)]


def test_a_text_message_does_not_make_a_telephone_ring(site: Site) -> None:
    address = "127.0.0.21"
    message = RawCall(
        f"sip:{TEXTED}@127.0.0.1",
        f"<sip:201@{address}>",
        address,
        headers=["Content-Type: text/plain"],
        method="MESSAGE",
        body="I will be there at five",
        give_up=2,
    )
    with Carrier(site.pbx) as carrier:
        (result,) = place(site.pbx, [message])
        assert result.statuses == [202]
        # What would come of the message has come before this call.
        assert place_call(site.pbx, "201", RIGHT).answered
        assert [invite.dialled for invite in carrier.calls()] == [RIGHT]


@dataclass(frozen=True)
class Transferred:
    """One hidden call that its telephone hands on."""

    result: RawResult
    said: list[SipMessage]
    """All that the person called was sent in that call, from the INVITE on."""


@pytest.fixture(scope="module")
def transferred(site: Site) -> dict[str, Transferred]:
    calls = [
        from_phone(
            "201",
            first,
            then=[
                (
                    0.6,
                    "REFER",
                    [f"Refer-To: <sip:{percent(to)}@127.0.0.1>", "Referred-By: <sip:201@127.0.0.1>"],
                )
            ],
            hold=1.5,
        )
        for first, to in TRANSFERS.items()
    ]
    with Carrier(site.pbx) as carrier, Phone(site.pbx, "101") as desk:
        results = place(site.pbx, calls)
        invites, messages = carrier.calls(), carrier.messages()
        assert len(desk.calls()) == 2
        # Who transferred has left; the others would stay for ever.
        site.pbx.cli("channel request hangup all")
        wait_for("the end of all calls", lambda: not calls_now(site))
    assert Counter(invite.dialled for invite in invites) == {
        **{first.removeprefix(BARE): 1 for first in TRANSFERS},
        NEXT: 2,
    }
    return {
        first: Transferred(
            result,
            [
                message
                for message in messages
                if message.direction == "received"
                and message.call_id
                in [one.call_id for one in invites if one.dialled == first.removeprefix(BARE)]
            ],
        )
        for first, result in zip(TRANSFERS, results, strict=True)
    }


@pytest.mark.parametrize("first", [first for first in TRANSFERS if not first.startswith(BARE)])
def test_a_transferred_call_stays_hidden(transferred: dict[str, Transferred], first: str) -> None:
    one = transferred[first]
    assert one.result.answered
    for message in one.said:
        for secret in ("Desk", "Hotline", "sip:101", "sip:201", "sip:out", "2065550", NEXT[2:]):
            assert secret not in message.raw
        assert FarEnd(message).all("P-Asserted-Identity") == []


def test_without_callveil_a_transfer_shows_the_next_telephone(transferred: dict[str, Transferred]) -> None:
    """The control: a call that Asterisk alone hides, on the same server."""
    (first,) = (one for one in TRANSFERS if one.startswith(BARE))
    invite, *later = transferred[first].said
    assert FarEnd(invite).shown is None
    assert any("Desk 101" in message.raw for message in later)


def test_a_telephone_that_names_itself_in_a_hidden_call_is_not_heard(site: Site) -> None:
    named = [(0.6, "UPDATE", [f'P-Asserted-Identity: "Forged" <sip:{FORGED}@127.0.0.22>'])]
    with Carrier(site.pbx) as carrier:
        results = place(site.pbx, [from_phone("202", text, then=named) for text in (RIGHT, BARE + NEXT)])
        said = [message.raw for message in carrier.messages() if message.direction == "received"]
        mine, control = sorted(carrier.calls(), key=lambda invite: invite.dialled)
    assert [result.answered for result in results] == [True, True]
    assert (mine.dialled, control.dialled) == (RIGHT, NEXT)
    assert FarEnd(mine).shown is None
    assert not told(said, mine.call_id)
    # A call that Asterisk alone hides, on the same server.
    assert FarEnd(control).shown is None
    assert told(said, control.call_id)


def told(said: list[str], call_id: str) -> bool:
    """Whether the far end of one call was told what the telephone says of itself."""
    return any(call_id in raw and FORGED in raw for raw in said)


HOLDERS: Final = """
import socket, sys, time
peers = []
until = time.monotonic() + 4
print("on", flush=True)
while time.monotonic() < until:
    for junk in (b"", b"agi_network_script: outbound\\nagi_", b"\\0" * 100, b"GET / HTTP/1.1\\r\\n\\r\\n"):
        try:
            peer = socket.create_connection(("127.0.0.1", 4573), 1)
            peer.sendall(junk)
            peers.append(peer)
        except OSError:
            pass
    if len(peers) > 400:
        for peer in peers[:200]:
            peer.close()
        del peers[:200]
    time.sleep(0.005)
"""


def test_calls_are_decided_while_others_crowd_the_door(site: Site) -> None:
    """Hundreds of connections that say nothing, or rubbish, to the very port where calls are decided."""
    with ThreadPoolExecutor(1) as pool, Carrier(site.pbx) as carrier:
        crowd = pool.submit(site.pbx.tools.exec, ["python3", "-c", HOLDERS], timeout=30)
        wait_for("the crowd", lambda: crowd_size(site) > 150, 10)
        results = place(site.pbx, [from_phone("201", RIGHT) for _ in range(8)])
        assert crowd_size(site) > 50
        assert crowd.result().stdout == "on\n"
        shown = [FarEnd(invite).shown for invite in carrier.calls()]
    assert [result.answered for result in results] == [True] * 8
    assert shown == [None] * 8


def crowd_size(site: Site) -> int:
    table = site.pbx.read("/proc/net/tcp").splitlines()
    return sum(" 0100007F:11DD 0100007F:" in line and line.split()[3] == "01" for line in table)


def test_afterwards_calls_go_as_ever_and_no_disk_holds_what_was_dialled(site: Site, dialled: Dialled) -> None:
    with Carrier(site.pbx) as carrier:
        assert place_call(site.pbx, "101", RIGHT).answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [REGISTERED]
    wait_for("the end of all calls", lambda: not calls_now(site))
    assert find_number(site.pbx, RIGHT, also=[SERIES, "there at five"]) == []
    log = site.pbx.callveil.read(LOG)
    assert "DEBUG" in log
    assert "Traceback" not in log


def calls_now(site: Site) -> list[str]:
    """All channels, without the one that Asterisk keeps for text messages once there was one."""
    lines = site.pbx.cli("core show channels concise").splitlines()
    return [line for line in lines if "!" in line and not line.startswith("Message/")]
