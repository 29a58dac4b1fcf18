"""More than 300 calls of every kind at the same time: the records are those calls, and no number is anywhere.

The table of kinds, and what is to be remembered of each, is in `program.mixed`.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from callveil.coarse import BUCKETS
from callveil.record import record_key
from harness.ami import AmiTap
from harness.crowd import Crowd
from harness.leaks import find_number
from harness.pbx import Pbx, Version, wait_for
from program.arrival import places, telling
from program.mixed import BARE, CUT, IN_CDR, KINDS, MIXED, NAME, SENT, Kind, in_turn
from program.mixed_pbx import addresses, scripts, start, start_plain
from program.site import Site
from program.watch import Remembered, Watch, differences

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(600)]

APART: Final = 0.13
"""Seconds from one call to the next."""

OLD: Final = "BEFORE_RESTART"
FOLDERS: Final = ("/var/lib/callveil", "/var/spool/callveil")

NUMBERS: Final = [kind.number for kind in KINDS]

JOURNAL_LINE: Final = re.compile(
    r'"[0-9]{9}(-[0-9]{9}){3}","[0-9]+","[a-z-]+","(in|out)","[a-z]+","20[0-9]{2}-[0-9]{2}-[0-9]{2}",'
    r'"(0|1-59s|1-4min)","[A-Z ]+",""'
)

KNOWN: Final = {
    # Asterisk names the channel of a call by its number where a telephone forwards it, or an admin's dialplan
    # makes it. It is the number that the trunk is told as well.
    ("staff", "Channel", "in-forwarded"),
    ("out-conference", "Channel", "out-conference"),
    # An account code goes from channel to channel by itself. It is the admin's.
    ("in-number-in-cdr", "AccountCode", IN_CDR),
}
"""Where a number is in an event of Asterisk's, which is in memory only: line, field, whose number."""


@dataclass(frozen=True)
class Placed:
    """All mixed calls of one PBX, when they were over.

    Attributes:
        site: the PBX.
        calls: in the order in which they began.
        outcomes: what each caller saw.
        reached: how many calls came to whom.
        records: all of them.
        events: Asterisk's events of calls with Callveil's record, as they came.
        others: those of other records.
    """

    site: Site
    calls: list[Kind]
    outcomes: list[dict[str, Any]]
    reached: Counter[str]
    records: list[Remembered]
    events: list[dict[str, str]]
    others: list[dict[str, str]]


@pytest.fixture(scope="module")
def placed(version: Version) -> Iterator[Placed]:
    with start(version) as site:
        watch = Watch(site, durations=True)
        calls = in_turn(MIXED)
        with AmiTap(site.pbx) as tap, Crowd(site.pbx, addresses(), scripts()) as crowd:
            crowd.call(kind.dialling(APART * turn) for turn, kind in enumerate(calls))
            crowd.wait_over(240)
            outcomes, reached = crowd.outcomes(), Counter(crowd.reached())
            site.pbx.wait_idle(60)
            wait_for("Asterisk's last event", lambda: len(ids(written(tap))) >= len(wanted(calls)), 20)
            events = written(tap)
            others = [event for event in tap.events("Cdr") if event not in events]
        yield Placed(site, calls, outcomes, reached, watch.records(site.records_settled()), events, others)


def wanted(calls: Sequence[Kind]) -> list[Remembered]:
    """What is to be remembered of calls."""
    return sorted(record for kind in calls for record in kind.remembered())


def written(tap: AmiTap) -> list[dict[str, str]]:
    """Asterisk's events of calls that have Callveil's record."""
    return [event for event in tap.events("Cdr") if event["VeilId"]]


def ids(events: Sequence[dict[str, str]]) -> list[str]:
    """The random ids of calls, by when the last event of each came."""
    return list(dict.fromkeys(event["VeilId"] for event in reversed(events)))[::-1]


@pytest.mark.parametrize("kind", MIXED, ids=lambda kind: kind.name)
def test_a_kind_of_call_is_remembered_as_a_report_needs_it(placed: Placed, kind: Kind) -> None:
    found = [record for record in placed.records if record.line == kind.name]
    expected = [record for record in wanted([kind] * kind.times) if record.line == kind.name]
    assert found == expected, differences(found, expected)


def test_every_call_went_where_it_was_to_go(placed: Placed) -> None:
    expected = sum((kind.reached() for kind in MIXED), Counter[str]())
    assert placed.reached["agent.away"] >= sum(kind.times for kind in MIXED if "queue" in kind.name) - 6
    found = placed.reached - Counter({"agent.away": placed.reached["agent.away"]})
    assert found - expected == Counter()
    assert expected - found == Counter()


def test_the_records_are_the_calls(placed: Placed) -> None:
    assert len(placed.calls) >= 300
    assert all(outcome["status"] > 0 for outcome in placed.outcomes)
    expected = wanted(placed.calls)
    assert placed.records == expected, differences(placed.records, expected)


def test_asterisk_itself_writes_one_record_a_call(placed: Placed) -> None:
    """So that there is nothing of a call that another part of it could contradict."""
    assert Counter(event["VeilId"] for event in placed.events).most_common(1)[0][1] == 1
    assert len(placed.events) == len(placed.records)
    # An admin who switches a record on has it; it is none of Callveil's.
    assert len(placed.others) == next(kind.times for kind in MIXED if kind.name == "in-cdr-on")


def test_nothing_finer_than_a_day_and_a_band_is_remembered(placed: Placed) -> None:
    assert {(event["VeilTime"], event["VeilDuration"]) for event in placed.events} == {("day", "bucket")}
    records = placed.site.records_now()
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", record["day"]) for record in records)
    assert {record["spoken"] for record in records} <= set(BUCKETS)
    text = str(records)
    assert not re.search(r"\d\d:\d\d", text)


def test_events_name_nobody_but_where_it_is_known(placed: Placed) -> None:
    whose = {kind.number[2:]: kind.name for kind in KINDS} | {IN_CDR[2:]: IN_CDR}
    found = {
        (event["VeilLine"], field, name)
        for event in (*placed.events, *placed.others)
        for field, value in event.items()
        for digits, name in whose.items()
        if digits in value
    }
    assert found == KNOWN
    assert not [
        event for event in (*placed.events, *placed.others) if any(NAME in value for value in event.values())
    ]


def test_messages_were_left(placed: Placed) -> None:
    left = [kind for kind in placed.calls if kind.name.endswith("message")]
    kept = placed.site.pbx.files("/var/spool/asterisk/voicemail/default/200/INBOX/msg*.txt")
    assert len(kept) == len(left)


def test_nothing_that_is_stored_tells_which_call_came_first(placed: Placed) -> None:
    order = [record_key(call_id) for call_id in ids(placed.events)]
    site = placed.site
    wait_for("the store to settle", lambda: not unsettled(site), 100, 1)
    found = places(site.pbx.callveil, order, FOLDERS)
    assert any(len(where) == len(order) for name, where in found.items() if ".sqlite3 (bytes)" in name)
    assert telling(order, found) == {}


def unsettled(site: Site) -> bool:
    """Whether the store's file still tells of writes since it was settled last."""
    program = (
        "import os, sqlite3\n"
        "path = '/var/lib/callveil/records.sqlite3'\n"
        "store = sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=20)\n"
        "days = store.execute('SELECT count(*) FROM unsettled').fetchone()[0]\n"
        "wal = os.path.getsize(path + '-wal') if os.path.exists(path + '-wal') else 0\n"
        "print(days, wal)\n"
    )
    return site.pbx.callveil.exec(["python3", "-c", program], user="asterisk").stdout.split() != ["0", "0"]


def test_an_order_that_is_stored_would_be_seen(tmp_path: Path) -> None:
    """The control: a table as most programs would make it, and the same table by random keys."""
    order = [record_key(str(number)) for number in range(300)]
    for name, rows in (("as they come", order), ("by key", sorted(order))):
        path = tmp_path / f"{name}.sqlite3"
        with sqlite3.connect(path) as store:
            store.execute("CREATE TABLE records (key BLOB NOT NULL, line TEXT)")
            store.executemany("INSERT INTO records VALUES (?, 'hotline')", [(row,) for row in rows])
        data = path.read_bytes()
        found = {
            "file": {key.hex(): [data.find(key)] for key in order},
            "rows": {row.hex(): [number] for number, row in enumerate(rows)},
        }
        assert set(telling(order, found)) == ({"file", "rows"} if name == "as they come" else set())


def test_a_call_sent_elsewhere_while_staff_listen_was_not_made(placed: Placed) -> None:
    site = placed.site
    watch = Watch(site, durations=True)
    with AmiTap(site.pbx) as tap, Crowd(site.pbx, addresses(), scripts()) as crowd:
        crowd.call([SENT.dialling(0)])
        listens = tap.wait(
            lambda block: block.get("Event") == "Newexten" and block.get("Application") == "Playback",
            "a prompt",
        )
        site.pbx.ami_action(
            "Redirect", Channel=listens["Channel"], Context="from-internal", Exten="8001", Priority="1"
        )
        wait_for("a colleague", lambda: crowd.reached().get("agent.there"))
        crowd.wait_over(60)
        assert SENT.number not in crowd.reached()
    watch.expect_in_the_end(*SENT.remembered())


def begin_cut(pbx: Pbx, crowd: Crowd) -> list[Kind]:
    """Begin calls that last until Asterisk ends, and wait until each is where it will be cut."""
    kinds = in_turn(CUT)
    crowd.call(kind.dialling(0.2 * turn) for turn, kind in enumerate(kinds))
    answered = sum(record.disposition == "ANSWERED" for record in wanted(kinds))
    ringing = Counter({"cut-in-ringing.ring": 2, "agent.away": 2, CUT[1].number: 2})
    assert sum(ringing.values()) + answered == len(kinds)
    wait_for(
        "all calls to be answered or to ring",
        lambda: (
            [one["status"] for one in crowd.outcomes()].count(200) == answered
            and Counter(crowd.reached()) >= ringing
        ),
        40,
    )
    wait_for("two parked calls", lambda: len(pbx.ami_action("ParkedCalls", ParkingLot="lot6")) == 2 + 2, 20)
    time.sleep(1.2)
    return kinds


def restart(pbx: Pbx, how: str, before: Callable[[], None] = lambda: None) -> None:
    """Have Asterisk restart itself, and wait until it has.

    Args:
        pbx: whose.
        how: `now` or `gracefully`.
        before: what has to be waited for until it can.
    """
    # A variable in its memory tells the old one from the new one.
    pbx.cli(f"dialplan set global {OLD} yes")
    pbx.cli(f"core restart {how}", check=False)
    before()
    wait_for("Asterisk's end", lambda: OLD not in pbx.cli("dialplan show globals", check=False), 60)
    pbx.wait_booted(90)


def test_calls_that_a_restart_cuts_are_remembered(placed: Placed) -> None:
    """Asterisk is stopped and started at once; then it restarts when its last call has ended."""
    site = placed.site
    watch = Watch(site, durations=True)
    with Crowd(site.pbx, addresses(), scripts()) as crowd:
        kinds = begin_cut(site.pbx, crowd)
        site.pbx.restart_asterisk("now")
    site.wait_ready(60)
    watch.expect_in_the_end(*wanted(kinds), timeout=60)

    watch = Watch(site, durations=True)
    last = [kind for kind in MIXED if kind.name in ("out-answered", "in-answered")]
    with Crowd(site.pbx, addresses(), scripts()) as crowd:
        crowd.call(kind.dialling(0) for kind in last)
        wait_for("both calls", lambda: [one["status"] for one in crowd.outcomes()] == [200, 200])
        restart(site.pbx, "gracefully", lambda: crowd.wait_over(60))
    site.wait_ready(60)
    watch.expect_in_the_end(*wanted(last), timeout=60)


def test_no_disk_holds_a_number_not_even_when_asterisk_ends_without_callveil(placed: Placed) -> None:
    site = placed.site
    watch = Watch(site, durations=True)
    with Crowd(site.pbx, addresses(), scripts()) as crowd:
        kinds = begin_cut(site.pbx, crowd)
        site.stop(signal.SIGKILL)
        restart(site.pbx, "now")
    lines = [line for path in site.journal() for line in site.pbx.read(path).splitlines()]
    assert len(lines) == len(kinds)
    assert [line for line in lines if not JOURNAL_LINE.fullmatch(line)] == []
    assert find_number(site.pbx, [*NUMBERS, IN_CDR], also=[NAME]) == []
    assert "DEBUG" in site.log()
    site.serve()
    site.wait_ready(60)
    watch.expect_in_the_end(*wanted(kinds), timeout=60)


def test_without_callveil_the_same_kinds_of_calls_leave_numbers(version: Version) -> None:
    """The control: the same calls on the same Asterisk, set up as most are."""
    with start_plain(version) as pbx, Crowd(pbx, addresses(), scripts()) as crowd:
        crowd.call(kind.dialling(0.3 * turn) for turn, kind in enumerate(BARE))
        crowd.wait_over(60)
        pbx.wait_idle()
        found = find_number(pbx, [kind.number for kind in BARE])
    raw = [place.spelling for place in found if place.path == "/var/log/asterisk/cdr-csv/Master.csv"]
    for kind in BARE:
        assert any(kind.number[2:] in spelling for spelling in raw), kind.name
