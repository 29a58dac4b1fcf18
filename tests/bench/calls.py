"""Calls through one Asterisk 22, with Callveil and round it, placed and taken by SIPp.

Both ways are in the same running Asterisk. The baseline is a plain `Dial` of the trunk, reached by a prefix.
Like Callveil's it does not tell the telephone who is connected (`I`); unlike Callveil's, and unlike what most
programs have, it writes no record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.closing import Closing
from harness.images import RECIPES
from harness.pbx import Pbx, wait_for
from harness.sip import CARRIER_ADDRESS, PBX_ADDRESS, PHONES
from program.site import Site

from bench.figures import Figure, Goal, alternate
from bench.sipp_log import Seen, calls_a_second, post_dial_delay, read_log

PLAIN: Final = "99"
HIDDEN: Final = ""

CALLS: Final = 100
A_SECOND: Final = 20
"""Calls of a round that measures delay, and how many are offered in a second: few enough to meet no queue."""

CROWD: Final = 200
AT_ONCE: Final = 8
"""Calls of a round that measures the rate, and how many of them are under way at any time."""

SCENARIOS: Final = Path(__file__).parent / "scenarios"
FOLDER: Final = "/tmp/bench"
TICK_MS: Final = 10
"""Milliseconds of a tick in /proc/PID/stat, on every Linux that Debian builds."""

QUEUES: Final = "core show taskprocessors"

_INTERNAL: Final = "[from-internal]\n"
_ROUND_CALLVEIL: Final = f"""\
exten => _{PLAIN}+X.,1,Dial(PJSIP/${{EXTEN:{len(PLAIN)}}}@trunk,,I)
 same => n,Hangup()
"""
NUMBERS: Final = tuple(f"+1{area}55501{last:02}" for area in range(200, 230) for last in range(100))
"""Numbers that are kept for fiction, one for each call of a round."""


@dataclass(frozen=True)
class Round:
    """What came of the calls of one round.

    Attributes:
        phone: what the telephone saw.
        carrier: what the carrier saw.
        placed: how many calls were placed.
        cpu_ms: what Asterisk and Callveil took of the processor for each of them, in milliseconds.
    """

    phone: Seen
    carrier: Seen
    placed: int
    cpu_ms: float

    @property
    def failed(self) -> int:
        """How many calls came to no good end."""
        return self.placed - len(self.phone.ended)


TROUBLES: Final[Mapping[str, Callable[[Round], int]]] = {
    "calls that failed": lambda one: one.failed,
    "INVITEs that Asterisk let be sent again": lambda one: one.phone.repeated,
}


class Load(Closing):
    """An Asterisk with Callveil on it, a carrier that answers, and a telephone that dials without pause."""

    def __init__(self) -> None:
        text = (RECIPES / "etc-asterisk" / "callveil" / "extensions.conf").read_text()
        if _INTERNAL not in text:
            raise ValueError("the test program's dialplan has no context for telephones")
        overlay = {"/etc/asterisk/extensions.conf": text.replace(_INTERNAL, _INTERNAL + _ROUND_CALLVEIL)}
        self._pbx = Pbx.start("22", "callveil", overlay)
        try:
            self._site = Site(self._pbx, serve=False)
            # As an admin runs it, without a log of every step.
            self._pbx.callveil.spawn("exec callveil serve", user="asterisk")
            self._site.wait_ready()
            self._start_carrier()
        except BaseException:
            self.close()
            raise

    def _start_carrier(self) -> None:
        tools = self._pbx.tools
        tools.write(f"{FOLDER}/numbers.csv", "SEQUENTIAL\n" + "".join(f"{number}\n" for number in NUMBERS))
        tools.write(f"{FOLDER}/carrier.xml", (SCENARIOS / "carrier.xml").read_bytes())
        for prefix in (HIDDEN, PLAIN):
            scenario = (SCENARIOS / "phone.xml").read_text().replace("{{prefix}}", prefix)
            tools.write(f"{FOLDER}/phone{prefix}.xml", scenario)
        tools.spawn(
            f"cd {FOLDER} && exec sipp -sf carrier.xml -i {CARRIER_ADDRESS} -p 5060 -nostdin"
            " -trace_shortmsg -shortmessage_file carrier.log > carrier.out 2>&1"
        )
        wait_for("the carrier", lambda: f"{ip_in_proc(CARRIER_ADDRESS)}:13C4" in tools.read("/proc/net/udp"))

    def place(self, prefix: str, calls: int, *pace: str) -> Round:
        """Place calls and wait for their end.

        Args:
            prefix: the way they go.
            calls: how many.
            pace: SIPp's options that say how fast.
        """
        before, began = self._cpu_ms(), self._carrier_size()
        self._pbx.tools.exec(
            f"cd {FOLDER} && rm -f phone.log && timeout 60 sipp -sf phone{prefix}.xml -inf numbers.csv"
            f" -i {PHONES['201']} -p 5060 -nostdin -trace_shortmsg -shortmessage_file phone.log"
            f" -m {calls} -timeout 50 {' '.join(pace)} {PBX_ADDRESS}:5060 > phone.out 2>&1",
            check=False,  # how many calls failed is in the log
            timeout=90,
        )
        self._pbx.wait_idle()
        # What these calls left to do must not meet the next ones.
        wait_for("Asterisk's queues to be empty", lambda: not queued(self._pbx.cli(QUEUES)))
        cpu = (self._cpu_ms() - before) / calls
        carrier = self._pbx.tools.exec(f"tail -c +{began + 1} {FOLDER}/carrier.log").stdout
        phone = self._pbx.tools.read(f"{FOLDER}/phone.log")
        return Round(read_log(phone, prefix), read_log(carrier), calls, cpu)

    def _carrier_size(self) -> int:
        said = self._pbx.tools.exec(f"stat -c %s {FOLDER}/carrier.log", check=False).stdout
        return int(said or 0)

    def _cpu_ms(self) -> float:
        processes = " ".join(f"/proc/{process}/stat" for process in self._site.processes())
        stats = self._pbx.exec(f"cat /proc/$(pidof asterisk)/stat {processes}").stdout
        return sum(ticks(line) for line in stats.splitlines()) * TICK_MS

    def close(self) -> None:
        """Remove it all."""
        self._pbx.close()


def queued(table: str) -> int:
    """Return how many tasks wait, as `QUEUES` tells: name, processed, in queue and so on, line by line."""
    rows = (line.split() for line in table.splitlines())
    return sum(int(row[2]) for row in rows if len(row) > 2 and row[1].isdecimal() and row[2].isdecimal())


def ticks(stat: str) -> int:
    """Return the processor time in a line of /proc/PID/stat, of user and kernel together."""
    after_name = stat.rpartition(")")[2].split()
    return int(after_name[11]) + int(after_name[12])


def ip_in_proc(address: str) -> str:
    """Return an IPv4 address as /proc/net/udp writes it on little-endian machines."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


def measure() -> Iterator[Figure]:
    """Yield the figures of calls through Asterisk."""
    with Load() as load:
        for prefix in (HIDDEN, PLAIN):
            load.place(prefix, 20, "-r", "20")
        delays = rounds(load, CALLS, "-r", str(A_SECOND))
        yield compared(
            f"post-dial delay, {A_SECOND} calls a second",
            "ms",
            delays,
            lambda one: post_dial_delay(one.phone.sent, one.carrier.received),
            Goal(5, difference=True),
        )
        yield compared("processor time", "ms a call", delays, lambda one: one.cpu_ms)
        rates = rounds(load, CROWD, "-r", "1000", "-l", str(AT_ONCE))
        yield compared(
            f"call set-up rate, {AT_ONCE} at once",
            "calls a second",
            rates,
            lambda one: calls_a_second(one.phone),
            Goal(0.8, at_least=True),
        )


def rounds(load: Load, calls: int, *pace: str) -> Mapping[str, list[Round]]:
    """Return rounds of both ways."""
    hidden, plain = alternate(
        (lambda: load.place(HIDDEN, calls, *pace), lambda: load.place(PLAIN, calls, *pace))
    )
    return {HIDDEN: hidden, PLAIN: plain}


def compared(
    name: str,
    unit: str,
    found: Mapping[str, list[Round]],
    value: Callable[[Round], float],
    goal: Goal | None = None,
) -> Figure:
    """Return the figure that rounds of both ways make."""
    notes = [
        f"{what}: {sum(map(count, found[HIDDEN]))} with Callveil, {sum(map(count, found[PLAIN]))} without"
        for what, count in TROUBLES.items()
        if any(map(count, (*found[HIDDEN], *found[PLAIN])))
    ]
    return Figure(
        f"call out, hidden: {name}",
        unit,
        [value(one) for one in found[HIDDEN]],
        [value(one) for one in found[PLAIN]],
        "a plain Dial in the same Asterisk",
        goal,
        "; ".join(notes),
    )
