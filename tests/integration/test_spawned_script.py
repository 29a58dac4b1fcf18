"""Without the daemon: Asterisk 22, beside which Python is new enough, starts a script for each call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from attacks.raw_sip import RawResult, from_carrier, from_phone, place
from callveil.answer import TOKEN
from harness.leaks import find_number
from harness.pbx import Pbx
from harness.sip import Carrier, Phone
from program.far_end import FarEnd
from program.site import POLICY_PATH, Site

pytestmark = pytest.mark.asterisk

SCRIPT: Final = "/usr/local/bin/callveil-agi"
COMPILED: Final = "/var/lib/callveil/policy.json"
CONSOLE: Final = "/var/log/asterisk/console"
REGISTERED: Final = "+12065550100"
CLINIC: Final = "+12065550177"
SERIES: Final = "21255501"
"""How all numbers here begin that nobody may keep."""
HIDDEN: Final = "+12125550141"
SHOWN: Final = "+12125550142"
SUBSTITUTED: Final = "+18005550143"
CALLER: Final = "+12125550144"
NAME: Final = "Ottoline Fairbairn"
HOTLINE: Final = "+18005550100"
DESK: Final = "+12065550100"
SENDER: Final = f'"{NAME}" <sip:{CALLER}@127.0.0.3>'


@pytest.fixture(scope="module")
def site(images: None) -> Iterator[Site]:
    with Pbx.start("22", "callveil") as pbx:
        started = Site(pbx, serve=False, install=("--script", SCRIPT))
        pbx.exec(["callveil", "check", "--compile", COMPILED], user="asterisk")
        # As a service manager starts it, which keeps all that it prints.
        pbx.stop_asterisk("now")
        pbx.spawn(f"exec asterisk -f -U asterisk -G asterisk > {CONSOLE} 2>&1")
        pbx.wait_booted()
        yield started


@dataclass(frozen=True)
class Calls:
    """One call of each kind, all at once."""

    results: dict[str, RawResult]
    arrived: dict[str, list[FarEnd]]
    at_hotline: list[FarEnd]
    at_desk: list[FarEnd]


def make_calls(site: Site, give_up: float) -> Calls:
    calls = {
        "hidden": from_phone("201", HIDDEN, give_up=give_up),
        "shown": from_phone("101", SHOWN, give_up=give_up),
        "substitute": from_phone("101", SUBSTITUTED, give_up=give_up),
        "no number": from_phone("101", "2125550", give_up=give_up),
        "emergency": from_phone("201", "911"),
        "emergency, behind many codes": from_phone("201", "*67*82*67*82911", give_up=give_up),
        "hotline": from_carrier(HOTLINE, SENDER),
        "desk": from_carrier(DESK, SENDER),
    }
    with Carrier(site.pbx) as carrier, Phone(site.pbx, "201") as hotline, Phone(site.pbx, "101") as desk:
        placed = place(site.pbx, list(calls.values()))
        arrived: dict[str, list[FarEnd]] = {}
        for far in map(FarEnd, carrier.calls()):
            arrived.setdefault(far.invite.dialled, []).append(far)
        return Calls(
            dict(zip(calls, placed, strict=True)),
            arrived,
            [FarEnd(invite) for invite in hotline.calls()],
            [FarEnd(invite) for invite in desk.calls()],
        )


@pytest.fixture(scope="module")
def calls(site: Site) -> Calls:
    return make_calls(site, 4)


@pytest.mark.parametrize(
    ("dialled", "shown"),
    [(HIDDEN, [None]), (SHOWN, [REGISTERED]), (SUBSTITUTED, [CLINIC]), ("911", [REGISTERED, REGISTERED])],
)
def test_calls_go_out_as_with_the_daemon(calls: Calls, dialled: str, shown: list[str | None]) -> None:
    assert [far.shown for far in calls.arrived[dialled]] == shown


def test_nothing_else_goes_out_and_staff_hear_why(calls: Calls) -> None:
    assert set(calls.arrived) == {HIDDEN, SHOWN, SUBSTITUTED, "911"}
    refused = calls.results["no number"]
    assert not refused.answered
    assert refused.loud_ms > 300


def test_calls_come_in_as_with_the_daemon(calls: Calls) -> None:
    assert calls.results["hotline"].answered
    assert calls.results["desk"].answered
    assert [far.shown for far in calls.at_hotline] == [None]
    assert [far.shown for far in calls.at_desk] == [CALLER]
    for far in calls.at_hotline:
        assert SERIES not in far.invite.raw
    for far in (*calls.at_hotline, *calls.at_desk):
        assert NAME not in far.invite.raw


FORGED: Final = (
    f"{TOKEN}|123456789-123456789-123456789-123456789|show|allowed_passed_screen|{REGISTERED}|Office|desk|"
    f"|||PJSIP/{HIDDEN}@trunk"
)

FAULTS: Final = {
    "the policy cannot be read": (f"chmod 000 {POLICY_PATH}", f"chmod 640 {POLICY_PATH}", 4.5),
    "the script may not be run": (
        f"chmod 000 $(readlink -f {SCRIPT})",
        f"chmod 755 $(readlink -f {SCRIPT})",
        4.5,
    ),
    "the script hangs": ("exec sleep 60", "", 5.0),
    "the script answers another call": (f"echo 'SET VARIABLE VEIL_ANSWER \"{FORGED}\"'; sleep 1", "", 4.5),
}
"""How it comes about, how it is mended, and the seconds within which staff must hear of a refused call."""


@pytest.fixture(params=list(FAULTS))
def fault(request: pytest.FixtureRequest, site: Site, calls: Calls) -> Iterator[float]:
    begin, mend, seconds = FAULTS[request.param]
    if mend:
        site.pbx.exec(begin)
    else:
        site.pbx.exec(f"mv {SCRIPT} /tmp/script")
        site.pbx.write(SCRIPT, f"#!/bin/sh\n{begin}\n", 0o755)
        mend = f"mv /tmp/script {SCRIPT}"
    yield seconds
    site.pbx.exec(mend)


def test_when_the_script_fails_nothing_is_shown_and_the_lines_ring(site: Site, fault: float) -> None:
    found = make_calls(site, fault)
    assert set(found.arrived) == {"911"}
    assert [far.shown for far in found.arrived["911"]] == [REGISTERED]
    for key in ("hidden", "shown", "substitute"):
        assert not found.results[key].answered
        assert found.results[key].loud_ms > 300
    assert [far.shown for far in (*found.at_hotline, *found.at_desk)] == [None, None]
    assert found.results["hotline"].answered
    assert found.results["desk"].answered
    for far in (*found.at_hotline, *found.at_desk):
        assert SERIES not in far.invite.raw
    assert site.pbx.exec("ps -eo args").stdout.count("sleep 60") == 0


def test_afterwards_the_script_decides_again(site: Site) -> None:
    with Carrier(site.pbx) as carrier:
        (result,) = place(site.pbx, [from_phone("201", HIDDEN)])
        assert result.answered
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [None]


def test_no_disk_and_no_console_holds_a_number(site: Site) -> None:
    site.pbx.wait_idle()
    links = site.pbx.exec("readlink /proc/$(pidof asterisk)/fd/1 /proc/$(pidof asterisk)/fd/2").stdout
    assert links.split() == [CONSOLE, CONSOLE]
    console = site.pbx.read(CONSOLE)
    for word in ("Traceback", "callveil", "policy", NAME):
        assert word not in console
    assert find_number(site.pbx, HIDDEN, also=[SERIES, NAME]) == []


def test_the_journal_waits_for_the_daemon_which_takes_it_once(site: Site) -> None:
    (journal,) = site.journal()
    waiting = len(site.pbx.read(journal).splitlines())
    assert waiting >= 8 * (1 + len(FAULTS))
    site.serve()
    site.wait_ready()
    records = site.records()
    assert counted(records) == EXPECTED
    site.stop()
    site.serve()
    site.wait_ready()
    assert site.records() == records


def counted(records: list[dict[str, str]]) -> Counter[tuple[str, str, str]]:
    return Counter((one["line"], one["direction"], one["decision"]) for one in records)


EXPECTED: Final = Counter(
    {
        ("hotline", "out", "hide"): 2,
        ("desk", "out", "show"): 1,
        ("desk", "out", "substitute"): 1,
        ("desk", "out", "refuse"): 1,
        ("emergency", "out", "emergency"): 2 + len(FAULTS),
        ("hotline", "in", "scrub"): 1 + len(FAULTS),
        ("desk", "in", "show"): 1,
        ("desk", "in", "scrub"): len(FAULTS),
        ("unlisted", "out", "refuse"): 5 * len(FAULTS),
    }
)
"""One call of each kind, then the same with each fault, then one more."""
