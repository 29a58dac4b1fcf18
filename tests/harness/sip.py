"""Phones and the carrier: SIPp in the tools container, around one PBX."""

from __future__ import annotations

import base64
import json
import re
import secrets
import select
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.closing import Closing
from harness.container import inside_line
from harness.daemon import HarnessError
from harness.pbx import Pbx, wait_for
from harness.peers import close_pipes, end
from harness.sipmessage import SipMessage, parse_log

SCENARIOS = Path(__file__).parent / "scenarios"
PBX_ADDRESS = "127.0.0.1"
CARRIER_ADDRESS = "127.0.0.3"
PHONES = {"101": "127.0.0.11", "201": "127.0.0.21", "202": "127.0.0.22"}
"""The telephones' addresses. The PBX knows a phone by its address alone."""

REASONS = {
    200: "OK",
    403: "Forbidden",
    404: "Not Found",
    433: "Anonymity Disallowed",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}

# Every final answer that is not 200; SIPp has to be told of each, or it takes it for a mistake.
REFUSALS = (
    *range(300, 306),
    *range(380, 381),
    *range(400, 440),
    *range(480, 500),
    *range(500, 506),
    513,
    580,
)
REFUSALS += (600, 603, 604, 606, 607, 608)

REFUSAL = '  <recv response="{code}" optional="true" next="refused" timeout="{wait}" ontimeout="give_up"/>'

KEPT_BY_SIP = "-_.!~*'()&=+$,;?/"
"""What may stand in the user part of a SIP URI as it is (RFC 3261, 25.1); # is not among it."""

FOREVER = 600_000


@dataclass(frozen=True)
class CallResult:
    """What a caller saw and heard of one call."""

    final_status: int
    """The last answer to the INVITE; 0 if there was none in time."""
    messages: list[SipMessage]
    media_packets: int
    audio: bytes = field(repr=False)
    """The audio that arrived, in µ-law, eight thousand bytes a second."""
    trouble: str = field(default="", repr=False)
    """What SIPp found wrong."""

    @property
    def answered(self) -> bool:
        """Whether somebody took the call."""
        return self.final_status == 200

    @property
    def statuses(self) -> list[int]:
        """All answers to the INVITE, in order."""
        return [
            message.status
            for message in self.messages
            if message.direction == "received" and message.status and message.method == "INVITE"
        ]

    @property
    def heard_ms(self) -> int:
        """How much audio came, in milliseconds."""
        return len(self.audio) // 8

    @property
    def loud_ms(self) -> int:
        """How much of the audio was not silence, in milliseconds."""
        # µ-law without its sign, inverted, is 0 for silence and grows with the logarithm of the loudness.
        return sum(1 for byte in self.audio if (~byte & 0x7F) > 0x20) // 8


def escape_user(digits: str) -> str:
    """Writes dialled digits as the user part of a SIP URI."""
    return "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in KEPT_BY_SIP) else quote(sign) for sign in digits
    )


def quote(sign: str) -> str:
    """Percent-encodes one character."""
    return "".join(f"%{byte:02X}" for byte in sign.encode())


def scenario(name: str, **values: object) -> str:
    """A scenario with its blanks filled in."""
    text = (SCENARIOS / f"{name}.xml").read_text()
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", str(value))
    left = re.findall(r"\{\{\w+\}\}", text)
    if left:
        raise HarnessError(f"{name}.xml: not filled in: {', '.join(left)}")
    return text


def place_call(
    pbx: Pbx,
    ext: str,
    digits: str,
    *,
    hold_ms: int = 300,
    timeout: float = 20,
    headers: Sequence[str] = (),
    give_up_ms: int | None = None,
    say: str | bytes | None = None,
) -> CallResult:
    """Dials digits on a phone, and hangs up after a while.

    Args:
        pbx: whose phone it is.
        ext: the phone's extension.
        digits: what is dialled; * # and + are meant as they stand.
        hold_ms: how long the caller stays on an answered call, unless the other side hangs up first.
        timeout: seconds for all of it.
        headers: further lines of the INVITE, as `Name: value`.
        give_up_ms: cancel if there is no answer within this time.
        say: text to speak or a WAV file's bytes; without it the phone listens only.
    """
    return call(
        pbx,
        PHONES[ext],
        f"sip:{escape_user(digits)}@{PBX_ADDRESS}",
        f'"Phone {ext}" <sip:{ext}@{PHONES[ext]}>',
        ext,
        hold_ms=hold_ms,
        timeout=timeout,
        headers=headers,
        give_up_ms=give_up_ms,
        say=say,
    )


def ring_in(
    pbx: Pbx,
    did: str,
    caller_number: str,
    caller_name: str = "",
    *,
    say: str | bytes | None = None,
    say_after_ms: int = 0,
    seconds: float = 1,
    timeout: float = 60,
    headers: Sequence[str] = (),
    give_up_ms: int | None = None,
    carrier_address: str = CARRIER_ADDRESS,
) -> CallResult:
    """Somebody calls from outside: the carrier hands over number and name in From and P-Asserted-Identity.

    Args:
        pbx: who is called.
        did: the number that was dialled.
        caller_number: the caller's number as the carrier writes it.
        caller_name: the name that goes with it.
        say: text to speak or a WAV file's bytes, over and over.
        say_after_ms: silence before that, such as for a greeting to end.
        seconds: how long the caller stays once the call is answered.
        timeout: seconds for all of it.
        headers: further lines of the INVITE.
        give_up_ms: cancel if there is no answer within this time.
        carrier_address: where it comes from.
    """
    user = escape_user(caller_number)
    name = f'"{caller_name}" ' if caller_name else ""
    identity = f"{name}<sip:{user}@{carrier_address}>"
    return call(
        pbx,
        carrier_address,
        f"sip:{escape_user(did)}@{PBX_ADDRESS}",
        identity,
        user,
        hold_ms=int(seconds * 1000),
        timeout=timeout,
        headers=[f"P-Asserted-Identity: {identity}", *headers],
        give_up_ms=give_up_ms,
        say=say,
        say_after_ms=say_after_ms,
    )


def call(
    pbx: Pbx,
    address: str,
    uri: str,
    sender: str,
    user: str,
    *,
    hold_ms: int,
    timeout: float,
    headers: Sequence[str],
    give_up_ms: int | None = None,
    say: str | bytes | None = None,
    say_after_ms: int = 0,
) -> CallResult:
    """One call from any address to any URI."""
    port, media, identity = pbx.next_port(), pbx.next_port(), secrets.token_hex(6)
    wait = give_up_ms or int(timeout * 1000)
    speech = ""
    if say is not None:
        play = '<nop><action><exec rtp_stream="speech.ul,-1,0,PCMU/8000"/></action></nop>'
        speech = f'  <pause milliseconds="{say_after_ms}"/>\n  {play}' if say_after_ms else f"  {play}"
    text = scenario(
        "call",
        id=identity,
        uri=uri,
        **{"from": sender},
        user=user,
        headers="".join(f"{line}\n" for line in headers),
        media="[rtpstream_audio_port]" if say is not None else media,
        refusals="\n".join(REFUSAL.format(code=code, wait=wait) for code in REFUSALS),
        wait=wait,
        hold=max(1, hold_ms - say_after_ms if say is not None else hold_ms),
        speech=speech,
    )
    arguments = ["-m", "1", f"{PBX_ADDRESS}:5060"]
    if say is not None:
        arguments += ["-min_rtp_port", str(media), "-max_rtp_port", str(media + 1)]
    request = {
        "id": identity,
        "scenario": text,
        "ip": address,
        "port": port,
        "listen": None if say is not None else media,
        "speech": spoken(say),
        "arguments": arguments,
        "timeout": timeout,
    }
    answer = pbx.tools.run_inside("sipp.py", request, timeout=timeout + 20)
    messages = parse_log(base64.b64decode(answer["messages"]))
    trouble = base64.b64decode(answer["errors"] or answer["out"]).decode("utf-8", "replace")
    if not messages:
        raise HarnessError(f"SIPp sent nothing (exit code {answer['code']}): {trouble[-2000:]}")
    finals = [
        message.status
        for message in messages
        if message.direction == "received" and message.status >= 200 and message.method == "INVITE"
    ]
    audio = base64.b64decode(answer["audio"])
    return CallResult(finals[-1] if finals else 0, messages, answer["packets"], audio, trouble)


def spoken(say: str | bytes | None) -> dict[str, str] | None:
    """What to say, as the tools container wants it."""
    if say is None:
        return None
    return {"text": say} if isinstance(say, str) else {"wav": base64.b64encode(say).decode()}


class Taker(Closing):
    """A program in the tools container that takes calls at one address until it is closed.

    Args:
        pbx: whose calls they are.
        address: where it takes them.
        program: of `inside/`.
        request: what that program is told beside its address.
    """

    def __init__(self, pbx: Pbx, address: str, program: str, request: Mapping[str, object]) -> None:
        self.pbx = pbx
        self.address = address
        self.id = secrets.token_hex(6)
        place = {"id": self.id, "ip": address, "port": 5060}
        self._process = subprocess.Popen(
            pbx.tools.inside_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin
        self._process.stdin.write(inside_line(program, place | dict(request)))
        self._process.stdin.flush()
        ready = self._line(15)
        if not ready.get("ready"):
            out = base64.b64decode(str(ready.get("out", ""))).decode("utf-8", "replace")
            self.close()
            raise HarnessError(f"{program} at {address} did not start: {out}")

    def _line(self, timeout: float) -> dict[str, Any]:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout)
        line = self._process.stdout.readline() if readable else b""
        return dict(json.loads(line)) if line.strip() else {}

    def messages(self) -> list[SipMessage]:
        """All that was sent and received so far."""
        try:
            return parse_log(self.pbx.tools.read_bytes(f"/tmp/calls/{self.id}/messages"))
        except FileNotFoundError:
            return []

    def calls(self) -> list[SipMessage]:
        """The INVITE that began each call; one sent twice counts once, one within a call not at all."""
        first: dict[str, SipMessage] = {}
        for message in self.messages():
            if message.direction == "received" and not message.status and message.method == "INVITE":
                first.setdefault(message.call_id, message)
        return list(first.values())

    def wait_calls(self, number: int, timeout: float = 15) -> list[SipMessage]:
        """Waits until so many calls have come."""
        found: list[SipMessage] = wait_for(
            f"{number} calls at {self.address}",
            lambda: found if len(found := self.calls()) >= number else None,
            timeout,
        )
        return found

    def close(self) -> None:
        """Ends it. What it saw is gone after that."""
        end(self._process)
        close_pipes(self._process)


class Answerer(Taker):
    """A SIPp that takes calls by a scenario."""

    def __init__(self, pbx: Pbx, address: str, text: str) -> None:
        super().__init__(pbx, address, "sipp.py", {"scenario": text, "arguments": [], "stay": True})


class Carrier(Answerer):
    """The far end: what it receives is what the person called, and everybody on the way, can see."""

    def __init__(
        self,
        pbx: Pbx,
        status: int = 200,
        *,
        ring_ms: int = 50,
        hold_ms: int = FOREVER,
        address: str = CARRIER_ADDRESS,
    ) -> None:
        super().__init__(pbx, address, behaviour(pbx, status, ring_ms, hold_ms, "carrier"))


class Phone(Answerer):
    """A telephone that is called: it rings, answers or refuses. Without one, nobody is at that address."""

    def __init__(
        self, pbx: Pbx, ext: str, status: int = 200, *, ring_ms: int = 50, hold_ms: int = FOREVER
    ) -> None:
        super().__init__(pbx, PHONES[ext], behaviour(pbx, status, ring_ms, hold_ms, ext))


def behaviour(pbx: Pbx, status: int, ring_ms: int, hold_ms: int, user: str) -> str:
    """The scenario of somebody who is called.

    Args:
        pbx: gives the media port.
        status: 200 answers; anything else refuses with that status.
        ring_ms: how long it rings before it is answered; `FOREVER` lets it ring.
        hold_ms: how long an answered call lasts unless the other side hangs up.
        user: who it is.
    """
    if status != 200:
        return scenario("refuse", status=f"{status} {REASONS.get(status, 'Refused')}")
    return scenario(
        "answer",
        ringing="180 Ringing",
        ring=max(1, ring_ms),
        hold=max(1, hold_ms),
        user=user,
        media=pbx.next_port(),
    )
