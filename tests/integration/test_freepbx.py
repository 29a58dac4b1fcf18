"""FreePBX's trunk hook, on a dialplan that does with an outbound call what FreePBX's does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from attacks.raw_sip import RawCall, RawResult, from_phone, place
from attacks.test_hostile_dialling import CANARY, RIGHT, SPOKEN
from harness.images import RECIPES
from harness.leaks import find_number
from harness.pbx import Pbx, Version
from harness.sip import Carrier
from program.far_end import FarEnd
from program.freepbx import INCLUDE, files, put, set_hook, set_user
from program.site import Site
from program.two_trunks import SECOND_ADDRESS, backup, policy_of_two
from program.ways import Column, Way, note_cell

pytestmark = pytest.mark.asterisk

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "freepbx.md"
REGISTERED: Final = "+12065550100"
SERIES: Final = "21255501"
OWN_EMERGENCY: Final = "+12065550188"
OUTBOUND: Final = "+12065550186"


@dataclass(frozen=True)
class Seen:
    """What came of some calls."""

    results: list[RawResult]
    first: list[FarEnd]
    """What the first trunk of most routes received; it refuses them all."""
    all: list[FarEnd]
    """What the carrier received."""

    @property
    def arrived(self) -> dict[str, FarEnd]:
        """What the carrier received, by the number that it was asked for."""
        return {far.invite.dialled: far for far in self.all}

    @property
    def shown(self) -> Counter[tuple[str, str | None]]:
        """The numbers that the carrier was asked for, and what it was shown."""
        return Counter((far.invite.dialled, far.shown) for far in self.all)


def dial(site: Site, *calls: RawCall) -> Seen:
    """Place calls at the same time."""
    with Carrier(site.pbx) as carrier, Carrier(site.pbx, 503, address=SECOND_ADDRESS) as first:
        results = place(site.pbx, calls)
        return Seen(
            results,
            [FarEnd(invite) for invite in first.calls()],
            [FarEnd(invite) for invite in carrier.calls()],
        )


@pytest.fixture(scope="module")
def unhooked_site(version: Version) -> Iterator[Site]:
    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    pjsip += backup("send_connected_line = no")
    with Pbx.start(version, "callveil", {"/etc/asterisk/pjsip.conf": pjsip, **files(version)}) as pbx:
        site = Site(pbx)
        site.policy = policy_of_two("first", "backup")
        site.load_policy(site.policy)
        # Two telephones with a caller ID of FreePBX's, and one that it hides; none has an emergency number.
        set_user(site.pbx, "101", "Desk Quill", outbound=f'"Jane Quill" <{OUTBOUND}>')
        set_user(site.pbx, "201", "Hotline Quill")
        set_user(site.pbx, "202", "Night Quill", outbound=f"hidden <{OUTBOUND}>")
        yield site


@dataclass(frozen=True)
class Both:
    """The same PBX before and after the admin's one line."""

    site: Site
    before: Seen


@pytest.fixture(scope="module")
def both(unhooked_site: Site) -> Both:
    before = dial(
        unhooked_site,
        from_phone("101", "+12125550141"),
        from_phone("201", "+12125550142"),
        from_phone("202", "+12125550143"),
        from_phone("201", "*67+12125550144"),
        from_phone("202", "911"),
    )
    line = re.search(r"^ +(#include .*)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    assert line[1] == INCLUDE.strip()
    set_hook(unhooked_site.pbx, INCLUDE)
    said = unhooked_site.pbx.cli("dialplan show macro-dialout-trunk-predial-hook")
    assert "callveil-freepbx" in said
    return Both(unhooked_site, before)


@pytest.fixture
def site(both: Both) -> Site:
    return both.site


def test_without_the_hook_the_far_end_sees_what_freepbx_shows(both: Both) -> None:
    arrived = both.before.arrived
    assert arrived["+12125550141"].shown == OUTBOUND
    assert arrived["+12125550141"].name == "Jane Quill"
    assert arrived["+12125550142"].shown == "201"
    assert arrived["+12125550142"].name == "Hotline Quill"
    assert arrived["+12125550143"].shown is None
    # A code goes down the trunk as it was dialled, and help is called with a hidden number.
    assert "*67+12125550144" in arrived
    assert arrived["911"].shown is None


def test_with_the_hook_it_sees_what_the_policy_decides(both: Both) -> None:
    site = both.site
    put(site.pbx, "DEVICE/999", "user", "999")
    seen = dial(
        site,
        from_phone("201", "+12125550145"),
        from_phone("101", "12125550146"),
        from_phone("101", "18005550147"),
        from_phone("101", "*6712125550148"),
        from_phone("201", "*8212125550149"),
        # By the trunk that puts a 1 in front of ten digits.
        from_phone("101", "2125550150"),
        from_phone("101", "*672125550151"),
        from_phone("201", "933"),
        from_phone("201", "*67988"),
    )
    assert all(result.answered for result in seen.results), [one.statuses for one in seen.results]
    shown = {number: far.shown for number, far in seen.arrived.items()}
    assert shown == {
        "+12125550145": None,
        "12125550146": REGISTERED,
        "18005550147": "+12065550177",
        "12125550148": None,
        "12125550149": None,
        "12125550150": REGISTERED,
        "12125550151": None,
        "933": REGISTERED,
        "988": REGISTERED,
    }
    # The trunk that was tried first has been told the same.
    for far in seen.first:
        assert far.shown == shown[far.invite.dialled]
    assert len(seen.first) == 7
    for number, expected in shown.items():
        text = re.sub(r"tag=[^;>\s]+", "", seen.arrived[number].identity_text)
        for secret in ("Quill", "Hotline", "Desk", OUTBOUND[2:], "sip:101", "sip:201"):
            assert secret not in text, number
        if expected is None:
            assert "2065550" not in text
    for column, arrived in (
        (Column.HIDE, seen.arrived["+12125550145"]),
        (Column.SUBSTITUTE, seen.arrived["18005550147"]),
        (Column.SHOW, seen.arrived["12125550146"]),
        (Column.EMERGENCY, seen.arrived["933"]),
        (Column.WITHOUT, both.before.arrived["+12125550142"]),
    ):
        note_cell(Way.FREEPBX, column, site.pbx.version, arrived)


def test_an_extension_that_belongs_to_no_line_shows_nothing(site: Site) -> None:
    # FreePBX lets a user sign in at another's telephone: who calls is what FreePBX says.
    put(site.pbx, "DEVICE/101", "user", "555")
    put(site.pbx, "AMPUSER/555", "cidname", "Guest Quill")
    try:
        seen = dial(site, from_phone("101", "+12125550152"))
    finally:
        put(site.pbx, "DEVICE/101", "user", "101")
    assert [far.shown for far in seen.arrived.values()] == [None]
    assert "Quill" not in seen.arrived["+12125550152"].invite.raw


OWN_HOOK: Final = f"""
[callveil-own-hook]
exten => s,1,Set(CALLERID(all)="Own Quill" <{OUTBOUND}>)
 same => n,ExecIf($["${{OUTNUM:-4}}" = "0159"]?Set(PREDIAL_HOOK_RET=BYPASS))
 same => n,Return()
"""


def test_the_admins_own_hook_runs_first(site: Site) -> None:
    set_hook(site.pbx, INCLUDE + OWN_HOOK)
    try:
        seen = dial(
            site,
            from_phone("201", "+12125550158"),
            from_phone("201", "+12125550159", give_up=8),
            from_phone("202", "911"),
        )
    finally:
        set_hook(site.pbx, INCLUDE)
    assert [result.answered for result in seen.results] == [True, False, True]
    assert seen.shown == {("+12125550158", None): 1, ("911", REGISTERED): 1}
    assert "Quill" not in seen.arrived["+12125550158"].invite.raw


def test_a_forwarded_call_does_not_say_for_whom_it_was(site: Site, both: Both) -> None:
    def forwarded() -> FarEnd:
        return dial(site, from_phone("201", "*9912125550153")).arrived["12125550153"]

    far = forwarded()
    assert far.shown is None
    assert far.all("Diversion") == []
    set_hook(site.pbx, "")
    try:
        assert forwarded().says("+18005550100")
    finally:
        set_hook(site.pbx, INCLUDE)


def test_on_an_emergency_route_help_is_called_with_a_registered_number(site: Site) -> None:
    calls = (from_phone("101", "911"), from_phone("101", "*67911"), from_phone("202", "*67911"))
    usual = dial(site, *calls)
    set_user(site.pbx, "101", "Desk Quill", outbound=f'"Jane Quill" <{OUTBOUND}>', emergency=OWN_EMERGENCY)
    try:
        own = dial(site, *calls)
    finally:
        set_user(site.pbx, "101", "Desk Quill", outbound=f'"Jane Quill" <{OUTBOUND}>')
    assert all(result.answered for result in (*usual.results, *own.results))
    assert usual.shown == {("911", REGISTERED): 3}
    # The telephone's own emergency number may say where in the building it stands.
    assert own.shown == {("911", OWN_EMERGENCY): 2, ("911", REGISTERED): 1}


def test_a_trunk_that_the_policy_does_not_have_carries_no_hidden_call(site: Site) -> None:
    without = site.policy.replace('  first: {dial: "PJSIP/{number}@backup"}\n', "")
    assert without != site.policy
    with policy(site, without):
        seen = dial(site, from_phone("201", "+12125550154", give_up=8), from_phone("101", "12125550155"))
    hidden, shown = seen.results
    assert not hidden.answered
    assert hidden.loud_ms > 1500
    assert shown.answered
    assert list(seen.arrived) == ["12125550155"]
    assert [far.invite.dialled for far in seen.first] == ["12125550155"]


@contextmanager
def policy(site: Site, text: str) -> Iterator[None]:
    """Another policy for a while."""
    site.load_policy(text)
    try:
        yield
    finally:
        site.load_policy(site.policy)


def test_what_no_telephone_should_dial_is_refused(site: Site) -> None:
    texts = [text for text in SPOKEN if text and "," not in text and not text.startswith(("911", "(9"))]
    seen = some_at_a_time(site, [from_phone("201", text, give_up=2.5) for text in texts])
    # What stands behind a comma, FreePBX cuts off before the hook: *67 alone remains of the second.
    cut = dial(site, from_phone("201", RIGHT + ",12"), from_phone("201", "*67,911", give_up=2.5))
    assert [result.answered for result in cut.results] == [True, False]
    assert cut.shown == {(RIGHT, None): 1}
    for text, result in zip(texts, seen, strict=True):
        assert not result.answered, text
    assert site.pbx.files(CANARY) == []


def some_at_a_time(site: Site, calls: Sequence[RawCall]) -> list[RawResult]:
    """Place many calls; the carrier must receive none of them."""
    results: list[RawResult] = []
    for start in range(0, len(calls), 40):
        seen = dial(site, *calls[start : start + 40])
        assert seen.arrived == {}
        assert seen.first == []
        results += seen.results
    return results


@pytest.mark.parametrize("outage", ["stopped", "frozen"])
def test_without_callveil_nothing_is_shown_and_help_is_reached(site: Site, outage: str) -> None:
    with site.away(outage):
        seen = dial(
            site,
            from_phone("201", "+12125550156", give_up=15),
            from_phone("101", "2125550157", give_up=15),
            from_phone("202", "911"),
            from_phone("201", "*67988"),
        )
    *refused, help_, helpline = seen.results
    for result in refused:
        assert not result.answered
        assert result.loud_ms > 1500
        assert result.statuses[-1] == 403
    assert help_.answered
    assert helpline.answered
    assert seen.shown == {("911", REGISTERED): 1, ("988", REGISTERED): 1}
    assert [(far.invite.dialled, far.shown) for far in seen.first] == [("988", REGISTERED)]


def test_afterwards_no_disk_holds_a_number(site: Site) -> None:
    site.pbx.wait_idle()
    assert site.records_settled() == []
    # What FreePBX itself keeps of its telephones is in Asterisk's database; survivors' numbers are not.
    assert find_number(site.pbx, "+12125550145", also=[SERIES]) == []
