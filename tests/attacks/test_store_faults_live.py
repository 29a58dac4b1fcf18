"""The disk of the store or of the journal in trouble, while calls go on: it is said, and nothing is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from harness.crowd import Crowd, Dialling, Step
from harness.daemon import HarnessError
from harness.pbx import JOURNAL, Pbx, Version, wait_for
from harness.sip import CARRIER_ADDRESS, PHONES
from program.ledger import OVERLAY, finished, stored
from program.site import Site

pytestmark = pytest.mark.asterisk

STATE: Final = "/var/lib/callveil"
STORE: Final = f"{STATE}/records.sqlite3"
LOG: Final = "/tmp/serve.log"
CALLED: Final = "+15035550165"
CALLER: Final = f"<sip:+16175550165@{CARRIER_ADDRESS}>"
TAKE: Final[list[Step]] = [("ring",), ("answer",)]
TALK: Final[list[Step]] = [("wait", 0.2), ("bye",)]
CALLS: Final = (
    Dialling(PHONES["201"], CALLED, steps=TALK),
    Dialling(PHONES["101"], CALLED, steps=TALK),
    Dialling(CARRIER_ADDRESS, "+18005550100", CALLER, steps=TALK),
)

LOCK: Final = """
import sqlite3, sys
store = sqlite3.connect("/var/lib/callveil/records.sqlite3", isolation_level=None, timeout=30)
store.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


class Place:
    """The PBX of this file, whose Callveil keeps its state on a small disk of its own."""

    def __init__(self, site: Site, crowd: Crowd) -> None:
        self.site, self.crowd = site, crowd
        self.callveil = site.pbx.callveil

    def serve(self) -> None:
        self.callveil.spawn(f"exec callveil serve >> {LOG} 2>&1", user="asterisk")
        self.site.wait_ready()

    def calls_go_on(self) -> None:
        before = len(self.crowd.outcomes())
        self.crowd.call(CALLS)
        self.crowd.wait_over(20)
        assert [one["status"] for one in self.crowd.outcomes()[before:]] == [200] * len(CALLS)

    def status(self) -> dict[str, str]:
        """What `callveil status` says is wrong."""
        done = self.callveil.exec(["callveil", "status", "--json"], check=False)
        found: dict[str, str] = json.loads(done.stdout)["troubles"]
        return found

    def wait_said(self, part: str, text: str) -> str:
        """Wait until `callveil status` says something, and return all that it says of that part."""
        said: str = wait_for(
            f'callveil status to say "{text}"',
            lambda: said if text in (said := self.status().get(part, "")) else "",
            40,
        )
        return said

    def waits(self) -> None:
        """Check that records wait in the journal."""
        wait_for("records in the journal", self.site.journal, 5)

    def keys(self) -> set[str]:
        """The keys of all records in the store; of a store that is not there yet, none."""
        try:
            return {row.key for row in stored(self.site)}
        except HarnessError:
            return set()

    def all_arrive(self, *, but: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Wait until each call that Asterisk finished is stored, once, and nothing is wrong any more.

        Args:
            but: keys of records that were in a store that was moved away.
        """
        self.site.pbx.wait_idle()
        truth = finished(self.site) - but
        wait_for("all records", lambda: self.keys() >= truth, 40)
        wait_for("the journal to be done", lambda: not self.site.journal(), 20)
        rows = stored(self.site)
        assert sorted(row.key for row in rows) == sorted(truth)
        wait_for("nothing to be wrong", lambda: not {"store", "journal"} & set(self.status()))


@pytest.fixture(scope="module")
def place(version: Version) -> Iterator[Place]:
    disks = {STATE: "4m", JOURNAL: "512k"}
    with (
        Site(Pbx.start(version, "callveil", OVERLAY, disks=disks), serve=False) as site,
        Crowd(site.pbx, [CARRIER_ADDRESS, *PHONES.values()], {CALLED: TAKE, "201": TAKE}) as crowd,
    ):
        here = Place(site, crowd)
        here.serve()
        here.calls_go_on()
        here.all_arrive()
        yield here


def test_a_full_disk(place: Place) -> None:
    place.callveil.exec(f"cat /dev/zero > {STATE}/filler", user="asterisk", check=False)
    place.calls_go_on()
    said = place.wait_said("store", "make room there. Calls go on, and the journal holds their records.")
    assert STORE in said
    place.waits()
    # A crash now is no worse: what it starts with is there already.
    place.site.stop(signal.SIGKILL)
    place.serve()
    place.calls_go_on()
    place.callveil.exec(["rm", f"{STATE}/filler"])
    place.all_arrive()


def test_a_store_that_may_only_be_read(place: Place) -> None:
    place.site.stop(signal.SIGKILL)
    place.callveil.exec(f"chmod a-w {STATE} {STORE}*")
    try:
        place.serve()
        place.calls_go_on()
        place.wait_said("store", "Calls go on, and the journal holds their records.")
        place.waits()
    finally:
        place.callveil.exec(f"chmod u+w {STATE} {STORE}*")
    place.all_arrive()


@contextmanager
def locked(place: Place) -> Iterator[None]:
    command = place.callveil.docker.command(
        "exec", "-i", "-u", "asterisk", place.callveil.name, "python3", "-c", LOCK
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        yield
        holder.stdin.close()


def test_a_store_that_another_program_holds_for_long(place: Place) -> None:
    with locked(place):
        place.calls_go_on()
        said = place.wait_said("store", "another program has held it for too long")
        assert f"fuser {STORE} names it" in said
        place.waits()
    place.all_arrive()


def test_an_owner_that_changed(place: Place) -> None:
    place.site.stop(signal.SIGKILL)
    place.callveil.exec(f"chown root:root {STORE}* && chmod 600 {STORE}*")
    place.serve()
    place.calls_go_on()
    said = place.wait_said("store", "it and its folder must belong to the user")
    place.waits()
    (command,) = re.findall(r"chown asterisk \S+\*", said)
    place.callveil.exec(command)
    place.all_arrive()


def test_a_damaged_store_is_moved_away_as_the_text_says(place: Place) -> None:
    place.site.stop(signal.SIGKILL)
    old = {row.key for row in stored(place.site)}
    place.callveil.exec(f"dd if=/dev/urandom of={STORE} bs=100 count=1 conv=notrunc", user="asterisk")
    before = place.callveil.read_bytes(STORE)
    place.serve()
    place.calls_go_on()
    said = place.wait_said("store", "its beginning is damaged")
    place.waits()
    assert place.callveil.read_bytes(STORE) == before
    (command,) = re.findall(r"mv \S+\* FOLDER", said)
    place.callveil.exec("mkdir /tmp/away && " + command.replace("FOLDER", "/tmp/away"))
    place.all_arrive(but=old)
    assert place.callveil.read_bytes("/tmp/away/records.sqlite3") == before


def test_the_journals_disk_full(place: Place) -> None:
    """Asterisk cannot append: the events bring what it has no room for."""
    rows = len(stored(place.site))
    place.callveil.exec(f"cat /dev/zero > {JOURNAL}/filler", user="asterisk", check=False)
    place.calls_go_on()
    wait_for("records by events", lambda: len(stored(place.site)) == rows + len(CALLS), 20)
    said = place.wait_said("journal-disk", "is full: make room there.")
    assert f"The disk of the journal folder {JOURNAL} is full" in said
    place.callveil.exec(["rm", f"{JOURNAL}/filler"])
    place.calls_go_on()
    wait_for("all records", lambda: len(stored(place.site)) == rows + 2 * len(CALLS), 20)
    wait_for("nothing to be wrong", lambda: not {"store", "journal", "journal-disk"} & set(place.status()))
