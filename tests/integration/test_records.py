"""Each call leaves one record, by event or by journal, also when Callveil dies, and no number on any disk."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from callveil.coarse import DURATIONS, coarsen_seconds
from harness.ami import AmiTap
from harness.leaks import find_number
from harness.pbx import wait_for
from harness.sip import FOREVER, CallResult, Carrier, Phone, place_call, ring_in
from program.site import SETTINGS, Site
from program.watch import Remembered, Watch, restart

pytestmark = pytest.mark.asterisk

HOTLINE = "+18005550100"
OFFICE = "+12065550100"
JOURNAL = "/var/spool/callveil"

# The last test looks for all of them. Numbers that end alike are found in one go.
ROUND = ("+15035550163", "+18005550163", "+14585550163")
LOAD = ("+16175550163", "+17815550163")
HEARD = ("+13125550163", "+17735550163")
NAME = "Philomena Ashgrove"

MANY = 30
CALLS_OUT = {0, 2, 4, 9, 20, 22, 24, 26, 28, 29}

SEVERAL = sorted(
    [
        Remembered("hotline", "out", "hide", "ANSWERED", "1-59s"),
        Remembered("hotline", "out", "hide", "BUSY", "0"),
        Remembered("desk", "out", "show", "NO ANSWER", "0"),
        Remembered("desk", "out", "substitute", "BUSY", "0"),
        Remembered("hotline", "out", "refuse", "NO ANSWER", "0"),
        Remembered("hotline", "in", "scrub", "ANSWERED", "1-59s"),
        Remembered("desk", "in", "show", "NO ANSWER", "0"),
        Remembered("unlisted", "in", "scrub", "NO ANSWER", "0"),
    ]
)
"""What is to be remembered of `place_several`."""

JOURNAL_LINE = re.compile(
    r'"[0-9]{9}(-[0-9]{9}){3}","[0-9]+","[a-z]+","(in|out)","[a-z]+","20[0-9]{2}-[0-9]{2}-[0-9]{2}",'
    r'"(0|[1-9][0-9min+s-]+)","[A-Z ]+",""'
)


def place_several(site: Site) -> None:
    """Calls out and in that end in every way, some of which Asterisk writes several records of."""
    pbx = site.pbx
    called, toll_free, caller = ROUND
    with ThreadPoolExecutor(8) as pool:
        with (
            Carrier(pbx, ring_ms=1200) as carrier,
            Phone(pbx, "201", 480),
            Phone(pbx, "101", ring_ms=FOREVER) as desk,
        ):
            calls = [
                pool.submit(place_call, pbx, "201", called, hold_ms=1300),
                pool.submit(place_call, pbx, "101", called, give_up_ms=400),
                # Nobody takes it at the hotline; voicemail does.
                pool.submit(ring_in, pbx, HOTLINE, caller, NAME, seconds=1.3),
                pool.submit(ring_in, pbx, OFFICE, caller, NAME, give_up_ms=800),
                # The reason why there is no call is spoken to these two; neither hears it to its end.
                pool.submit(place_call, pbx, "201", "99999999999", give_up_ms=800),
                pool.submit(ring_in, pbx, "+12065550188", caller, NAME, give_up_ms=800),
            ]
            assert [call.result().final_status for call in calls] == [200, 487, 200, 487, 487, 487]
            assert len(carrier.calls()) == 2
            assert len(desk.calls()) == 1
        with Carrier(pbx, 486):
            calls = [
                pool.submit(place_call, pbx, "201", called),
                pool.submit(place_call, pbx, "101", toll_free),
            ]
            assert [call.result().final_status for call in calls] == [486, 486]


LOCK = """
import sqlite3, sys
store = sqlite3.connect("/var/lib/callveil/records.sqlite3", isolation_level=None, timeout=30)
store.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Nobody else can write to the record store."""
    callveil = site.pbx.callveil
    command = callveil.docker.command("exec", "-i", "-u", "asterisk", callveil.name, "python3", "-c", LOCK)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        yield
        holder.stdin.close()


def taken(site: Site) -> set[str]:
    """What Callveil has taken of the journal and not yet done with."""
    return {path for path in site.journal() if "taken-" in path}


def veil_ids(tap: AmiTap) -> Counter[str]:
    """How many records Asterisk wrote of each call, by its random id."""
    return Counter(event["VeilId"] for event in tap.events("Cdr"))


def today(site: Site) -> str:
    return site.pbx.exec(["date", "+%F"]).stdout.strip()


def test_every_call_is_one_record_with_its_outcome(site: Site) -> None:
    watch = Watch(site, durations=True)
    began = today(site)
    with AmiTap(site.pbx) as tap:
        place_several(site)
        watch.expect_in_the_end(*SEVERAL)
        written = veil_ids(tap)
    assert len(written) == len(SEVERAL)
    assert {record["day"] for record in site.records_now()} <= {began, today(site)}


def test_events_alone_give_the_same_records(site: Site) -> None:
    watch = Watch(site, durations=True)
    site.pbx.exec(f"chown root:root {JOURNAL} && chmod 700 {JOURNAL}")
    try:
        watch.wait_said("may not be read or moved")
        place_several(site)
        watch.expect(*SEVERAL)
        assert site.pbx.files(f"{JOURNAL}/*") == []
    finally:
        site.pbx.exec(f"chown asterisk:asterisk {JOURNAL} && chmod 2770 {JOURNAL}")


def test_the_journal_alone_gives_the_same_records(site: Site) -> None:
    nobody_there = SETTINGS.replace("{", "{port: 5999, ", 1)
    restart(site, settings=nobody_there)
    try:
        watch = Watch(site, durations=True)
        place_several(site)
        assert not site.listening_to_asterisk()
        assert "127.0.0.1:5999 cannot be reached (connection refused)" in site.log()
        watch.expect(*SEVERAL)
    finally:
        restart(site, settings=SETTINGS)
        site.wait_ready()


def test_the_journal_rounds_a_duration_as_events_do(site: Site) -> None:
    """Asterisk itself computes the journal's rough durations; here it does for every bound."""
    bounds = [0, 1, 59, 60, 299, 300, 899, 900, 1799, 1800, 3599, 3600, 86400]
    mapping = site.pbx.read("/etc/asterisk/callveil/cdr_custom.conf").partition("=> ")[2].strip()
    (rough,) = re.findall(r"(\$\{CSV_QUOTE\(\$\{IF\(.*\}\)\}),\$\{CSV_QUOTE\(\$\{CDR\(disposition", mapping)
    assert rough.count("${CDR(billsec)}") == 9
    assert rough.count("${CDR(veil_duration)}") == 2
    steps = [
        f"Set(GLOBAL(ROUGH{kind}{seconds})="
        f"{rough.replace('${CDR(billsec)}', str(seconds)).replace('${CDR(veil_duration)}', kind)})"
        for kind in DURATIONS
        for seconds in bounds
    ]
    lines = "\n".join(f"exten => s,{number},{step}" for number, step in enumerate([*steps, "Wait(1)"], 1))
    site.pbx.write("/etc/asterisk/callveil/rough.conf", f"[rough]\n{lines}\n")
    site.pbx.exec("echo '#include callveil/rough.conf' >> /etc/asterisk/extensions.conf")
    site.pbx.cli("dialplan reload")
    site.pbx.cli("channel originate Local/s@rough application Wait 1")

    def known() -> dict[str, str]:
        return dict(re.findall(r"ROUGH([a-z]+[0-9]+)=(.*)", site.pbx.cli("dialplan show globals")))

    found = wait_for("Asterisk to compute them", lambda: now if len(now := known()) == len(steps) else None)
    assert found == {
        f"{kind}{seconds}": f'"{coarsen_seconds(seconds, kind)}"' for kind in DURATIONS for seconds in bounds
    }


def test_no_call_is_lost_or_doubled_when_callveil_is_killed_under_load(site: Site) -> None:
    watch = Watch(site)
    pbx = site.pbx

    def place(number: int) -> CallResult:
        # Calls out are refused while Callveil is down, which is a record too; calls in ring.
        if number in CALLS_OUT:
            return place_call(pbx, "201", LOAD[0], hold_ms=400)
        return ring_in(pbx, HOTLINE, LOAD[1], seconds=0.4)

    with AmiTap(pbx) as tap, Carrier(pbx), Phone(pbx, "201"), ThreadPoolExecutor(6) as pool:
        calls: list[Future[CallResult]] = [pool.submit(place, number) for number in range(MANY)]

        def over(number: int) -> None:
            wait_for(f"{number} calls to end", lambda: sum(call.done() for call in calls) >= number, 60)

        over(6)
        site.stop(signal.SIGKILL)
        heard_no_more = set(veil_ids(tap))
        over(16)
        not_heard = set(veil_ids(tap)) - heard_no_more
        with locked(site):
            # What it takes of the journal now cannot have been committed when it is killed again.
            before = taken(site)
            site.serve()
            wait_for("the journal to be taken", lambda: taken(site) - before)
            site.stop(signal.SIGKILL)
        site.serve()
        site.wait_ready()
        over(24)
        site.stop(signal.SIGKILL)
        site.serve()
        results = [call.result() for call in calls]
        wait_for("Asterisk's last event", lambda: len(veil_ids(tap)) == MANY, 20)
    site.wait_ready()
    refused = [result.final_status for result in results].count(403)
    assert sum(result.answered for result in results) == MANY - refused
    watch.expect_in_the_end(
        *[Remembered("hotline", "in", "scrub", "ANSWERED")] * (MANY - len(CALLS_OUT)),
        *[Remembered("hotline", "out", "hide", "ANSWERED")] * (len(CALLS_OUT) - refused),
        *[Remembered("unlisted", "out", "refuse", "NO ANSWER")] * refused,
    )
    # Whoever listens to events and nothing else would have missed these.
    assert len(not_heard) >= 5


def test_callveils_own_ami_user_is_told_no_number(site: Site) -> None:
    pbx = site.pbx
    watch = Watch(site)
    called, caller = HEARD
    secret = pbx.callveil.read("/etc/callveil/ami.secret").strip()
    with AmiTap(pbx) as everything, AmiTap(pbx, "callveil", secret) as own:
        with Carrier(pbx), Phone(pbx, "101"), ThreadPoolExecutor(2) as pool:
            calls = [
                pool.submit(place_call, pbx, "201", called),
                pool.submit(ring_in, pbx, OFFICE, caller, NAME, seconds=0.3),
            ]
            assert [call.result().answered for call in calls] == [True] * 2
        watch.expect(
            Remembered("hotline", "out", "hide", "ANSWERED"),
            Remembered("desk", "in", "show", "ANSWERED"),
        )
        wait_for("both events", lambda: len(veil_ids(own)) == 2)
    for number in HEARD:
        assert number[2:].encode() in everything.raw
        assert number[2:].encode() not in own.raw
    assert NAME.encode() in everything.raw
    assert NAME.encode() not in own.raw
    assert any(called in event["Extension"] for event in everything.events("Newexten"))
    assert any(called in event.get("DialString", "") for event in everything.events("DialBegin"))
    assert {event["Event"] for event in own.events()} == {"Cdr"}


def test_no_disk_holds_a_number_not_even_while_the_journal_waits_for_callveil(site: Site) -> None:
    site.records_settled()
    watch = Watch(site, durations=True)
    called, caller = HEARD
    with Carrier(site.pbx) as carrier, Phone(site.pbx, "201") as hotline, ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(place_call, site.pbx, "201", called, hold_ms=2000),
            pool.submit(place_call, site.pbx, "101", called, hold_ms=2000),
            pool.submit(ring_in, site.pbx, HOTLINE, caller, NAME, seconds=2),
        ]
        carrier.wait_calls(2)
        hotline.wait_calls(1)
        site.stop(signal.SIGKILL)
        assert [call.result().answered for call in calls] == [True] * 3

    def waiting() -> list[str]:
        return [line for path in site.journal() for line in site.pbx.read(path).splitlines()]

    wait_for("three records in the journal", lambda: len(waiting()) == 3)
    for line in waiting():
        assert JOURNAL_LINE.fullmatch(line)
    assert find_number(site.pbx, [*ROUND, *LOAD, *HEARD], also=[NAME]) == []
    assert "DEBUG" in site.log()
    site.serve()
    site.wait_ready()
    watch.expect_in_the_end(
        Remembered("hotline", "out", "hide", "ANSWERED", "1-59s"),
        Remembered("desk", "out", "show", "ANSWERED", "1-59s"),
        Remembered("hotline", "in", "scrub", "ANSWERED", "1-59s"),
    )
