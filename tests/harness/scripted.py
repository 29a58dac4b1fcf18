"""A far end, or a telephone, that answers byte for byte as a test wants, and speaks up in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from harness.pbx import Pbx
from harness.sip import CARRIER_ADDRESS, REASONS, Taker


@dataclass(frozen=True)
class Say:
    r"""One message: an answer to the INVITE, or a request of this end's own.

    Text is sent as UTF-8; a byte that is none, such as 0xFF, is written as a surrogate: "\udcff".

    Attributes:
        status: of the answer; 183 and 200 come with media.
        reason: the words beside it.
        headers: further lines.
        after: seconds since the message before it.
        method: makes it a request within the call, such as UPDATE.
    """

    status: int = 0
    reason: str = "Said"
    headers: Sequence[str] = ()
    after: float = 0.03
    method: str = ""


ANSWERS: Sequence[Say] = (Say(180, "Ringing"), Say(200, "OK", after=0.2))


@dataclass(frozen=True)
class Reply:
    """How one call is answered, where that is all there is to say.

    Attributes:
        status: the final answer; 200 takes the call, 0 gives no final answer at all.
        reason: the words beside it.
        headers: further lines of the final answer.
        after: seconds until then; more than until it rings.
        ring: seconds until it rings first; 0 for not at all.
        provisional: how that is said: 180, or 183 with media.
        hold: seconds after which a call that was taken is ended; 0 leaves that to the other side.
    """

    status: int
    reason: str = ""
    headers: Sequence[str] = ()
    after: float = 0
    ring: float = 0
    provisional: int = 180
    hold: float = 0

    def said(self) -> list[Say]:
        """The messages, in order."""
        steps = []
        if self.ring:
            steps.append(Say(self.provisional, "Ringing", after=self.ring))
        if self.status:
            reason = self.reason or REASONS.get(self.status, "Refused")
            steps.append(Say(self.status, reason, self.headers, self.after - self.ring))
        if self.status == 200 and self.hold:
            steps.append(Say(method="BYE", after=self.hold))
        return steps


Script: TypeAlias = Reply | Sequence[Say]
"""What is said in one call."""


class ScriptedCarrier(Taker):
    """Takes calls at one address, and says in each what it is told to.

    Of the calls to one number the first gets the first script, and so on; the last is for all others.

    Args:
        pbx: whose calls they are.
        scripts: for numbers that are not in `by_number`; without any, such calls are answered with 404.
        by_number: scripts for a number as it is asked for: the user part of the address.
        address: where it is.
    """

    def __init__(
        self,
        pbx: Pbx,
        *scripts: Script,
        by_number: Mapping[str, Sequence[Script]] | None = None,
        address: str = CARRIER_ADDRESS,
    ) -> None:
        request = {
            "otherwise": [told(script) for script in scripts or (Reply(404),)],
            "by_number": {
                number: [told(script) for script in some] for number, some in (by_number or {}).items()
            },
        }
        super().__init__(pbx, address, "scripted_carrier.py", request)


def told(script: Script) -> list[dict[str, object]]:
    """A script as the tools container wants it."""
    return [asdict(step) for step in (script.said() if isinstance(script, Reply) else script)]
