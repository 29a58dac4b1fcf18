"""An admin's own dialplan that asks for the identity and then dials, beside the same without asking."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from attacks.raw_sip import RawCall, RawResult, from_phone, place
from attacks.test_hostile_dialling import CANARY, FORGED, HELP, HIDDEN, PHONES_EXTRA, RIGHT, SPOKEN
from callveil.answer import PRESENTED, TOKEN, WITHHELD
from callveil.decision import OUTSIDE_HOURS
from harness.images import RECIPES
from harness.leaks import find_number
from harness.pbx import Pbx, Version
from harness.sip import PBX_ADDRESS, Carrier, Phone, Taker
from harness.sipmessage import SipMessage
from program.far_end import FarEnd
from program.site import Site
from program.two_trunks import SECOND_ADDRESS, backup, policy_of_two
from program.ways import Column, Way, note_cell

pytestmark = pytest.mark.asterisk

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "own-dialplan.md"
REGISTERED: Final = "+12065550100"
SERIES: Final = "21255501"
SURVIVOR: Final = "+12125550165"

MORE: Final = """
[your-telephones]
exten => 101,1,Dial(PJSIP/101)
; The same without asking.
exten => _*99X.,1,Set(CALLERID(pres)=${IF($["${EXTEN:3:1}" = "0"]?prohib:allowed)})
 same => n,Dial(PJSIP/+${EXTEN:4}@trunk)
; An option that presents the caller ID again.
exten => _*94.,1,Gosub(callveil-identity,s,1(${EXTEN:3}))
 same => n,Dial(PJSIP/${VEIL_CALLED}@trunk,,f(${CALLERID(num)}))
; A trunk that is told of changes in the middle of a call, without what Callveil tells it then.
exten => _*95.,1,Gosub(callveil-identity,s,1(${EXTEN:3}))
 same => n,Set(__CONNECTED_LINE_SEND_SUB=)
 same => n,Dial(PJSIP/${VEIL_CALLED}@backup)
; By way of a Local channel.
exten => _*96.,1,Gosub(callveil-identity,s,1(${EXTEN:3}))
 same => n,Set(__CALLED=${VEIL_CALLED})
 same => n,Dial(Local/on@your-way/n)
exten => _*98.,1,Gosub(callveil-identity,s,1(${EXTEN:3}))
 same => n,Dial(PJSIP/${VEIL_CALLED}@trunk)
exten => _*93.,1,Gosub(callveil-identity,s,1(${EXTEN:3},no-such-trunk))
 same => n,Dial(PJSIP/${VEIL_CALLED}@trunk)
exten => canary,1,Set(GLOBAL(VEIL_CANARY)=${SHELL(touch CANARY)})

[your-way]
exten => on,1,Dial(PJSIP/${CALLED}@trunk)
""".replace("CANARY)}", CANARY + ")}")

KITCHEN: Final = """
; A telephone of no line.
[999](phone)
aors = 999
callerid = "Kitchen 999" <999>

[999]
type = aor
contact = sip:999@127.0.0.99:5060

[999]
type = identify
endpoint = 999
match = 127.0.0.99
"""


FORGED_HERE: Final = f"""
set_var = VEIL_ASK_IDENTITY=agi://127.0.0.1:9/identity
set_var = VEIL_OWNER=202
set_var = VEIL_ASKED=202
set_var = VEIL_HEARD=202
set_var = VEIL_TRUNK=carrier
set_var = VEIL_CALLED={FORGED}
set_var = VEIL_TYPED={FORGED}
set_var = VEIL_DECIDED=show
set_var = VEIL_TOLD_BEFORE=callveil-told,decided,1
"""
"""Of telephone 202, beside what it forges already."""


def examples() -> str:
    """The dialplan of the document's examples."""
    blocks = re.findall(r"```asterisk\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    return "\n".join(blocks)


def overlay() -> dict[str, str]:
    extensions = (RECIPES / "etc-asterisk/callveil/extensions.conf").read_text()
    assert "include => callveil-outbound" in extensions
    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    trunk = "[trunk]\ntype = endpoint\n"
    assert trunk in pjsip
    forging = 'callerid = "Hotline 202" <202>\n'
    assert forging in pjsip
    return {
        # The trunk is as the document says.
        "/etc/asterisk/pjsip.conf": pjsip.replace(trunk, trunk + "send_connected_line = no\n").replace(
            forging, forging + PHONES_EXTRA + FORGED_HERE
        )
        + backup()
        + KITCHEN,
        "/etc/asterisk/extensions.conf": extensions.replace(
            "include => callveil-outbound", "include => your-telephones"
        )
        + examples()
        + MORE,
    }


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    with Pbx.start(version, "callveil", overlay()) as pbx:
        started = Site(pbx)
        started.policy = policy_of_two("backup", "backup")
        started.load_policy(started.policy)
        yield started


def dial(site: Site, *calls: RawCall) -> tuple[list[RawResult], list[FarEnd]]:
    """Place calls at the same time; return what the telephones and what the carrier saw."""
    with Carrier(site.pbx) as carrier:
        results = place(site.pbx, calls)
        return results, [FarEnd(invite) for invite in carrier.calls()]


def kitchen(dialled: str) -> RawCall:
    """A call from the telephone that belongs to no line."""
    return RawCall(f"sip:{dialled}@127.0.0.1", '"Kitchen" <sip:999@127.0.0.99>', "127.0.0.99")


def test_the_far_end_sees_what_the_policy_decides(site: Site) -> None:
    with Carrier(site.pbx) as carrier:
        calls = {
            "+12125550165": from_phone("201", "+12125550165"),
            "+12125550166": from_phone("101", "(212) 555-0166"),
            "+18005550167": from_phone("101", "18005550167"),
            "+12125550168": from_phone("101", "*6712125550168"),
            "+12125550169": from_phone("201", "*8212125550169"),
            "+12125550170": kitchen("12125550170"),
            "911": from_phone("201", "*67911"),
            "933": from_phone("201", "933"),
            "+12125550161": from_phone("201", "*99012125550161"),
            "+12125550162": from_phone("201", "*99112125550162"),
        }
        results = dict(zip(calls, place(site.pbx, list(calls.values())), strict=True))
        arrived = {invite.dialled: FarEnd(invite) for invite in carrier.calls()}
    assert arrived.keys() == calls.keys()
    assert all(result.answered for result in results.values())
    assert {number: far.shown for number, far in arrived.items()} == {
        "+12125550165": None,
        "+12125550166": REGISTERED,
        "+18005550167": "+12065550177",
        "+12125550168": None,
        "+12125550169": None,
        "+12125550170": None,
        "911": REGISTERED,
        "933": REGISTERED,
        # Without asking: what Asterisk alone hides, and what it does not.
        "+12125550161": None,
        "+12125550162": "201",
    }
    for number in ("+12125550165", "+12125550168", "+12125550169", "+12125550170"):
        for secret in ("201", "101", "999", "Hotline", "Desk", "Kitchen", "2065550"):
            text = re.sub(r"tag=[^;>\s]+", "", arrived[number].identity_text)
            assert secret not in text, number
    assert arrived["+18005550167"].name == "Westside Clinic"
    # The refused code is said first.
    assert results["+12125550169"].loud_ms > 500
    for column, number in (
        (Column.HIDE, "+12125550165"),
        (Column.SUBSTITUTE, "+18005550167"),
        (Column.SHOW, "+12125550166"),
        (Column.EMERGENCY, "911"),
        (Column.WITHOUT, "+12125550162"),
    ):
        note_cell(Way.OWN_DIALPLAN, column, site.pbx.version, arrived[number])


def test_forged_variables_change_nothing(site: Site) -> None:
    _, arrived = dial(site, from_phone("202", RIGHT), from_phone("202", "9*67911"))
    assert {far.invite.dialled: far.shown for far in arrived} == {RIGHT: None, "911": REGISTERED}
    for far in arrived:
        assert FORGED[2:] not in far.invite.raw
        assert "Forged" not in far.invite.raw


def answer(decision: str, presentation: str, *rest: str) -> str:
    """An answer without its id; the last two of nine fields are what is called."""
    return "|".join((TOKEN, decision, presentation, *rest))


CALL: Final = ("+12125550171", "2125550171")
HIDES: Final = (REGISTERED, "", "hotline", "", "")
SHOWS: Final = (REGISTERED, "Main Office", "desk", "", "")
ASKS: Final = (REGISTERED, "", "hotline", "", OUTSIDE_HOURS)
DOUBTFUL: Final = (
    answer("hide", PRESENTED, *HIDES, *CALL),
    answer("hide", "prohib", *HIDES, *CALL),
    answer("hide", "prohibited", *HIDES, *CALL),
    answer("show", WITHHELD, *SHOWS, *CALL),
    answer("show", "", *SHOWS, *CALL),
    answer("hidden", WITHHELD, *HIDES, *CALL),
    answer("", WITHHELD, *HIDES, *CALL),
    answer("hide", WITHHELD, *HIDES, "", ""),
    answer("hide", WITHHELD, *HIDES, "PJSIP", "PJSIP"),
    answer("hide", WITHHELD, *HIDES, CALL[0]),
    answer("hide", WITHHELD, *HIDES, *CALL, "more"),
    answer("hide", WITHHELD, *HIDES, "", f"PJSIP/{CALL[0]}@trunk"),
    answer("hide", WITHHELD, *HIDES, *CALL).replace(TOKEN, "veil1"),
    answer("hide", WITHHELD, *HIDES, *CALL).replace(TOKEN, ""),
    "deny|",
)
GOOD: Final = answer("hide", WITHHELD, *HIDES, *CALL)


def test_a_doubtful_answer_makes_no_call_and_some_wait_for_a_key(site: Site) -> None:
    answers = {f"+1{301 + place}5550171": text for place, text in enumerate(DOUBTFUL)}
    good, asks = "+12125550171", "+12125550172"
    answers |= {good: GOOD, asks: answer("hide", WITHHELD, *ASKS, asks, asks)}
    site.stop()
    try:
        with Taker(site.pbx, PBX_ADDRESS, "agi_stub.py", {"answers": answers, "port": 4573}):
            (made, with_key, without_key, *refused), arrived = dial(
                site,
                from_phone("201", good),
                from_phone("201", asks, keys=[(0.7, "1")]),
                from_phone("101", asks, keys=[(0.7, "2")], give_up=25),
                *(from_phone("201", number, give_up=25) for number in answers if number not in (good, asks)),
            )
    finally:
        site.serve()
        site.wait_ready()
    assert Counter((far.invite.dialled, far.shown) for far in arrived) == {(good, None): 1, (asks, None): 1}
    assert made.answered
    assert with_key.answered
    for text, one in zip(("asked, and 2", *DOUBTFUL), (without_key, *refused), strict=True):
        assert one.statuses == [100, 183, 403], text
        assert one.loud_ms > 500, text


def test_before_a_second_trunk_the_same_is_decided_again(site: Site) -> None:
    with Carrier(site.pbx, 503) as carrier, Carrier(site.pbx, address=SECOND_ADDRESS) as second:
        place(site.pbx, [from_phone("201", "9" + SURVIVOR), from_phone("101", "912125550166")])
        for first_or_second in (carrier, second):
            shown = {invite.dialled: FarEnd(invite).shown for invite in first_or_second.calls()}
            assert shown == {SURVIVOR: None, "+12125550166": REGISTERED}


def test_a_trunk_that_the_policy_does_not_have_carries_no_hidden_call(site: Site) -> None:
    (hidden, shown), arrived = dial(
        site, from_phone("201", f"*93{SURVIVOR}", give_up=8), from_phone("101", "*9312125550166")
    )
    assert not hidden.answered
    assert hidden.loud_ms > 1500
    assert shown.answered
    assert [(far.invite.dialled, far.shown) for far in arrived] == [("+12125550166", REGISTERED)]


def test_where_a_trunk_cannot_hide_it_must_be_said_which_one_is_dialled(site: Site) -> None:
    # Asterisk's IAX sends the number and leaves hiding it to the next exchange.
    site.load_policy(site.policy.replace("PJSIP/{number}@backup", "IAX2/backup/{number}"))
    try:
        (unnamed, named), arrived = dial(
            site, from_phone("201", SURVIVOR, give_up=8), from_phone("201", "9" + SURVIVOR)
        )
    finally:
        site.load_policy(site.policy)
    assert not unnamed.answered
    assert unnamed.loud_ms > 1500
    assert named.answered
    assert [far.shown for far in arrived] == [None]


def test_an_option_of_dial_undoes_it(site: Site) -> None:
    """What the document warns of: the number beneath is presented."""
    _, arrived = dial(site, from_phone("201", f"*94{SURVIVOR}"))
    assert [far.shown for far in arrived] == [REGISTERED]


@dataclass(frozen=True)
class Transferred:
    """What the person called was sent in one call that its telephone hands to a colleague."""

    said: list[SipMessage]

    def names_the_colleague(self) -> bool:
        return any("Desk" in message.raw or "sip:101" in message.raw for message in self.said)


@pytest.fixture(scope="module")
def transferred(site: Site) -> dict[str, list[Transferred]]:
    refer = (0.6, "REFER", ["Refer-To: <sip:101@127.0.0.1>", "Referred-By: <sip:201@127.0.0.1>"])
    ways = {"asked": ("", 5), "by Local": ("*96", 2), "undone": ("*95", 1)}
    each = [way for way, (_, count) in ways.items() for _ in range(count)]
    calls = {f"+12125550{last}": way for last, way in enumerate(each, start=172)}
    dialled = [
        from_phone("201", ways[way][0] + number, then=[refer], hold=1.5) for number, way in calls.items()
    ]
    with (
        Carrier(site.pbx) as carrier,
        Carrier(site.pbx, address=SECOND_ADDRESS) as second,
        Phone(site.pbx, "101") as desk,
    ):
        place(site.pbx, dialled)
        messages = carrier.messages() + second.messages()
        ids = {invite.dialled: invite.call_id for invite in carrier.calls() + second.calls()}
        assert len(desk.calls()) == len(dialled)
        site.pbx.cli("channel request hangup all")
        site.pbx.wait_idle()
    found: dict[str, list[Transferred]] = {way: [] for way in ways}
    for number, way in calls.items():
        said = [one for one in messages if one.direction == "received" and one.call_id == ids[number]]
        found[way].append(Transferred(said))
    return found


@pytest.mark.parametrize("way", ["asked", "by Local"])
def test_a_transfer_does_not_tell_the_person_called_who_is_next(
    transferred: dict[str, list[Transferred]], way: str
) -> None:
    for one in transferred[way]:
        assert FarEnd(one.said[0]).shown is None
        assert not one.names_the_colleague(), [message.raw for message in one.said]


def test_a_trunk_that_is_told_of_changes_is_told_the_colleagues_name(
    transferred: dict[str, list[Transferred]],
) -> None:
    (one,) = transferred["undone"]
    assert FarEnd(one.said[0]).shown is None
    assert one.names_the_colleague()


def test_what_no_telephone_should_dial_is_refused_and_help_is_reached(site: Site) -> None:
    before = site.pbx.exec("pidof asterisk").stdout
    texts = [text for text in (*SPOKEN, *HELP, *HIDDEN) if text is not None]
    results: dict[tuple[str, str], RawResult] = {}
    reached: list[FarEnd] = []
    for front in ("", "*98"):
        calls = [from_phone("201", front + text, give_up=2.5) for text in texts]
        for start in range(0, len(calls), 40):
            placed, arrived = dial(site, *calls[start : start + 40])
            reached += arrived
            results.update(zip(((front, text) for text in texts[start : start + 40]), placed, strict=True))
    assert site.pbx.exec("pidof asterisk").stdout == before
    assert site.pbx.files(CANARY) == []
    assert "VEIL_CANARY" not in site.pbx.cli("dialplan show globals")
    for (front, text), result in results.items():
        if text in SPOKEN:
            assert not result.answered, (front, text)
        elif text in HELP or front == "":
            assert result.answered, (front, text)
    # Given as an argument, a number with a comma in it is refused.
    asked = Counter((far.invite.dialled, far.shown) for far in reached)
    told_apart = sum("," in text for text in HIDDEN)
    assert asked == {("911", REGISTERED): 2 * len(HELP), (RIGHT, None): 2 * len(HIDDEN) - told_apart}
    # The control: an extension that does expand such words.
    place(site.pbx, [from_phone("201", "canary")])
    assert site.pbx.files(CANARY) == [CANARY]
    site.pbx.exec(["rm", CANARY])


@pytest.mark.parametrize("outage", ["stopped", "frozen"])
def test_without_callveil_nothing_is_shown_and_help_is_reached(site: Site, outage: str) -> None:
    with site.away(outage):
        began = time.monotonic()
        (hidden, forged, shown, help_, help_with_code), arrived = dial(
            site,
            from_phone("201", SURVIVOR, give_up=15),
            from_phone("202", SURVIVOR, give_up=15),
            from_phone("101", "912125550166", give_up=15),
            from_phone("201", "911"),
            from_phone("201", "*98*67911"),
        )
        assert time.monotonic() - began < 13
    assert not forged.answered
    for refused in (hidden, shown):
        assert not refused.answered
        assert refused.statuses[-1] == 403
        assert refused.loud_ms > 1500
    assert help_.answered
    assert help_with_code.answered
    assert [(far.invite.dialled, far.shown) for far in arrived] == [("911", REGISTERED)] * 2


def test_afterwards_calls_go_as_ever_and_no_disk_holds_a_number(site: Site) -> None:
    (result,), arrived = dial(site, from_phone("201", SURVIVOR))
    assert result.answered
    assert [far.shown for far in arrived] == [None]
    site.pbx.wait_idle()
    assert site.records_settled() == []
    assert find_number(site.pbx, SURVIVOR, also=[SERIES]) == []
