"""Telephones and the carrier in one: they call, are called, transfer and forward, all at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from harness.beside import Beside
from harness.pbx import Pbx, wait_for
from harness.sip import CARRIER_ADDRESS, PHONES
from harness.sipmessage import SipMessage, parse_message

MORE_PHONES = ("127.0.0.12", "127.0.0.13")
"""Addresses of telephones that only some tests have; what they are to the PBX, these tests say."""


class Exchange(Beside):
    """Every telephone of a PBX and its carrier, at their addresses, until this is closed.

    A telephone that is called does what the user part of its address says: `refer.NUMBER` answers and
    transfers the caller there, `attend.NUMBER` calls the number before it transfers, `keys.NUMBER` and
    `asking.NUMBER` do the same by pressing keys, `forward.NUMBER` answers 302 with a Contact at the PBX.
    Anything else is answered and lasts.
    """

    def __init__(self, pbx: Pbx) -> None:
        super().__init__(pbx, "exchange.py", {"addresses": [CARRIER_ADDRESS, *PHONES.values(), *MORE_PHONES]})

    def dial(self, ext: str, number: str, then: tuple[str, str] | None = None) -> None:
        """A telephone dials.

        Args:
            ext: the telephone.
            number: what it dials, as it stands.
            then: `refer` or `attend`, and the number to which the call is transferred once it is answered.
        """
        self._dial(PHONES[ext], number, "", [], then)

    def call_in(self, did: str, caller: str, name: str, headers: Sequence[str] = ()) -> None:
        """The carrier brings a call from outside."""
        sender = f'"{name}" <sip:{caller}@{CARRIER_ADDRESS}>'
        self._dial(CARRIER_ADDRESS, did, sender, [f"P-Asserted-Identity: {sender}", *headers], None)

    def _dial(
        self, ip: str, number: str, sender: str, headers: Sequence[str], then: tuple[str, str] | None
    ) -> None:
        command = {"ip": ip, "number": number, "sender": sender, "headers": list(headers), "then": then}
        self._ask({"do": "dial", **command})

    def _state(self) -> tuple[list[tuple[str, SipMessage]], int]:
        said = self._ask({"do": "tell"})
        found = [
            (ip, parse_message(text.encode(), "sent" if direction == "sent" else "received"))
            for ip, direction, text in said["log"]
        ]
        return found, said["busy"]

    def at(self, address: str) -> dict[str, list[SipMessage]]:
        """All that one of them sent and received so far, by Call-ID, the calls in their order."""
        calls: dict[str, list[SipMessage]] = {}
        for ip, message in self._state()[0]:
            if ip == address:
                calls.setdefault(message.call_id, []).append(message)
        return calls

    def arrived(self) -> dict[str, list[list[SipMessage]]]:
        """What the carrier received in each call that reached it, by the number that was called."""
        found: dict[str, list[list[SipMessage]]] = {}
        for messages in self.at(CARRIER_ADDRESS).values():
            first = messages[0]
            if first.direction == "received" and first.method == "INVITE":
                received = [message for message in messages if message.direction == "received"]
                found.setdefault(first.dialled, []).append(received)
        return found

    def wait_settled(self, timeout: float = 20) -> None:
        """Waits until no telephone has anything left to do but to talk."""
        wait_for("the telephones to be done", lambda: self._state()[1] == 0, timeout)

    def hang_up(self) -> None:
        """Every end hangs up."""
        self._ask({"do": "hang up"})
