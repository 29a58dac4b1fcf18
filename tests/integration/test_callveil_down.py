"""Callveil stopped, killed or frozen: nothing is shown that should be hidden, and what must ring rings."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.leaks import find_number
from harness.pbx import Pbx, wait_for
from harness.sip import Carrier, Phone, place_call, ring_in
from program.far_end import FarEnd
from program.site import OUTAGES, Site

SURVIVOR = "+12125550161"
CALLER = "+12125550162"
NAME = "Wilhelmina Ashdown"

EXTENSIONS = "/etc/asterisk/extensions.conf"
ASKS = """\
exten => _*77.,1,AGI(agi://127.0.0.1:4573/hide)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk,30)
 same => n,Hangup()
"""


@pytest.fixture(scope="module")
def ledger(site: Site) -> Counter[str]:
    """What was done on this PBX, to be compared with the records at the end."""
    return Counter()


@pytest.fixture(params=list(OUTAGES))
def outage(request: pytest.FixtureRequest, site: Site) -> Iterator[str]:
    """Callveil is down while a test runs, and back after it."""
    with site.away(request.param):
        yield request.param


def test_a_call_that_must_be_hidden_is_not_made(site: Site, outage: str, ledger: Counter[str]) -> None:
    with Carrier(site.pbx) as carrier:
        began = time.monotonic()
        result = place_call(site.pbx, "201", SURVIVOR, timeout=20)
        took = time.monotonic() - began
        assert carrier.calls() == []
    ledger["refuse"] += 1
    assert not result.answered
    assert result.final_status == 403
    # The reason is spoken before the refusal; its first sound comes within five seconds.
    assert result.loud_ms > 1500
    assert took - result.heard_ms / 1000 < 5


def test_path_7_without_callveil_a_call_goes_on_unhidden_when_what_should_hide_it_is_down(plain: Pbx) -> None:
    """The usual way: a script is asked to hide the number, and the dialplan goes on when nobody answers."""
    head, begin, rest = plain.read(EXTENSIONS).partition("[from-internal]\n")
    plain.write(EXTENSIONS, f"{head}{begin}{ASKS}{rest}")
    plain.cli("dialplan reload")
    with Carrier(plain) as carrier:
        assert place_call(plain, "201", f"*77{SURVIVOR}").answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == ["201"]


def test_that_call_is_made_when_callveil_is_back(site: Site, ledger: Counter[str]) -> None:
    with Carrier(site.pbx) as carrier:
        ledger["hide"] += 1
        assert place_call(site.pbx, "201", SURVIVOR, timeout=20).answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [None]


@pytest.mark.parametrize("dialled", ["911", "*67911"])
def test_an_emergency_call_goes_out_with_the_registered_number(
    site: Site, outage: str, dialled: str, ledger: Counter[str]
) -> None:
    with Carrier(site.pbx) as carrier:
        began = time.monotonic()
        ledger["emergency"] += 1
        assert place_call(site.pbx, "201", dialled, hold_ms=100).answered
        assert time.monotonic() - began < 3
        (invite,) = carrier.calls()
    assert invite.dialled == "911"
    assert FarEnd(invite).shown == "+12065550100"


def test_the_hotline_rings_and_the_caller_is_scrubbed(site: Site, outage: str, ledger: Counter[str]) -> None:
    with Phone(site.pbx, "201") as phone:
        ledger["scrub"] += 1
        began = time.monotonic()
        assert ring_in(site.pbx, "+18005550100", CALLER, NAME, seconds=0.2).answered
        assert time.monotonic() - began < 3
        (invite,) = phone.calls()
    assert FarEnd(invite).shown is None
    assert CALLER[2:] not in invite.raw
    assert NAME not in invite.raw


def test_the_office_rings_too_without_the_number_it_may_show(
    site: Site, outage: str, ledger: Counter[str]
) -> None:
    with Phone(site.pbx, "101") as phone:
        ledger["scrub"] += 1
        began = time.monotonic()
        assert ring_in(site.pbx, "+12065550100", CALLER, NAME, seconds=0.2).answered
        assert time.monotonic() - began < 5
        (invite,) = phone.calls()
    assert FarEnd(invite).shown is None
    assert CALLER[2:] not in invite.raw


def test_a_question_on_its_way_when_callveil_freezes_ends_the_call(site: Site, ledger: Counter[str]) -> None:
    """In mid-flight: the connection is made, the answer never comes."""
    with Carrier(site.pbx) as carrier, ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(place_call, site.pbx, "201", SURVIVOR, timeout=25) for _ in range(8)]
        site.send(signal.SIGSTOP)
        results = [call.result() for call in calls]
        site.send(signal.SIGCONT)
        shown = [FarEnd(invite).shown for invite in carrier.calls()]
    answered = sum(result.answered for result in results)
    ledger.update({"hide": answered, "refuse": len(results) - answered})
    assert set(shown) <= {None}
    for result in results:
        assert result.answered or (result.final_status == 403 and result.loud_ms > 1500)
    assert answered == len(shown)


def test_a_stopped_callveil_ends_cleanly_and_a_reload_takes_effect(site: Site, ledger: Counter[str]) -> None:
    site.write_policy(site.policy.replace("outbound: hide\n", "outbound: clinic\n"))
    site.send(signal.SIGHUP)
    wait_for("the new policy", lambda: "Policy reloaded" in site.log())
    with Carrier(site.pbx) as carrier:
        place_call(site.pbx, "201", SURVIVOR)
        ledger["show"] += 1
        assert [FarEnd(invite).shown for invite in carrier.calls()] == ["+12065550177"]

    site.write_policy(site.policy.replace("version: 1", "version: 1\nversoin: 1"))
    site.send(signal.SIGHUP)
    wait_for("the refusal", lambda: "Policy refused" in site.log())
    with Carrier(site.pbx) as carrier:
        place_call(site.pbx, "201", SURVIVOR)
        ledger["show"] += 1
        assert [FarEnd(invite).shown for invite in carrier.calls()] == ["+12065550177"]

    site.write_policy(site.policy)
    site.send(signal.SIGHUP)
    wait_for("the first policy again", lambda: site.log().count("Policy reloaded") == 2)
    site.stop(signal.SIGTERM)
    assert site.log().rstrip().endswith("Callveil stopped")
    site.serve()
    site.wait_ready()


def test_afterwards_no_disk_holds_the_numbers_and_every_call_is_recorded_once(
    site: Site, ledger: Counter[str]
) -> None:
    with Carrier(site.pbx):
        place_call(site.pbx, "201", SURVIVOR)
    ledger["hide"] += 1
    assert Counter(record["decision"] for record in site.records()) == +ledger
    assert find_number(site.pbx, [SURVIVOR, CALLER], also=[NAME]) == []
