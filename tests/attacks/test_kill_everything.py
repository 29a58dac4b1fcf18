"""kill -9 of Callveil, of Asterisk, of both, under load: each call that Asterisk finished is stored once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from harness.crowd import Crowd, Dialling, Script, Step
from harness.pbx import JOURNAL, Version, wait_for
from harness.sip import CARRIER_ADDRESS, PHONES
from program.ledger import OVERLAY, finished, stored
from program.site import LOG, Site

pytestmark = pytest.mark.asterisk

HOTLINE: Final = "+18005550100"
OFFICE: Final = "+12065550100"
CALLER: Final = f"<sip:+16175550164@{CARRIER_ADDRESS}>"
TAKEN, BUSY = "+15035550164", "+14585550164"

TAKE: Final[list[Step]] = [("ring",), ("wait", 0.25), ("answer",)]
SCRIPTS: Final[dict[str, Script]] = {
    TAKEN: TAKE,
    "201": TAKE,
    BUSY: [("refuse", "486 Busy Here")],
    "101": [("refuse", "486 Busy Here")],
}
TALK: Final[list[Step]] = [("wait", 0.3), ("bye",)]

LOAD: Final = (
    Dialling(PHONES["201"], TAKEN, steps=TALK),  # out, hidden
    Dialling(CARRIER_ADDRESS, HOTLINE, CALLER, steps=TALK),  # in, answered
    Dialling(PHONES["101"], TAKEN, steps=TALK),  # out, shown
    Dialling(CARRIER_ADDRESS, OFFICE, CALLER, steps=TALK),  # in, nobody free: voicemail
    Dialling(CARRIER_ADDRESS, HOTLINE, CALLER, give_up=0.2),  # in, the caller gives up
    Dialling(PHONES["201"], BUSY),  # out, busy
    Dialling(CARRIER_ADDRESS, HOTLINE, CALLER, steps=TALK),
    Dialling(PHONES["101"], TAKEN, give_up=0.2),  # out, given up
    Dialling(PHONES["201"], "99999999999", give_up=0.4),  # refused
)

PLAN: Final = ["callveil"] * 8 + ["asterisk"] * 3 + ["both"] * 5
CALLS_A_ROUND: Final = 22

KILL: Final = """
import glob, os, sys
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try: words = open(path, "rb").read().split(b"\\0")
    except OSError: continue
    name = words[0].rpartition(b"/")[2]
    asterisk = name == b"asterisk" and b"-f" in words
    callveil = b"serve" in words and any(word.endswith(b"/callveil") for word in words)
    if asterisk and "asterisk" in sys.argv or callveil and "callveil" in sys.argv:
        os.kill(int(path.split("/")[2]), 9)
        print("asterisk" if asterisk else "callveil")
"""


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    """A PBX whose Asterisk and Callveil are started again whenever they end, as systemd would."""
    with Site.start(version, serve=False, **OVERLAY) as started:
        pbx = started.pbx
        pbx.stop_asterisk("kill")
        pbx.spawn("while true; do asterisk -f -U asterisk -G asterisk; done")
        pbx.callveil.spawn(f"while true; do callveil serve >> {LOG} 2>&1; sleep 0.1; done", user="asterisk")
        pbx.wait_booted()
        started.wait_ready()
        yield started


@pytest.fixture(scope="module")
def crowd(site: Site) -> Iterator[Crowd]:
    """All telephones and the carrier."""
    with Crowd(site.pbx, [CARRIER_ADDRESS, PHONES["101"], PHONES["201"]], SCRIPTS) as everybody:
        yield everybody


def kill(site: Site, what: str) -> list[str]:
    """Kill a part, or both at once, and return what was killed."""
    pbx = site.pbx
    parts = ["asterisk", "callveil"] if what == "both" else [what]
    places = {pbx.pbx, pbx.callveil}
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda place: place.exec(["python3", "-c", KILL, *parts]).stdout.split(), places)
        return [one for some in said for one in some]


def kill_under_load(site: Site, crowd: Crowd, plan: Sequence[str], chance: random.Random) -> Counter[str]:
    """Keep calls coming, kill by plan at moments that nobody chose, and return how many of each died."""
    killed: Counter[str] = Counter()
    for number, what in enumerate(plan):
        first = number * CALLS_A_ROUND
        crowd.call(
            Dialling(**{**vars(LOAD[(first + one) % len(LOAD)]), "after": one * 0.06})
            for one in range(CALLS_A_ROUND)
        )
        time.sleep(chance.uniform(0.3, 1.2))
        killed.update(kill(site, what))
        if what != "callveil":
            site.pbx.wait_booted()
    return killed


def settle(site: Site) -> None:
    """Wait until all calls have ended and Callveil has heard of them."""
    site.pbx.wait_booted()
    site.wait_ready()
    site.pbx.wait_idle(40)
    wait_for("the journal to be taken", lambda: not site.journal(), 40)


def test_each_finished_call_is_stored_once_whatever_is_killed(site: Site, crowd: Crowd) -> None:
    chance = random.Random(4)  # noqa: S311
    plan = list(PLAN)
    chance.shuffle(plan)
    killed = kill_under_load(site, crowd, plan, chance)
    settle(site)
    truth, rows = finished(site), stored(site)
    found = {row.key for row in rows}
    assert killed.total() >= 20
    assert min(killed["asterisk"], killed["callveil"]) >= 8
    assert len(truth) >= 200
    assert len(rows) == len(found)
    assert len(truth - found) == 0, f"{len(truth - found)} of {len(truth)} calls are lost"
    # Asterisk can be killed between the line in the journal and the one in the ledger.
    assert len(found - truth) <= killed["asterisk"]
    assert {
        ("out", "hide", "ANSWERED"),
        ("out", "show", "ANSWERED"),
        ("out", "hide", "BUSY"),
        ("out", "refuse", "NO ANSWER"),
        ("in", "scrub", "ANSWERED"),
        ("in", "scrub", "NO ANSWER"),
    } <= {row[1:] for row in rows}


def test_with_events_alone_a_kill_of_callveil_loses_calls(site: Site, crowd: Crowd) -> None:
    """The control: the same without a journal, and the same two witnesses see the loss."""
    before = finished(site)
    site.pbx.exec(f"chown root:root {JOURNAL} && chmod 700 {JOURNAL}")
    try:
        kill_under_load(site, crowd, ["callveil"] * 4, random.Random(5))  # noqa: S311
        site.wait_ready()
        site.pbx.wait_idle(40)
        time.sleep(2)
        truth, found = finished(site) - before, {row.key for row in stored(site)}
        assert len(truth) >= 30
        assert len(truth & found) >= 5
        assert len(truth - found) >= 3
    finally:
        site.pbx.exec(f"chown asterisk:asterisk {JOURNAL} && chmod 2770 {JOURNAL}")
