"""Many calls at the same time, each end of them playing a list of steps, in one process beside the PBX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from harness.beside import Beside
from harness.pbx import Pbx, wait_for

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


class Crowd(Beside):
    """Telephones and a carrier at their addresses, until this is closed.

    Args:
        pbx: whose calls they are.
        addresses: where ends stand.
        scripts: what somebody plays who is called, by the user part of the address that is asked for.
    """

    def __init__(self, pbx: Pbx, addresses: Iterable[str], scripts: Mapping[str, Script]) -> None:
        super().__init__(pbx, "crowd.py", {"addresses": list(addresses), "scripts": dict(scripts)})

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
