"""AMI in trouble: Callveil says what is wrong, comes back by itself, and each call is recorded once."""

from __future__ import annotations

import inspect
import json
import os
import select
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, Self

import pytest
from harness.ami import AmiTap
from harness.daemon import HarnessError
from harness.leaks import find_number
from harness.pbx import Pbx, wait_for
from harness.sip import Carrier, place_call
from program.far_end import FarEnd
from program.site import SETTINGS, Site
from program.watch import Remembered, Watch, restart

pytestmark = pytest.mark.asterisk

SECRET_FILE = "/etc/callveil/ami.secret"
RELAY_PORT = 5039

# Three kinds of calls that their records tell apart, with a number each.
HIDDEN = "+14045550158"
SHOWN = "+17705550158"
SUBSTITUTED = "+18005550158"

HIDE = Remembered("hotline", "out", "hide", "ANSWERED")
SHOW = Remembered("desk", "out", "show", "ANSWERED")
SUBSTITUTE = Remembered("desk", "out", "substitute", "ANSWERED")

LOST = "The connection to Asterisk is lost: Asterisk closed it. Connecting again."
SILENT = "Asterisk does not answer: no reply to a ping in 2 s. Connecting again."
AGAIN = "Connected to Asterisk again"


def sessions(site: Site) -> int:
    """How many sessions Callveil's AMI user has."""
    lines = site.pbx.cli("manager show connected", check=False).splitlines()
    return sum(line.split()[:1] == ["callveil"] for line in lines)


def written(tap: AmiTap) -> set[str]:
    """The random ids of the calls that Asterisk has written a record of."""
    return {event["VeilId"] for event in tap.events("Cdr")}


def wait_written(tap: AmiTap, number: int) -> None:
    """Wait until Asterisk has written a record of so many calls."""
    wait_for(f"the records of {number} calls", lambda: len(written(tap)) == number)


def test_a_wrong_secret_is_said_and_costs_no_record(site: Site) -> None:
    file = site.pbx.callveil
    right = file.read(SECRET_FILE).strip()
    wrong = "not-the-one-that-asterisk-knows"
    try:
        file.write(SECRET_FILE, f"{wrong}\n", 0o640, "root:asterisk")
        with Carrier(site.pbx) as carrier:
            watch = Watch(site)
            restart(site)
            watch.wait_said("Asterisk refused the login of AMI user callveil: check the secret in")
            assert place_call(site.pbx, "201", HIDDEN).answered
            (invite,) = carrier.calls()
            assert FarEnd(invite).shown is None
            watch.expect(HIDE)
            assert sessions(site) == 0
    finally:
        file.write(SECRET_FILE, f"{right}\n", 0o640, "root:asterisk")
        restart(site)
    site.wait_ready()
    assert sessions(site) == 1
    assert right not in site.log()
    assert wrong not in site.log()


@pytest.mark.parametrize("how", ["graceful", "now", "kill"])
def test_asterisk_ends_and_starts_again(site: Site, how: Literal["graceful", "now", "kill"]) -> None:
    pbx = site.pbx
    watch = Watch(site)
    hold = 3000 if how == "graceful" else 5500
    with ThreadPoolExecutor(3) as pool:
        with AmiTap(pbx) as tap, Carrier(pbx) as carrier:
            during = pool.submit(place_call, pbx, "101", SHOWN, hold_ms=hold, timeout=12)
            before = [pool.submit(place_call, pbx, "201", HIDDEN, hold_ms=100) for _ in range(2)]
            assert [call.result().answered for call in before] == [True, True]
            carrier.wait_calls(3)
            wait_written(tap, 2)
            assert not during.done()
            pbx.stop_asterisk(how)
        pbx.start_asterisk()
        wait_for("the listener to come back", lambda: sessions(site) == 1, 10)
        with Carrier(pbx):
            assert place_call(pbx, "101", SUBSTITUTED).answered
        # A crash takes the record of the call in progress with it, and of no other.
        survived = [] if how == "kill" else [SHOW]
        watch.expect(HIDE, HIDE, SUBSTITUTE, *survived)
        assert during.result().answered
    assert LOST in watch.said()
    assert AGAIN in watch.said()


def test_a_frozen_asterisk_is_noticed(site: Site) -> None:
    pbx = site.pbx
    watch = Watch(site)
    with Carrier(pbx) as carrier, ThreadPoolExecutor(1) as pool:
        during = pool.submit(place_call, pbx, "101", SHOWN, hold_ms=2500, timeout=25)
        carrier.wait_calls(1)
        pbx.exec("kill -STOP $(pidof asterisk)")
        try:
            watch.wait_said(SILENT)
            # The system still takes connections for it.
            watch.wait_said("Asterisk does not answer: no reply to a login in 2 s. Connecting again.")
        finally:
            pbx.exec("kill -CONT $(pidof asterisk)")
        watch.wait_said(AGAIN)
        wait_for("no session but the new one", lambda: sessions(site) == 1)
        assert during.result().answered
        assert place_call(pbx, "201", HIDDEN).answered
    watch.expect(HIDE, SHOW)


def relay(request: dict[str, Any]) -> None:
    """Inside the tools container: stands between Callveil and Asterisk, and does to their connection as told.

    Reads a word a line: `cut` ends all connections, `cut-event` ends the one on which the next Cdr event
    comes, in the middle of that event, `swallow` passes nothing on and ends nothing, `pass` passes all on.
    Writes a line of JSON for each thing that happened.
    """
    import re
    import socket
    import sys
    import threading

    mode = "pass"
    pairs: list[tuple[socket.socket, socket.socket]] = []
    server = socket.create_server(("127.0.0.1", request["port"]))

    def tell(**what: object) -> None:
        print(json.dumps(what), flush=True)

    def end(pair: tuple[socket.socket, socket.socket]) -> None:
        for one in pair:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def pump(pair: tuple[socket.socket, socket.socket], *, back: bool) -> None:
        nonlocal mode
        source, target = pair if back else pair[::-1]
        seen = b""
        while data := source.recv(65536):
            if mode == "swallow":
                tell(swallowed=len(data), back=back)
                continue
            if back:
                seen += data
                begin = seen.find(b"Event: Cdr\r\n")
                if mode == "cut-event" and begin >= 0:
                    mode = "pass"
                    keep = len(data) - len(seen) + begin + 40
                    target.sendall(data[: max(0, keep)])
                    tell(cut=True)
                    break
                for call_id in re.findall(rb"VeilId: ([^\r]+)\r\n(?:[^\r]+\r\n)*\r\n", seen):
                    tell(whole=call_id.decode())
                seen = seen.rpartition(b"\r\n\r\n")[2]
            target.sendall(data)
        end(pair)

    def guarded(pair: tuple[socket.socket, socket.socket], back: bool) -> None:
        try:
            pump(pair, back=back)
        except OSError:
            end(pair)

    def accept() -> None:
        while True:
            near, _ = server.accept()
            pair = (socket.create_connection(("127.0.0.1", 5038)), near)
            pairs.append(pair)
            for back in (True, False):
                threading.Thread(target=guarded, args=(pair, back), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    tell(ready=True)
    for line in sys.stdin:
        word = line.strip()
        mode = "pass" if word == "cut" else word
        if word == "cut":
            for pair in pairs:
                end(pair)
        tell(mode=word)


class Relay:
    """A running `relay`."""

    def __init__(self, pbx: Pbx, port: int) -> None:
        source = f"import json\nfrom typing import Any\n{inspect.getsource(relay)}\nrelay(d['request'])\n"
        self._process = subprocess.Popen(
            pbx.tools.inside_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._told: list[dict[str, Any]] = []
        self._rest = b""
        self._send(json.dumps({"name": "relay", "source": source, "request": {"port": port}}))
        wait_for("the relay", lambda: {"ready": True} in self.told())

    def _send(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def told(self) -> list[dict[str, Any]]:
        """All that it said so far."""
        assert self._process.stdout
        while select.select([self._process.stdout], [], [], 0)[0]:
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise HarnessError("the relay has ended")
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._told += [json.loads(line) for line in lines]
        return self._told

    def do(self, word: str) -> None:
        """Tell it what to do and wait until it does."""
        before = self.told().count({"mode": word})
        self._send(word)
        wait_for(f"the relay to {word}", lambda: self.told().count({"mode": word}) > before)

    def passed_on(self) -> set[str]:
        """The random ids of all calls of which Callveil was sent a whole event."""
        return {one["whole"] for one in self.told() if "whole" in one}

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@pytest.fixture(scope="module")
def between(site: Site) -> Iterator[Relay]:
    """Something between Callveil and Asterisk that can break their connection."""
    with Relay(site.pbx, RELAY_PORT) as running:
        restart(site, settings=SETTINGS.replace("{", f"{{port: {RELAY_PORT}, ", 1))
        site.wait_ready()
        yield running
        restart(site, settings=SETTINGS)


BROKEN = {"cut": LOST, "cut-event": LOST, "swallow": SILENT}


def test_a_connection_that_breaks_during_a_call_costs_no_record(site: Site, between: Relay) -> None:
    pbx = site.pbx
    whole = Watch(site)
    with AmiTap(pbx) as tap, Carrier(pbx) as carrier, ThreadPoolExecutor(1) as pool:
        for calls, (how, said) in enumerate(BROKEN.items(), 1):
            watch = Watch(site)
            during = pool.submit(place_call, pbx, "101", SHOWN, hold_ms=1300)
            carrier.wait_calls(calls)
            between.do(how)
            assert during.result().answered
            wait_written(tap, calls)
            watch.wait_said(said)
            between.do("pass")
            watch.wait_said(AGAIN)
            wait_for("no session but the new one", lambda: sessions(site) == 1)
            watch.expect(SHOW)
        assert place_call(pbx, "201", HIDDEN).answered
        whole.expect_in_the_end(HIDE, *[SHOW] * len(BROKEN))
        # Without the journal some would be missing: Callveil was never sent their events.
        missed = len(written(tap) - between.passed_on())
    assert {"cut": True} in between.told()
    assert missed >= len(BROKEN) - 1


def test_no_disk_holds_a_number_of_all_these_calls(site: Site) -> None:
    with Carrier(site.pbx), ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(place_call, site.pbx, ext, number)
            for ext, number in (("201", HIDDEN), ("101", SHOWN), ("101", SUBSTITUTED))
        ]
        assert [call.result().answered for call in calls] == [True] * 3
    site.pbx.wait_idle()
    assert "DEBUG" in site.log()
    assert find_number(site.pbx, [HIDDEN, SHOWN, SUBSTITUTED]) == []
