"""Inside the tools container: calls byte for byte as a test wants them, and all that came back."""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PBX = ("127.0.0.1", 5060)
DIALOGS: dict[str, str] = {}
"""Each call, by its place, as a Replaces header within an address names it."""
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
        self.audio = bytearray()
        self.keys = [tuple(key) for key in request["keys"]]
        self.heard_from = 0.0
        self.far_media: tuple[str, int] | None = None
        self.number = 0
        self.to_tag = ""
        self.target = request["uri"]
        self.ended = False
        self.sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
            f"m=audio {self.port + 1} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
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
                    self.ask(method, [self.fill(line) for line in headers])
            self.listen(self.request["hold"])
            if not self.ended:
                self.ask("BYE", [])
        self.listen(0.1)
        self.signalling.close()
        self.media.close()
        audio = base64.b64encode(bytes(self.audio)).decode()
        return {"log": self.log, "loud_ms": self.loud // 8, "audio": audio}

    def fill(self, line: str) -> str:
        """A header in which {replaces:1}, say, stands for the second call of all."""
        return re.sub(r"\{replaces:(\d+)\}", lambda found: DIALOGS.get(found[1], "unknown"), line)

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

    def notice(self, text: str) -> None:
        """Remembers when and where the other side can first be heard, which may be before an answer."""
        answers_first = re.search(r"(?im)^cseq: 1 INVITE", text) and text.startswith(
            ("SIP/2.0 1", "SIP/2.0 2")
        )
        media = re.search(r"(?m)^m=audio (\d+)", text)
        where = re.search(r"(?m)^c=IN IP4 ([\d.]+)", text)
        if not (answers_first and media and where):
            return
        self.far_media = (where[1], int(media[1]))
        self.heard_from = self.heard_from or time.monotonic()
        if tag := re.search(r"(?im)^to:.*;tag=([^;\s]+)", text):
            self.to_tag = tag[1]
            call = self.request["id"]
            DIALOGS[str(self.request["place"])] = f"{call}%3Bto-tag%3D{tag[1]}%3Bfrom-tag%3D{call}"

    def press(self) -> None:
        """Presses the keys whose time has come."""
        if not self.far_media:
            return
        passed = time.monotonic() - self.heard_from
        for pressed in [key for key in self.keys if key[0] <= passed]:
            self.keys.remove(pressed)
            if self.request["keys_by"] == "info":
                self.number += 1
                body = f"Signal={pressed[1]}\r\nDuration=120\r\n"
                self.send(self.build("INFO", self.number, ["Content-Type: application/dtmf-relay"], body))
            else:
                self.tone(pressed[1], self.far_media)

    def tone(self, key: str, where: tuple[str, int]) -> None:
        """Sends one key as telephone events (RFC 4733): six while it is held, then its end, three times."""
        event, stamp, marker = "0123456789*#ABCD".index(key), int(time.monotonic() * 8000) & 0xFFFFFFFF, 0x80
        for step in range(9):
            duration, end = 160 * min(step + 1, 7), 0x80 if step >= 6 else 0
            head = struct.pack("!BBHII", 0x80, 101 | marker, step + 1, stamp, 0x1234)
            self.media.sendto(head + struct.pack("!BBH", event, end | 10, duration), where)
            marker = 0
            if step < 6:
                time.sleep(0.02)

    def take(self, wait: float) -> list[str]:
        """What came in; requests are answered on the spot."""
        found = []
        self.press()
        ready, _, _ = select.select([self.signalling, self.media], [], [], wait)
        if self.media in ready:
            packet = self.media.recv(2048)
            if len(packet) > 12 and packet[1] & 0x7F == 0:
                self.audio += packet[12:]
                self.loud += sum(1 for byte in packet[12:] if (~byte & 0x7F) > QUIET)
        if self.signalling in ready:
            text = self.signalling.recv(65535).decode("utf-8", "surrogateescape")
            self.log.append(("received", text))
            found.append(text)
            self.notice(text)
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
