"""Records tell how a call fared in a queue, and what Asterisk itself writes of queues holds no number."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from harness.ami import AmiTap
from harness.images import RECIPES, REPOSITORY
from harness.leaks import Place, find_number
from harness.pbx import TESTER_SECRET, Flavour, Pbx, Version, wait_for
from harness.sip import FOREVER, Phone, ring_in
from program import site as program
from program.site import POLICY, Site

pytestmark = pytest.mark.asterisk

QUEUE_LOG: Final = "/var/log/asterisk/queue_log"
MASTER: Final = "/var/log/asterisk/cdr-csv/Master.csv"

# Numbers that end alike are found in one go.
CALLERS: Final = ("+15055550181", "+13035550181")
SHOWN: Final = "+16025550181"
NAME: Final = "Wilhelmina Thorne"

DIDS: Final = {
    "help": "+18885550111",
    "night": "+18885550112",
    "late": "+18885550113",
    "front": "+18885550114",
}
"""One line for each way that a call fares. The last one shows callers on the telephones."""

QUEUES: Final = """
[general]
[help]{template}
strategy = linear
timeout = 2
retry = 1
member => PJSIP/201,0,Ann Bee
member => PJSIP/202,0,Cee Dee
[night]{template}
strategy = linear
timeout = 20
member => PJSIP/201
[quick]{template}
member => PJSIP/202
"""

RING: Final = """
[queues]
exten => help,1,Queue(help,,,,20)
exten => night,1,Queue(night,,,,20)
exten => late,1,Queue(night,,,,1)
 same => n,{voicemail}
exten => front,1,Queue(quick,,,,20)
"""

OTHER_USERS: Final = """
; Its rights are those that Callveil's had before it heard of queues.
[older]
secret = {secret}
read = cdr
; A program that has chosen to hear of queues where callers are shown, too.
[wider]
secret = {secret}
read = cdr,agent
eventfilter = ^Event: (Cdr|QueueCallerJoin|QueueCallerLeave|QueueCallerAbandon|AgentConnect)
"""

LISTEN: Final = """
import asyncio, json, sys
from callveil.settings import AmiSettings
from callveil_ami.intake import Intake
from callveil_ami.session import AmiSession

async def main():
    secret = sys.stdin.readline().strip()
    stop = asyncio.Event()
    intakes = {user: Intake({}) for user in ("older", "wider")}
    sessions = [
        AmiSession(AmiSettings(username=user, secret=secret), intake.take, {})
        for user, intake in intakes.items()
    ]
    tasks = [asyncio.create_task(session.run(stop)) for session in sessions]
    for session in sessions:
        await session.logged_in.wait()
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    found = {
        user: [
            [record.key.hex(), record.line, record.queue and [record.queue.name, record.queue.outcome]]
            for record in intake.next_batch(1000)
        ]
        for user, intake in intakes.items()
    }
    print(json.dumps(found))

asyncio.run(main())
"""
"""What Callveil makes of the events of two other users of the manager interface."""


@dataclass
class Listeners:
    """What two other users' events made, once they have stopped listening."""

    heard: dict[str, list[list[Any]]]


@dataclass(frozen=True)
class Evening:
    """What came of all calls.

    Attributes:
        site: where they came in.
        records: what Callveil keeps.
        own: the raw events that its user of the manager interface was told.
        everything: all events.
        others: by user, the calls' keys, lines and visits that come of what other users were told.
        log_of_flagged: what `queue_log` holds, switched on, of calls on flagged lines.
        log_at_the_end: the same after a call on a line that shows callers, with Callveil's `logger.conf`.
        places: where any caller's number or name stands on the disks.
        plain_files: what the PBX without Callveil wrote of one such call, by path.
    """

    site: Site
    records: list[dict[str, Any]]
    own: AmiTap
    everything: AmiTap
    others: dict[str, list[list[Any]]]
    log_of_flagged: str
    log_at_the_end: str
    places: list[Place]
    plain_files: dict[str, str]


def overlay(flavour: Flavour) -> dict[str, str]:
    """The admin's configuration, the same with Callveil and without."""
    extensions = (RECIPES / f"etc-asterisk/{flavour}/extensions.conf").read_text()
    voicemail = "Goto(callveil-voicemail,200,1)" if flavour == "callveil" else "VoiceMail(200@default,su)"
    files = {"/etc/asterisk/queues.conf": QUEUES.format(template="")}
    if flavour == "plain":
        arrives = "".join(f"exten => {did},1,Goto(queues,{line},1)\n" for line, did in DIDS.items())
        extensions = extensions.replace("[from-trunk]\n", f"[from-trunk]\n{arrives}")
    else:
        manager = (RECIPES / "etc-asterisk/callveil/manager.conf").read_text()
        include = (RECIPES / "etc-asterisk/callveil/queues.conf").read_text()
        files = {
            "/etc/asterisk/queues.conf": include + QUEUES.format(template="(callveil-queue)"),
            "/etc/asterisk/manager.conf": manager + OTHER_USERS.format(secret=TESTER_SECRET),
            # Somebody has switched it on again.
            "/etc/asterisk/logger.conf": "[general]\nqueue_log = yes\n[logfiles]\nnone =>\n",
        }
    return {"/etc/asterisk/extensions.conf": extensions + RING.format(voicemail=voicemail), **files}


def policy() -> str:
    """The program's policy with a line for each queue call."""
    head, between, tail = POLICY.partition("destinations:")
    lines = [
        f'  {line}: {{purpose: "A queue", dids: ["{did}"], ring: "queues,{line},1", keep: {{records: 30d}},'
        + (" outbound: office, show_caller: true}" if line == "front" else " flagged: true, outbound: hide}")
        for line, did in DIDS.items()
    ]
    return "\n".join([head.rstrip(), *lines, between + tail])


@contextmanager
def listening(site: Site) -> Iterator[Listeners]:
    """Two other users hear what comes while this is open."""
    callveil = site.pbx.callveil
    python = callveil.exec("head -n 1 $(command -v callveil)").stdout.strip().removeprefix("#!").split()[0]
    command = callveil.docker.command("exec", "-i", callveil.name, python, "-c", LISTEN)
    found = Listeners({})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(TESTER_SECRET + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "listening\n"
        yield found
        process.stdin.close()
        found.heard = json.loads(process.stdout.readline())


def place_flagged(pbx: Pbx) -> None:
    """Calls that are taken by the second agent, given up, and sent on to voicemail."""
    with Phone(pbx, "201", ring_ms=FOREVER), Phone(pbx, "202"), ThreadPoolExecutor(5) as pool:
        one, other = CALLERS
        calls = [
            pool.submit(ring_in, pbx, DIDS["help"], one, NAME, seconds=1),
            pool.submit(ring_in, pbx, DIDS["help"], other, NAME, seconds=1),
            pool.submit(ring_in, pbx, DIDS["night"], one, NAME, give_up_ms=1500),
            pool.submit(ring_in, pbx, DIDS["night"], other, NAME, give_up_ms=2500),
            pool.submit(ring_in, pbx, DIDS["late"], one, NAME, seconds=3),
        ]
        assert [call.result().final_status for call in calls] == [200, 200, 487, 487, 200]


def without_callveil(version: Version) -> dict[str, str]:
    """What the control writes of a call that waits in a queue."""
    with Pbx.start(version, "plain", overlay("plain")) as pbx:
        with Phone(pbx, "202"):
            assert ring_in(pbx, DIDS["front"], SHOWN, NAME, seconds=0.3).answered
        pbx.wait_idle()
        return {path: pbx.read(path) for path in (QUEUE_LOG, MASTER)}


@pytest.fixture(scope="module")
def evening(version: Version) -> Iterator[Evening]:
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        plain = pool.submit(without_callveil, version)
        patch.setattr(program, "POLICY", policy())
        with Site.start(version, serve=True, **overlay("callveil")) as site:
            yield spend(site, plain.result)


def spend(site: Site, plain: Any) -> Evening:
    """Place all calls and look at what they left."""
    pbx = site.pbx
    secret = pbx.callveil.read("/etc/callveil/ami.secret").strip()
    with AmiTap(pbx) as everything, AmiTap(pbx, "callveil", secret) as own, listening(site) as others:
        place_flagged(pbx)
        pbx.wait_idle()
        log_of_flagged = pbx.read(QUEUE_LOG)
        pbx.write("/etc/asterisk/logger.conf", (RECIPES / "etc-asterisk/callveil/logger.conf").read_text())
        pbx.cli("logger reload")
        with Phone(pbx, "202"):
            assert ring_in(pbx, DIDS["front"], SHOWN, NAME, seconds=0.3).answered
        wait_for("the last record", lambda: len(site.records_now()) == 6)
        wait_for("the last event", lambda: len({event["VeilId"] for event in own.events("Cdr")}) == 6)
        records = site.records_settled()
    log_at_the_end = pbx.read(QUEUE_LOG)
    places = find_number(pbx, [*CALLERS, SHOWN], also=[NAME])
    return Evening(
        site, records, own, everything, others.heard, log_of_flagged, log_at_the_end, places, plain()
    )


def test_records_tell_how_calls_fared_in_queues(evening: Evening) -> None:
    found = Counter(
        (one["line"], one["disposition"], *(one["queue"] or {"name": None}).values())
        for one in evening.records
    )
    assert found == {
        ("help", "ANSWERED", "help", "connected", "1-59s"): 2,
        ("night", "NO ANSWER", "night", "abandoned", "1-59s"): 2,
        ("late", "ANSWERED", "night", "left", "1-59s"): 1,
        # Its events name the caller, so Callveil's user is not told of them.
        ("front", "ANSWERED", None): 1,
    }
    # However many agents are tried, a call is one record of Asterisk's.
    written = Counter(event["VeilId"] for event in evening.own.events("Cdr"))
    assert sum(written.values()) == len(evening.records) == len(written)


def test_callveils_own_ami_user_is_told_no_number_of_queue_calls(evening: Evening) -> None:
    told = {event["Event"] for event in evening.own.events()}
    assert told == {"Cdr", "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect"}
    for number in (*CALLERS, SHOWN):
        assert number[2:].encode() in evening.everything.raw
        assert number[2:].encode() not in evening.own.raw
    assert NAME.encode() in evening.everything.raw
    assert NAME.encode() not in evening.own.raw
    joined = evening.everything.events("QueueCallerJoin")
    assert [event["CallerIDNum"] for event in joined if event["Queue"] == "quick"] == [SHOWN]
    assert {event["CallerIDNum"] for event in joined if event["Queue"] != "quick"} == {"<unknown>"}


def test_figures_are_what_a_user_of_the_manager_interface_may_hear(evening: Evening) -> None:
    """Without the right there are records all the same; without the filter, lines that show callers count."""
    for user in ("older", "wider"):
        assert len({key for key, _, _ in evening.others[user]}) == len(evening.records)
    assert {visit and tuple(visit) for _, _, visit in evening.others["older"]} == {None}
    visits = Counter((line, *visit) for _, line, visit in evening.others["wider"] if visit)
    assert visits == {
        ("help", "help", "connected"): 2,
        ("night", "night", "abandoned"): 2,
        ("late", "night", "left"): 1,
        ("front", "quick", "connected"): 1,
    }


def test_queue_log_holds_no_number_even_where_it_is_on(evening: Evening) -> None:
    entered = re.findall(r"\|ENTERQUEUE\|(.*)", evening.log_of_flagged)
    assert len(entered) == 5
    assert all(re.fullmatch(r"\|\|[0-9]", one) for one in entered)
    assert f"|ENTERQUEUE||{SHOWN}|1" in evening.plain_files[QUEUE_LOG]
    # With Callveil's logger.conf it is off, so a caller who is shown on the telephones does not stand in it.
    assert evening.log_at_the_end == evening.log_of_flagged


def test_no_disk_holds_a_callers_number(evening: Evening) -> None:
    assert evening.places == []
    assert SHOWN in evening.plain_files[MASTER]
    assert NAME in evening.plain_files[MASTER]


def test_every_module_that_writes_records_stays_out_but_two(evening: Evening) -> None:
    pbx = evening.site.pbx
    folder = pbx.exec("dirname $(find /usr/lib -name app_queue.so)").stdout.strip()
    there = {Path(path).name for path in pbx.files(f"{folder}/c[de][rl]_*.so")}
    kept = {"cdr_custom.so", "cdr_manager.so"}
    left_out = set(
        re.findall(
            r"^noload => (\S+)", (REPOSITORY / "config" / "modules.conf").read_text(encoding="utf-8"), re.M
        )
    )
    assert len(there) > 10
    assert there - left_out == kept
    running = set(re.findall(r"^(c(?:dr|el)_\S+\.so)", pbx.cli("module show like c"), re.M))
    assert running == kept
    assert "Logging: Disabled" in pbx.cli("cel show status")
