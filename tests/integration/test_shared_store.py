"""Several PBXs, and several Callveils on one PBX, keep one set of records in PostgreSQL."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from harness.databases import Postgres, start_postgres
from harness.pbx import Pbx, Version, wait_for
from harness.sip import Carrier, Phone, place_call, ring_in
from program.site import SETTINGS, Site
from program.watch import Remembered, Watch

pytestmark = pytest.mark.asterisk

HOTLINE = "+18005550100"
CALLED = "+15035550171"
CALLER = "+16175550171"
PASSWORD = "only-for-this-test"
SECOND_SETTINGS = "/etc/callveil/second.yaml"
SECOND_LOG = "/var/lib/callveil/second.log"
OUT = Remembered("hotline", "out", "hide", "ANSWERED")
IN = Remembered("hotline", "in", "scrub", "ANSWERED")


class Program:
    """Two PBXs, of different versions of Asterisk, and the server that both write their records to."""

    def __init__(self, server: Postgres, url: str, sites: list[Site]) -> None:
        self.server = server
        self.url = url
        self.sites = sites

    def settled(self) -> list[dict[str, str]]:
        """All records, once no journal holds any more."""
        for site in self.sites:
            site.records_settled()
        return self.sites[0].records_now()

    def serve_twice(self) -> None:
        """Start a second Callveil beside the first one's Asterisk."""
        callveil = self.sites[0].pbx.callveil
        more = "agi: {port: 4574}\ncompiled: /var/lib/callveil/second.json\n"
        more += "troubles: /run/callveil/second.json\n"
        text = f'{SETTINGS}store: "{self.url}"\n{more}'
        callveil.write(SECOND_SETTINGS, text, 0o640, "asterisk:asterisk")
        command = f"exec callveil serve --settings {SECOND_SETTINGS} --debug >> {SECOND_LOG} 2>&1"
        callveil.spawn(command, user="asterisk")

    def second(self) -> str:
        """The process id of the second Callveil."""
        found = self.sites[0].pbx.callveil.exec(f"pgrep -f '[s]erve --settings {SECOND_SETTINGS}'").stdout
        return found.split()[-1]


@pytest.fixture(scope="module")
def program(images: None) -> Iterator[Program]:
    with ExitStack() as stack:
        server = stack.enter_context(start_postgres())
        database = server.new_database("secretive", PASSWORD)
        url = server.url(database, f"secretive:{PASSWORD}", inside=True)

        def start(version: Version) -> Site:
            pbx = Pbx.start(version, "callveil", mounts=[server.mount])
            stack.enter_context(pbx)
            site = Site(pbx, serve=False)
            settings = f'{SETTINGS}store: "{url}"\n'
            pbx.callveil.write("/etc/callveil/settings.yaml", settings, 0o640, "asterisk:asterisk")
            site.serve()
            return site

        versions: list[Version] = ["22", "16"]
        with ThreadPoolExecutor(2) as pool:
            sites = list(pool.map(start, versions))
        made = Program(server, url, sites)
        made.serve_twice()
        for site in sites:
            site.wait_ready()
        wait_for("the second Callveil", lambda: len(sites[0].processes()) == 2)
        wait_for(
            "both to hear Asterisk",
            lambda: sites[0].pbx.cli("manager show connected").count("callveil ") >= 2,
        )
        yield made


def place_some(site: Site, *, out: bool = True) -> None:
    """Four calls at the same time: two out, unless Callveil is away, and two in."""
    with Carrier(site.pbx), Phone(site.pbx, "201"), ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(ring_in, site.pbx, HOTLINE, CALLER, seconds=0.6) for _ in range(2)]
        if out:
            calls += [pool.submit(place_call, site.pbx, "201", CALLED, hold_ms=600) for _ in range(2)]
        assert all(call.result().answered for call in calls)


def test_each_call_of_two_pbxs_stands_once(program: Program) -> None:
    watch = Watch(program.sites[0])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(place_some, program.sites))
    program.settled()
    watch.expect_in_the_end(*[OUT] * 4, *[IN] * 4)
    # Both PBXs tell the same.
    one, other = (sorted(map(str, site.records_now())) for site in program.sites)
    assert one == other


def test_one_of_two_callveils_is_killed_and_the_other_goes_on(program: Program) -> None:
    first = program.sites[0]
    watch = Watch(first)
    keeps = program.second()
    (killed,) = set(first.processes()) - {keeps}
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(place_some, site) for site in program.sites]
        wait_for("calls to begin", lambda: "0 active calls" not in first.pbx.cli("core show channels"))
        first.pbx.callveil.exec(["kill", f"-{signal.SIGKILL.value}", killed])
        for call in calls[1:]:
            call.result()
        # Calls out that the killed one was just asked about are refused; each is remembered all the same.
        calls[0].exception()
    place_some(first, out=False)
    assert first.processes() == [keeps]
    program.settled()
    found = wait_for("all records", lambda: now if len(now := watch.records()) >= 10 else None)
    assert len(found) == 10
    assert found.count(IN) == 6
    first.serve()
    first.wait_ready()


def test_a_server_that_is_killed_loses_nothing(program: Program) -> None:
    watch = Watch(program.sites[0])
    program.server.kill()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(place_some, program.sites))
    said = "The record store (PostgreSQL"
    wait_for("both to say so", lambda: all(said in site.log() for site in program.sites))
    assert all(site.journal() for site in program.sites)
    program.server.serve()
    program.settled()
    watch.expect_in_the_end(*[OUT] * 4, *[IN] * 4)


def test_the_server_has_no_number_and_no_log_or_process_shows_the_password(program: Program) -> None:
    for site in program.sites:
        for log in (site.log(), site.pbx.callveil.exec(f"cat {SECOND_LOG} || true").stdout):
            assert PASSWORD not in log
        arguments = site.pbx.callveil.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
        assert "callveil serve" in arguments
        assert PASSWORD not in arguments
    searched = "/var/lib/records /var/log"
    for number in (CALLED, CALLER):
        ending = number[-7:]
        said = program.server.container.exec(f"grep -rlaF {ending} {searched}", check=False)
        assert said.stdout == ""
    # The control: the search does find what the server keeps.
    assert program.server.container.exec("grep -rlaF hotline /var/lib/records").stdout
