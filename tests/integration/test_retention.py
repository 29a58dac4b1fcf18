"""Records that are over are gone from every file, counted once, and kept where a hold says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, Final

import pytest
from callveil.record import record_key
from harness.leaks import find_number
from harness.pbx import Version, wait_for
from harness.sip import Carrier, Phone, place_call, ring_in
from program.site import POLICY, Site
from program.watch import Remembered, Watch, restart

pytestmark = pytest.mark.asterisk

OVER: Final = "+13105550171"
TODAYS: Final = "+14155550172"
HELD: Final = ("100000091-193847261", "100000092-193847261")
OF_DESK: Final = ("100000031-193847261", "100000032-193847261", "100000033-193847261")
TAKEN: Final = "/var/spool/callveil/taken-0123456789abcdef.csv"
HOTLINE: Final = "+18005550100"

KEEPING: Final = POLICY.replace(
    "    caller: none\n    keep: {records: 30d}\n", "    caller: full\n    keep: {records: 1d}\n"
)


@pytest.fixture(scope="module")
def version(images: None) -> Version:
    """The newest alone: what is kept for how long is the same beside each."""
    return "22"


STORE: Final = """
import asyncio, datetime, glob, json, sys
from callveil.record import Record, record_key
from callveil.store.interface import Month
from callveil.store.sqlite import SqliteStore

PATH = "/var/lib/callveil/records.sqlite3"

async def put(rows):
    store = await SqliteStore.open(__import__("pathlib").Path(PATH))
    await store.add([Record(record_key(row[0]), *row[1:]) for row in rows])
    await store.close()

async def counts(months):
    store = await SqliteStore.open(__import__("pathlib").Path(PATH), read_only=True)
    found = [count for month in months for count in await store.counts(Month(*month))]
    await store.close()
    return [[count.line, count.direction, count.decision, count.disposition, count.calls] for count in found]

def find(needles):
    data = b"".join(open(path, "rb").read() for path in glob.glob(PATH + "*"))
    return [needle for needle in needles if bytes.fromhex(needle) in data]

what, value = json.load(sys.stdin)
print(json.dumps(find(value) if what == "find" else asyncio.run({"put": put, "counts": counts}[what](value))))
"""


def at_store(site: Site, what: str, value: Any) -> Any:
    """Works on the record store as the user that Callveil runs as."""
    done = site.pbx.callveil.exec(
        ["/opt/callveil/bin/python", "-c", STORE], user="asterisk", input=json.dumps([what, value])
    )
    return json.loads(done.stdout)


def found(site: Site, needles: Sequence[bytes]) -> list[bytes]:
    """Those that stand anywhere in the store's files."""
    return [bytes.fromhex(one) for one in at_store(site, "find", [needle.hex() for needle in needles])]


def counted(site: Site, line: str, days: Sequence[date]) -> int:
    """The calls of a line in the months of some days."""
    months = sorted({(day.year, day.month) for day in days})
    return sum(count[-1] for count in at_store(site, "counts", months) if count[0] == line)


def today(site: Site) -> date:
    return date.fromisoformat(site.pbx.exec(["date", "+%F"]).stdout.strip())


@contextmanager
def written(site: Site, path: str) -> Iterator[None]:
    """Somebody has a file open for writing."""
    site.pbx.spawn(f"sleep 60 >> {path} & echo $! > /run/writer.pid; wait")
    wait_for("the writer", lambda: site.pbx.files("/run/writer.pid"))
    yield
    site.pbx.exec("kill $(cat /run/writer.pid)")


def purge(site: Site, *words: str) -> tuple[int, str]:
    done = site.pbx.callveil.exec(["callveil", "purge", *words], check=False)
    return done.returncode, done.stdout + done.stderr


def test_what_is_over_is_deleted_at_the_start_and_counted_once(site: Site) -> None:
    assert "caller: full" in KEEPING
    day = today(site)
    old, older = day - timedelta(days=40), day - timedelta(days=100)
    site.stop()
    site.write_policy(KEEPING)
    desk = ["desk", "in", "show", old.isoformat(), "1-4min", "ANSWERED", OVER]
    hotline = ["hotline", "out", "refuse", older.isoformat(), "0", "FAILED"]
    now = ["100000001-193847261", "desk", "in", "show", day.isoformat(), "0", "BUSY", TODAYS]
    at_store(site, "put", [[one, *desk] for one in OF_DESK] + [[one, *hotline] for one in HELD] + [now])
    gone = [OVER.encode(), *map(record_key, OF_DESK)]
    stay = [TODAYS.encode(), record_key(now[0]), *map(record_key, HELD)]
    assert found(site, [*gone, *stay]) == [*gone, *stay]
    assert [place.path for place in find_number(site.pbx, OVER)]

    code, said = purge(site, "--hold", "Court order", "--line", "hotline")
    assert (code, "line hotline" in said) == (0, True)
    # A Callveil that was killed before it could delete what it had brought in. Somebody still writes there.
    line = ",".join(f'"{value}"' for value in (OF_DESK[0], "7", *desk))
    site.pbx.write(TAKEN, line + "\n", 0o660)
    code, said = purge(site)
    assert (code, "Start `callveil serve`" in said) == (3, True)
    with written(site, TAKEN):
        restart(site)
        site.wait_ready()
        time.sleep(1.5)
        assert site.pbx.files(TAKEN) == [TAKEN]
        assert "were over" not in site.log()

    wait_for("the purge", lambda: "3 records were over and are deleted" in site.log(), 20)
    wait_for("the bytes to go", lambda: not found(site, gone), 20)
    assert found(site, stay) == stay
    assert find_number(site.pbx, OVER) == []
    assert {(record["line"], record["day"]) for record in site.records_now()} == {
        ("hotline", older.isoformat()),
        ("desk", day.isoformat()),
    }
    assert counted(site, "desk", [old]) == len(OF_DESK)


def test_the_command_deletes_what_is_no_longer_held_while_calls_go_on(site: Site) -> None:
    older = today(site) - timedelta(days=100)
    keys = list(map(record_key, HELD))
    assert found(site, keys) == keys
    watch = Watch(site)
    with Carrier(site.pbx), Phone(site.pbx, "201"), Phone(site.pbx, "101"), ThreadPoolExecutor(5) as pool:
        calls = [
            *(pool.submit(place_call, site.pbx, "201", "+16175550173", hold_ms=900) for _ in range(2)),
            *(pool.submit(ring_in, site.pbx, HOTLINE, "+17815550173", seconds=0.9) for _ in range(2)),
        ]
        code, said = purge(site)
        assert (code, "Held since" in said, "No records are over, but" in said) == (0, True, True)
        assert found(site, keys) == keys
        assert purge(site, "--release", "--line", "hotline")[0] == 0
        code, said = purge(site)
        assert (code, "hotline: 2 records are deleted" in said) == (0, True)
        assert all(call.result().answered for call in calls)
    wait_for("the bytes to go", lambda: not found(site, keys), 20)
    assert counted(site, "hotline", [older]) == len(HELD)
    watch.expect(
        *[Remembered("hotline", "out", "hide", "ANSWERED")] * 2,
        *[Remembered("hotline", "in", "scrub", "ANSWERED")] * 2,
    )
