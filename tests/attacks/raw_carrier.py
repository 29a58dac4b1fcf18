"""A far end, or a telephone, that answers byte for byte as an attacker would, and speaks up in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from harness.pbx import Pbx
from harness.sip import CARRIER_ADDRESS, Taker


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


class RawCarrier(Taker):
    """Takes calls at one address.

    Args:
        pbx: whose calls they are.
        scripts: what is said in a call, by the user part of the address that is called, as it stands in the
            INVITE.
        otherwise: what is said in any other call.
        address: where it is.
    """

    def __init__(
        self,
        pbx: Pbx,
        scripts: Mapping[str, Sequence[Say]],
        otherwise: Sequence[Say] = ANSWERS,
        address: str = CARRIER_ADDRESS,
    ) -> None:
        told = {user: [asdict(step) for step in steps] for user, steps in scripts.items()}
        request = {"scripts": told, "otherwise": [asdict(step) for step in otherwise]}
        super().__init__(pbx, address, "raw_carrier.py", request)
