"""Many calls at the same time, each end of them playing a list of steps, in one process beside the PBX."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

from harness.closing import Closing
from harness.container import inside_line
from harness.daemon import HarnessError
from harness.pbx import Pbx, wait_for
from harness.peers import close_pipes, end

Step: TypeAlias = tuple[str | float, ...]
"""What an end does next.

Whoever is called: ``ring``; ``answer``; ``refuse STATUS``, as "486 Busy Here"; ``forward NUMBER`` (302).
Both, in a call that was answered: ``wait SECONDS``; ``speak SECONDS``; ``keys TEXT``; ``refer NUMBER`` (a
transfer unannounced); ``attend NUMBER SECONDS`` (calls there, talks, transfers); ``fetch NUMBER SECONDS`` (a
call of its own); ``bye``. An end with no more steps stays until the other one hangs up.
"""

Script: TypeAlias = Sequence[Step]


@dataclass(frozen=True)
class Dialling:
    """One call to be made.

    Attributes:
        ip: the address of the telephone, or of the carrier.
        number: what is dialled.
        sender: From, where it is not the telephone itself.
        headers: further lines of the INVITE.
        steps: what the caller does once the call is answered.
        give_up: seconds until the caller cancels a call that is not answered; 0 for never.
        after: seconds until it begins.
    """

    ip: str
    number: str
    sender: str = ""
    headers: tuple[str, ...] = ()
    steps: Script = ()
    give_up: float = 0
    after: float = 0


class Crowd(Closing):
    """Telephones and a carrier at their addresses, until this is closed.

    Args:
        pbx: whose calls they are.
        addresses: where ends stand.
        scripts: what somebody plays who is called, by the user part of the address that is asked for.
    """

    def __init__(self, pbx: Pbx, addresses: Iterable[str], scripts: Mapping[str, Script]) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            pbx.tools.inside_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        request = {"addresses": list(addresses), "scripts": dict(scripts)}
        self._write(inside_line("crowd.py", request))
        if self._read(15) != "ready":
            self.close()
            raise HarnessError("the telephones did not start")

    def _write(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _read(self, timeout: float) -> Any:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout)
        line = self._process.stdout.readline() if readable else b""
        if not line.strip():
            said = self._process.stderr.read() if self._process.poll() and self._process.stderr else b""
            raise HarnessError(f"the telephones do not answer: {said.decode()[-2000:]}")
        return json.loads(line)

    def _ask(self, command: dict[str, Any]) -> Any:
        with self._lock:
            self._write(json.dumps(command).encode() + b"\n")
            return self._read(20)

    def call(self, calls: Iterable[Dialling]) -> None:
        """Begins calls."""
        self._ask({"do": "call", "calls": [vars(one) for one in calls]})

    def outcomes(self) -> list[dict[str, Any]]:
        """Of each call, in the order they were given in: whether it began, its final status, its end."""
        return list(self._ask({"do": "tell"})["outcomes"])

    def reached(self) -> dict[str, int]:
        """How many calls came to each user part, and how many that were fetched were answered."""
        return dict(self._ask({"do": "tell"})["reached"])

    def wait_over(self, timeout: float) -> None:
        """Waits until every call that was made has ended."""
        wait_for("all calls to end", lambda: all(one["over"] for one in self.outcomes()), timeout, 0.3)

    def close(self) -> None:
        """Ends it."""
        end(self._process)
        close_pipes(self._process)
