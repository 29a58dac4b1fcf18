"""Inside the tools container: calls byte for byte as a test wants them, and all that came back."""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PBX = ("127.0.0.1", 5060)
QUIET = 0x20
"""A µ-law byte, inverted and without its sign, above which it is not silence."""


class Caller:
    """One call; `run` places it."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.ip, self.port = request["ip"], request["port"]
        self.signalling, self.media = self.bind(self.port), self.bind(self.port + 1)
        self.log: list[tuple[str, str]] = []
        self.loud = 0
        self.number = 0
        self.to_tag = ""
        self.target = request["uri"]
        self.ended = False
        self.sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
            f"m=audio {self.port + 1} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )

    def bind(self, port: int) -> socket.socket:
        """A UDP socket at this caller's address."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((self.ip, port))
        return made

    def run(self) -> dict[str, Any]:
        """Places the call and returns what was sent, what came, and how much of it was to be heard."""
        final = self.ask(self.request["method"], self.request["headers"], self.request["body"])
        if self.request["method"] == "INVITE" and final.startswith("SIP/2.0 2"):
            for pause, method, headers in self.request["then"]:
                self.listen(pause)
                if not self.ended:
                    self.ask(method, headers)
            self.listen(self.request["hold"])
            if not self.ended:
                self.ask("BYE", [])
        self.listen(0.1)
        self.signalling.close()
        self.media.close()
        return {"log": self.log, "loud_ms": self.loud // 8}

    def ask(self, method: str, headers: list[str], body: str = "") -> str:
        """Sends a request and returns its final answer; empty if none came in time."""
        self.number += 1
        number = self.number
        if method == "INVITE":
            headers, body = [*headers, "Content-Type: application/sdp"], self.sdp
        message = self.build(method, number, headers, body)
        limit = self.request["give_up"] if method == "INVITE" and number == 1 else 5.0
        answer = self.answer_to(method, number, message, limit)
        if method == "INVITE" and not answer:
            cancel = self.build("CANCEL", number, [], "")
            self.answer_to("CANCEL", number, cancel, 3.0)
            answer = self.answer_to("INVITE", number, "", 3.0)
        if method == "INVITE" and answer:
            if tag := re.search(r"(?im)^to:.*;tag=([^;\s]+)", answer):
                self.to_tag = tag[1]
            accepted = answer.startswith("SIP/2.0 2")
            if accepted and (contact := re.search(r"(?im)^contact: *<([^>]+)>", answer)):
                self.target = contact[1]
            self.send(self.build("ACK", number, [], "", of=None if accepted else "INVITE"))
        return answer

    def build(self, method: str, number: int, headers: list[str], body: str, of: str | None = None) -> str:
        """A request of this call; CANCEL and the ACK of a refusal belong to the request before them."""
        branch = "INVITE" if method == "CANCEL" else of or method
        uri = self.request["uri"] if method == "CANCEL" or of else self.target
        call = self.request["id"]
        to_tag = f";tag={self.to_tag}" if self.to_tag and method != "CANCEL" else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{self.port};rport;branch=z9hG4bK{call}{number}{branch}",
            f"From: {self.request['from']};tag={call}",
            f"To: <{self.request['uri']}>{to_tag}",
            f"Call-ID: {call}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:x@{self.ip}:{self.port}>",
            "Max-Forwards: 70",
            *headers,
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join([*lines, "", body])

    def send(self, text: str) -> None:
        """Sends a message."""
        self.signalling.sendto(text.encode("utf-8", "surrogateescape"), PBX)
        self.log.append(("sent", text))

    def answer_to(self, method: str, number: int, message: str, limit: float) -> str:
        """Sends a message, more than once if nothing comes back, and waits for the final answer to it."""
        began, again, pause, heard = time.monotonic(), 0.0, 0.5, False
        while (passed := time.monotonic() - began) < limit:
            if message and passed >= again and not heard:
                self.send(message)
                again, pause = passed + pause, pause * 2
            for text in self.take(0.05):
                if re.search(rf"(?im)^cseq: {number} {method}\b", text) and text.startswith("SIP/2.0"):
                    heard = True
                    if text[8] >= "2":
                        return text
        return ""

    def listen(self, seconds: float) -> None:
        """Lets the call go on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.ended:
            self.take(min(0.05, max(0.0, until - time.monotonic())))

    def take(self, wait: float) -> list[str]:
        """What came in; requests are answered on the spot."""
        found = []
        ready, _, _ = select.select([self.signalling, self.media], [], [], wait)
        if self.media in ready:
            packet = self.media.recv(2048)
            if len(packet) > 12 and packet[1] & 0x7F == 0:
                self.loud += sum(1 for byte in packet[12:] if (~byte & 0x7F) > QUIET)
        if self.signalling in ready:
            text = self.signalling.recv(65535).decode("utf-8", "surrogateescape")
            self.log.append(("received", text))
            found.append(text)
            if not text.startswith(("SIP/2.0", "ACK")):
                self.agree(text)
        return found

    def agree(self, text: str) -> None:
        """Answers a request with 200."""
        method = text.split(" ", 1)[0]
        self.ended = self.ended or method == "BYE"
        kept = [
            line
            for line in text.split("\r\n\r\n", maxsplit=1)[0].split("\r\n")[1:]
            if re.match(r"(?i)(via|from|to|call-id|cseq|record-route) *:", line)
        ]
        body = self.sdp if method == "INVITE" else ""
        lines = ["SIP/2.0 200 OK", *kept, f"Contact: <sip:x@{self.ip}:{self.port}>"]
        if body:
            lines.append("Content-Type: application/sdp")
        self.send("\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]))


def main(calls: list[dict[str, Any]]) -> None:
    """Places all calls at once."""
    with ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(lambda call: Caller(call).run(), calls))
    print(base64.b64encode(json.dumps(results).encode()).decode())


main(globals()["d"]["request"])  # given by whoever starts it
