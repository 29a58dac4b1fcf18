"""Calls byte for byte as an attacker would write them, and many of them at once."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from harness.container import BOOTSTRAP
from harness.pbx import Pbx
from harness.sip import CARRIER_ADDRESS, PBX_ADDRESS, PHONES
from harness.sipmessage import SipMessage, parse_message

INSIDE: Final = Path(__file__).with_name("raw_sip_inside.py")

Step = tuple[float, str, Sequence[str]]
"""Seconds to wait, then a method, and further headers of that request."""


@dataclass(frozen=True)
class RawCall:
    r"""One request from outside, and the call that may come of it.

    Text is sent as UTF-8; a byte that is none, such as 0xFF, is written as a surrogate: "\udcff".

    Attributes:
        uri: the request's URI.
        sender: the whole value of From, without a tag.
        ip: where it comes from.
        headers: further lines.
        then: what happens once it is answered. In a header, {replaces:1} names the second of all calls, for a
            transfer to it.
        hold: seconds that it lasts after that.
        give_up: seconds until it is cancelled when nobody answers.
        method: INVITE, or a request of another kind.
        body: of that other kind.
        keys: keys that are pressed: seconds from when the other side can first be heard, which may be before
            it answers, and the key.
        keys_by: ``rtp`` for telephone events (RFC 4733), ``info`` for SIP INFO.
    """

    uri: str
    sender: str
    ip: str
    headers: Sequence[str] = ()
    then: Sequence[Step] = ()
    hold: float = 0.1
    give_up: float = 8
    method: str = "INVITE"
    body: str = ""
    keys: Sequence[tuple[float, str]] = ()
    keys_by: Literal["rtp", "info"] = "rtp"


@dataclass(frozen=True)
class RawResult:
    """What came of it."""

    messages: list[SipMessage] = field(repr=False)
    loud_ms: int
    """How much of the audio was not silence, in milliseconds."""
    audio: bytes = field(default=b"", repr=False)
    """The audio that arrived, in µ-law."""

    @property
    def statuses(self) -> list[int]:
        """The answers to the first request, in order, each once."""
        first = self.messages[0].header("CSeq")
        found = [one.status for one in self.received if one.status and one.header("CSeq") == first]
        return list(dict.fromkeys(found))

    @property
    def received(self) -> list[SipMessage]:
        """All that came from the PBX."""
        return [message for message in self.messages if message.direction == "received"]

    @property
    def answered(self) -> bool:
        """Whether somebody took the call."""
        return 200 in self.statuses


def from_phone(ext: str, dialled: str, **more: object) -> RawCall:
    """Something is dialled on a telephone; every sign but letters and digits is percent-encoded."""
    address = PHONES[ext]
    uri = f"sip:{percent(dialled)}@{PBX_ADDRESS}"
    return RawCall(uri, f'"Phone {ext}" <sip:{ext}@{address}>', address, **more)  # type: ignore[arg-type]


def from_carrier(did: str, sender: str, **more: object) -> RawCall:
    """Somebody outside calls one of the program's numbers."""
    return RawCall(f"sip:{did}@{PBX_ADDRESS}", sender, CARRIER_ADDRESS, **more)  # type: ignore[arg-type]


def percent(text: str) -> str:
    """Text as the user part of a SIP address."""
    return "".join(
        chr(byte) if byte < 128 and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def place(pbx: Pbx, calls: Sequence[RawCall], *, timeout: float = 60) -> list[RawResult]:
    """Place calls, all at the same time, and wait until all are over."""
    request = [
        {
            "uri": call.uri,
            "from": call.sender,
            "ip": call.ip,
            "port": pbx.next_port(),
            "id": secrets.token_hex(6),
            "headers": list(call.headers),
            "then": [list(step) for step in call.then],
            "hold": call.hold,
            "give_up": call.give_up,
            "method": call.method,
            "body": call.body,
            "place": place,
            "keys": [list(key) for key in call.keys],
            "keys_by": call.keys_by,
        }
        for place, call in enumerate(calls)
    ]
    line = json.dumps({"name": INSIDE.name, "source": INSIDE.read_text(encoding="utf-8"), "request": request})
    said = pbx.tools.exec(["python3", "-c", BOOTSTRAP], input=line + "\n", timeout=timeout).stdout
    return [
        RawResult(
            [
                parse_message(
                    text.encode("utf-8", "surrogateescape"), "sent" if direction == "sent" else "received"
                )
                for direction, text in result["log"]
            ],
            result["loud_ms"],
            base64.b64decode(result["audio"]),
        )
        for result in json.loads(base64.b64decode(said))
    ]
