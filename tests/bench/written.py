"""Records of the same calls, by Callveil and by a module of Asterisk's own that writes them to SQLite.

Each has an Asterisk 22 of its own with the same dialplan, which waits while the other is measured: only what
takes the records differs. Calls are placed within Asterisk, without telephones, so that records count most.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.closing import Closing
from harness.daemon import HarnessError
from harness.images import RECIPES, REPOSITORY
from harness.pbx import TESTER_SECRET, Pbx, wait_for
from program.site import Site

from bench.calls import QUEUES, TICK_MS, queued
from bench.figures import Figure, Goal, alternate

CALLS: Final = 1_000
"""Calls of a round."""

AT_ONCE: Final = 4
"""How many are under way at any time."""

CALLVEIL: Final = "Callveil"
OWN: Final = "cdr_sqlite3_custom"

_INSIDE: Final = Path(__file__).parent / "inside" / "place_calls.py"
_CALL: Final = """
[bench-call]
exten => s,1,Gosub(callveil-id,s,1)
 same => n,Gosub(callveil-record,s,1(hotline,in,scrub,))
 same => n,Answer()
 same => n,Wait(5)
"""
# The columns that Callveil's journal has.
_COLUMNS: Final = {
    "id": "veil_id",
    "sequence": "sequence",
    "line": "veil_line",
    "direction": "veil_direction",
    "decision": "veil_decision",
    "began": "start",
    "spoken": "billsec",
    "disposition": "disposition",
    "party": "veil_party",
}
_VALUE: Final = "'${{CDR({})}}'"
_OWN_SETTINGS: Final = (
    "[master]\n"
    "table => cdr\n"
    f"columns => {', '.join(_COLUMNS)}\n"
    f"values => {','.join(map(_VALUE.format, _COLUMNS.values()))}\n"
)
_DATABASES: Final = {
    CALLVEIL: ("/var/lib/callveil/records.sqlite3", "SELECT count(*) FROM records"),
    OWN: ("/var/log/asterisk/master.db", "SELECT count(*) FROM cdr"),
}
_RUNNING: Final = {CALLVEIL: {"cdr_custom.so", "cdr_manager.so"}, OWN: {"cdr_sqlite3_custom.so"}}
_WRITES: Final = re.compile(r"^(cdr_\S+\.so)\s.*\sRunning\s", re.MULTILINE)


@dataclass(frozen=True)
class Round:
    """What came of the calls of one round.

    Attributes:
        rate: records committed in a second, from the first call to the last record.
        cpu_ms: processor time for each call, of Asterisk and of Callveil.
        late_ms: milliseconds from the end of the last call to the last record.
    """

    rate: float
    cpu_ms: float
    late_ms: float


class Writer(Closing):
    """An Asterisk of which one program takes the records.

    Args:
        name: `CALLVEIL` or `OWN`.
    """

    def __init__(self, name: str) -> None:
        text = (RECIPES / "etc-asterisk" / "callveil" / "extensions.conf").read_text()
        overlay = {"/etc/asterisk/extensions.conf": text + _CALL}
        if name == OWN:
            overlay["/etc/asterisk/cdr_sqlite3_custom.conf"] = _OWN_SETTINGS
            overlay["/etc/asterisk/modules.conf"] = own_modules()
        self._name = name
        self._pbx = Pbx.start("22", "callveil", overlay)
        try:
            self._site = Site(self._pbx, serve=False)
            if name == CALLVEIL:
                self._pbx.callveil.spawn("exec callveil serve", user="asterisk")
                self._site.wait_ready()
            running = set(_WRITES.findall(self._pbx.cli("module show like cdr_")))
            if running != _RUNNING[name]:
                raise HarnessError(f"{name}: the modules that take records are {sorted(running)}")
        except BaseException:
            self.close()
            raise

    def place(self) -> Round:
        """Place the calls of a round."""
        asterisk = self._pbx.exec(["pidof", "asterisk"]).stdout.split()
        database, count = _DATABASES[self._name]
        request = {
            "calls": CALLS,
            "at_once": AT_ONCE,
            "channel": "Local/s@bench-call/n",
            "user": "tester",
            "secret": TESTER_SECRET,
            "processes": [*asterisk, *self._site.processes()],
            "database": database,
            "count": count,
        }
        found = self._run(request)
        self._pbx.wait_idle()
        wait_for("Asterisk's queues to be empty", lambda: not queued(self._pbx.cli(QUEUES)))
        return Round(
            CALLS / found["seconds"],
            found["ticks"] * TICK_MS / CALLS,
            (found["seconds"] - found["placed"]) * 1e3,
        )

    def _run(self, request: dict[str, Any]) -> dict[str, float]:
        sent = {"name": _INSIDE.name, "source": _INSIDE.read_text(), "request": request}
        done = subprocess.run(
            self._pbx.pbx.inside_command(),
            input=json.dumps(sent).encode() + b"\n",
            capture_output=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            raise HarnessError(f"placing calls failed:\n{done.stderr.decode('utf-8', 'replace')[-3000:]}")
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def close(self) -> None:
        """Remove it all."""
        self._pbx.close()


def own_modules() -> str:
    """Return a modules.conf that loads of all that takes records only the baseline's module."""
    text = (REPOSITORY / "config" / "modules.conf").read_text()
    left_out = [f"noload => {module}" for module in sorted(_RUNNING[CALLVEIL])]
    others = [line for line in text.splitlines() if OWN not in line]
    return "\n".join(['#include "modules-base.conf"', *others, *left_out, ""])


_COMPARED: Final[tuple[tuple[str, str, Callable[[Round], float], Goal | None], ...]] = (
    ("calls with a committed record", "a second", lambda one: one.rate, Goal(0.8, at_least=True)),
    ("processor time of a call with its record", "ms a call", lambda one: one.cpu_ms, None),
    ("from the last call's answer to the last record", "ms", lambda one: one.late_ms, None),
)


def measure() -> Iterator[Figure]:
    """Yield the figures of records that Callveil takes, and a module of Asterisk's own."""
    with Writer(CALLVEIL) as callveil, Writer(OWN) as own:
        ways = (callveil.place, own.place)
        alternate(ways, rounds=1)
        ours, theirs = alternate(ways)
    for name, unit, value, goal in _COMPARED:
        mine, their = [[value(one) for one in rounds] for rounds in (ours, theirs)]
        yield Figure(f"within Asterisk: {name}", unit, mine, their, "Asterisk's own cdr_sqlite3_custom", goal)
