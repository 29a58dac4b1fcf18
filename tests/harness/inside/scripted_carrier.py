"""Inside the tools container: somebody who is called, and says byte for byte what a test wants.

It keeps every message in the form of SIPp's log, and runs until the one who started it closes the pipe.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
import time
from typing import Any
from urllib.parse import unquote

ROOT = "/tmp/calls"
WITH_MEDIA = (183, 200)


class Call:
    """One call, with what is still to be said in it."""

    def __init__(
        self, invite: str, sender: tuple[str, int], number: str, steps: list[dict[str, Any]]
    ) -> None:
        self.invite, self.sender, self.number = invite, sender, number
        self.steps = list(steps)
        self.next_at = time.monotonic() + (self.steps[0]["after"] if self.steps else 0)
        self.sequence = 100
        self.refused_or_taken = False


class Carrier:
    """Takes calls at one address.

    Of the calls to one number the first gets the first script, and so on; the last is for all others.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        folder = os.path.join(ROOT, request["id"])
        os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(folder, "messages"), "ab", buffering=0)  # noqa: SIM115 - open to the end
        self.ip, self.port = request["ip"], request["port"]
        self.by_number, self.otherwise = request["by_number"], request["otherwise"]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((self.ip, self.port))
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind((self.ip, 0))
        self.calls: dict[str, Call] = {}

    def run(self) -> None:
        """Answers until standard input ends."""
        while True:
            due = [call.next_at - time.monotonic() for call in self.calls.values() if call.steps]
            ready, _, _ = select.select([self.socket, sys.stdin], [], [], max(0.0, min([0.5, *due])))
            if sys.stdin in ready:
                return
            if self.socket in ready:
                data, sender = self.socket.recvfrom(65535)
                self.keep("received", data)
                self.take(data.decode("utf-8", "surrogateescape"), sender)
            for call in self.calls.values():
                while call.steps and call.next_at <= time.monotonic():
                    self.say(call, call.steps.pop(0))
                    call.next_at += call.steps[0]["after"] if call.steps else 0

    def keep(self, direction: str, data: bytes) -> None:
        """Writes a message down."""
        head = f"UDP message {direction} [{len(data)}] bytes :\n\n"
        self.log.write(b"-" * 47 + f" {time.time():.6f}\n{head}".encode() + data + b"\n")

    def take(self, text: str, sender: tuple[str, int]) -> None:
        """What to do about one message."""
        method, identity = text.split(" ", 1)[0], field(text, "Call-ID")
        known = self.calls.get(identity)
        within = ";tag=" in field(text, "To")
        if method == "SIP/2.0":
            if known and text[8] == "2" and "INVITE" in field(text, "CSeq"):
                self.request(known, "ACK", field(text, "CSeq").split()[0], [], "")
        elif method == "INVITE" and within:
            self.answer(text, sender, "200 OK", self.contact(), self.sdp())
        elif method == "INVITE" and not known:
            user = re.match(r"INVITE sips?:([^@;>\s]*)", text)
            number = unquote(user[1]) if user else ""
            self.calls[identity] = Call(text, sender, number, self.script(number))
        elif method not in ("INVITE", "ACK"):
            self.answer(text, sender, "200 OK", [], "")
            if known and method in ("BYE", "CANCEL"):
                self.end(known, method)

    def script(self, number: str) -> list[dict[str, Any]]:
        """What is said in the next call to a number."""
        scripts = self.by_number.get(number, self.otherwise)
        before = sum(call.number == number for call in self.calls.values())
        steps: list[dict[str, Any]] = scripts[min(before, len(scripts) - 1)]
        return steps

    def end(self, call: Call, method: str) -> None:
        """Says no more in a call that the other side ended, unless that came too late."""
        if method == "BYE" or not call.refused_or_taken:
            call.steps.clear()
        if method == "CANCEL" and not call.refused_or_taken:
            call.refused_or_taken = True
            self.answer(call.invite, call.sender, "487 Request Terminated", [], "")

    def say(self, call: Call, step: dict[str, Any]) -> None:
        """Takes one step."""
        if step["method"]:
            call.sequence += 1
            body = self.sdp() if step["method"] == "INVITE" else ""
            headers = [*self.contact(), *step["headers"]]
            self.request(call, step["method"], str(call.sequence), headers, body)
            return
        call.refused_or_taken = call.refused_or_taken or step["status"] >= 200
        body = self.sdp() if step["status"] in WITH_MEDIA else ""
        contact = self.contact() if step["status"] < 300 else []
        headers = [*contact, *step["headers"]]
        self.answer(call.invite, call.sender, f"{step['status']} {step['reason']}", headers, body)

    def contact(self) -> list[str]:
        """The header that says where this end is."""
        return [f"Contact: <sip:far@{self.ip}:{self.port}>"]

    def sdp(self) -> str:
        """What is offered or accepted to be heard."""
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
            f"m=audio {self.media.getsockname()[1]} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\n"
        )

    def answer(self, of: str, sender: tuple[str, int], status: str, headers: list[str], body: str) -> None:
        """Sends an answer to a request."""
        lines = [f"SIP/2.0 {status}"]
        for line in of.split("\r\n\r\n", 1)[0].split("\r\n")[1:]:
            if re.match(r"(?i)(via|from|call-id|cseq|record-route) *:", line):
                lines.append(line)
            elif re.match(r"(?i)to *:", line):
                lines.append(line if ";tag=" in line else f"{line};tag=far")
        self.send([*lines, *headers], body, sender)

    def request(self, call: Call, method: str, number: str, headers: list[str], body: str) -> None:
        """Sends a request within a call that came in."""
        found = re.search(r"<([^>]+)>", field(call.invite, "Contact"))
        lines = [
            f"{method} {found[1] if found else 'sip:' + self.ip} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{self.port};rport;branch=z9hG4bK{id(call)}{number}{method}",
            f"From: {field(call.invite, 'To')};tag=far",
            f"To: {field(call.invite, 'From')}",
            f"Call-ID: {field(call.invite, 'Call-ID')}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
        ]
        self.send([*lines, *headers], body, call.sender)

    def send(self, lines: list[str], body: str, where: tuple[str, int]) -> None:
        """Sends a message."""
        if body:
            lines = [*lines, "Content-Type: application/sdp"]
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        data = text.encode("utf-8", "surrogateescape")
        self.keep("sent", data)
        self.socket.sendto(data, where)


def field(text: str, name: str) -> str:
    """The value of a header."""
    found = re.search(rf"(?im)^{name} *: *(.*?)\r?$", text)
    return found[1] if found else ""


carrier = Carrier(globals()["d"]["request"])  # given by whoever starts it
print(json.dumps({"ready": True}), flush=True)
carrier.run()
