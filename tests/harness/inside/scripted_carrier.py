"""Inside the tools container: a carrier that answers each call as it is told, byte for byte.

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
BYE = 1
"""Instead of a status: the call is ended."""


class Carrier:
    """Takes calls at one address.

    Of the calls to one number the first gets the first reply, and so on; the last is for all others.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        folder = os.path.join(ROOT, request["id"])
        os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(folder, "messages"), "ab", buffering=0)  # noqa: SIM115 - open to the end
        self.ip, self.port = request["ip"], request["port"]
        self.replies, self.by_number = request["replies"], request["by_number"]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ip, self.port))
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind((self.ip, 0))
        self.calls: dict[str, dict[str, Any]] = {}
        self.due: list[tuple[float, str, int, dict[str, Any]]] = []

    def run(self) -> None:
        """Answers until standard input ends."""
        while True:
            wait = max(0.0, min([0.5, *(when - time.monotonic() for when, *_ in self.due)]))
            ready, _, _ = select.select([self.socket, sys.stdin], [], [], wait)
            if sys.stdin in ready:
                return
            if self.socket in ready:
                data, sender = self.socket.recvfrom(65535)
                self.keep("received", data)
                self.take(data.decode("utf-8", "surrogateescape"), sender)
            for item in [item for item in self.due if item[0] <= time.monotonic()]:
                self.due.remove(item)
                _, call, status, reply = item
                self.answer(call, status, reply)

    def keep(self, direction: str, data: bytes) -> None:
        """Writes a message down."""
        self.log.write(
            b"-" * 47
            + f" {time.time():.6f}\nUDP message {direction} [{len(data)}] bytes :\n\n".encode()
            + data
            + b"\n"
        )

    def take(self, text: str, sender: tuple[str, int]) -> None:
        """What to do about one message."""
        method = text.split(" ", 1)[0]
        call = field(text, "Call-ID")
        if method in {"SIP/2.0", "ACK"}:
            return
        if method == "INVITE" and ";tag=" not in field(text, "To"):
            if call not in self.calls:
                number = unquote(text.split(" ", 2)[1].removeprefix("sip:").split("@")[0])
                before = sum(known["number"] == number for known in self.calls.values())
                replies = self.by_number.get(number, self.replies)
                reply = replies[min(before, len(replies) - 1)]
                self.calls[call] = {"invite": text, "sender": sender, "done": False, "number": number}
                now = time.monotonic()
                if reply["ring"]:
                    self.due.append((now + reply["ring"], call, reply["provisional"], reply))
                if reply["status"]:
                    self.due.append((now + reply["after"], call, reply["status"], reply))
            return
        self.send(text, sender, "200 OK", ["Content-Length: 0"])
        if method == "CANCEL" and call in self.calls and not self.calls[call]["done"]:
            self.due = [item for item in self.due if item[1] != call]
            self.answer(call, 487, {"reason": "Request Terminated", "headers": []})

    def answer(self, call: str, status: int, reply: dict[str, Any]) -> None:
        """Answers a call's INVITE."""
        known = self.calls[call]
        if status == BYE:
            self.hang_up(known)
            return
        body, headers = "", []
        if status in (183, 200):
            media = self.media.getsockname()[1]
            body = (
                f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
                f"m=audio {media} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
                "a=rtpmap:101 telephone-event/8000\r\n"
            )
            headers.append("Content-Type: application/sdp")
        if status >= 200:
            known["done"] = True
            headers += reply["headers"]
        if status == 200 and reply["hold"]:
            self.due.append((time.monotonic() + reply["hold"], call, BYE, reply))
        headers += [f"Contact: <sip:carrier@{self.ip}:{self.port}>"] if status < 300 else []
        headers.append(f"Content-Length: {len(body)}")
        reason = reply["reason"] if status >= 200 else "Ringing"
        self.send(known["invite"], known["sender"], f"{status} {reason}", headers, body)

    def hang_up(self, known: dict[str, Any]) -> None:
        """Ends an answered call."""
        invite = known["invite"]
        target = re.search(r"(?im)^contact *: *<([^>]+)>", invite)
        lines = [
            f"BYE {target[1] if target else 'sip:127.0.0.1:5060'} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{self.port};branch=z9hG4bK{time.monotonic_ns()}",
            f"From: {field(invite, 'To')};tag=carrier{self.port}",
            f"To: {field(invite, 'From')}",
            f"Call-ID: {field(invite, 'Call-ID')}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        data = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        self.keep("sent", data)
        self.socket.sendto(data, known["sender"])

    def send(self, of: str, sender: tuple[str, int], status: str, headers: list[str], body: str = "") -> None:
        """Sends an answer to a request."""
        lines = [f"SIP/2.0 {status}"]
        for line in of.split("\r\n\r\n", 1)[0].split("\r\n")[1:]:
            if re.match(r"(?i)(via|from|call-id|cseq|record-route) *:", line):
                lines.append(line)
            elif re.match(r"(?i)to *:", line):
                lines.append(line if ";tag=" in line else f"{line};tag=carrier{self.port}")
        data = "\r\n".join([*lines, *headers, "", body]).encode("utf-8", "surrogateescape")
        self.keep("sent", data)
        self.socket.sendto(data, sender)


def field(text: str, name: str) -> str:
    """The value of a header."""
    found = re.search(rf"(?im)^{name} *: *(.*?)\r?$", text)
    return found[1] if found else ""


carrier = Carrier(globals()["d"]["request"])  # given by whoever starts it
print(json.dumps({"ready": True}), flush=True)
carrier.run()
