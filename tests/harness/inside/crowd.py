"""Inside the tools container: all telephones and the carrier, and many calls between them at the same time.

Each end of a call plays a list of steps, such as ``["ring"], ["wait", 1], ["answer"], ["refer", "700"]``.
What somebody who is called plays is looked up by the user part of the address that was asked for. Each line
of standard input is a command in JSON, each line of standard output its answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import sys
import time
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

PBX = ("127.0.0.1", 5060)
PORT = 5060
PATIENCE = 90.0
"""Seconds after which an end gives up a call that nobody has ended."""

FRAME = bytes([0x2B, 0x12, 0x2B, 0xFF, 0xAB, 0x92, 0xAB, 0x7F]) * 20
"""20 ms of a loud tone of 1 kHz, in µ-law."""


class Dialog:
    """One call, as one of its two ends sees it."""

    def __init__(self, end: End, call_id: str, local: str, remote: str, target: str) -> None:
        self.end, self.call_id, self.local, self.remote, self.target = end, call_id, local, remote, target
        self.number = 0
        self.finals: dict[str, asyncio.Future[str]] = {}
        self.provisional, self.over, self.handed_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.invite = self.answer = ""
        self.media = ("", 0)
        end.dialogs[call_id] = self

    def build(self, request: str, branch: str, headers: list[str], body: str, uri: str = "") -> str:
        """A request of this call; ``request`` is its number and method, as CSeq has them."""
        lines = [
            f"{request.partition(' ')[2]} {uri or self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.end.ip}:{PORT};rport;branch=z9hG4bK{branch}",
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {request}",
            f"Contact: <sip:end@{self.end.ip}:{PORT}>",
            "Max-Forwards: 70",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, NOTIFY, REFER",
            *headers,
            *(["Content-Type: application/sdp"] if body.startswith("v=0") else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body])

    async def request(self, method: str, headers: list[str] | None = None, body: str = "") -> str:
        """Sends a request, again and again until it is answered; empty if it never is."""
        self.number += 1
        key = f"{self.number} {method}"
        final = self.finals[key] = asyncio.get_running_loop().create_future()
        text = self.build(key, secrets.token_hex(6), headers or [], body)
        pause, until = 0.5, time.monotonic() + 10
        while not final.done() and time.monotonic() < until:
            self.end.send(text)
            await asyncio.wait([final], timeout=pause)
            pause = min(4.0, 2 * pause)
        return final.result() if final.done() else ""

    async def call(self, headers: list[str], give_up: float) -> int:
        """Calls, and returns the final status; gives up after a while, if told so."""
        branch, key = secrets.token_hex(6), "1 INVITE"
        self.number = 1
        final = self.finals[key] = asyncio.get_running_loop().create_future()
        text = self.build(key, branch, headers, self.end.sdp())
        uri, pause, until = text.split(" ", 2)[1], 0.5, time.monotonic() + PATIENCE
        while not final.done() and not self.provisional.is_set() and time.monotonic() < until:
            self.end.send(text)
            heard = asyncio.ensure_future(self.provisional.wait())
            await asyncio.wait([final, heard], timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            heard.cancel()
            pause = min(4.0, 2 * pause)
        await asyncio.wait([final], timeout=give_up or until - time.monotonic())
        if not final.done():
            self.end.send(self.build("1 CANCEL", branch, [], "", uri))
            await asyncio.wait([final], timeout=10)
        if not final.done():
            return 0
        answer = final.result()
        status = int(answer[8:11])
        self.remote = header(answer, "To")
        if status < 300:
            self.took(answer)
            branch, uri = secrets.token_hex(6), self.target
            self.answer = self.build("1 ACK", branch, [], "")
        self.end.send(self.build("1 ACK", branch, [], "", uri))
        return status

    def took(self, text: str) -> None:
        """Learns where the other side is, from its INVITE or its answer."""
        self.target = address_in(header(text, "Contact"))
        host, port = re.search(r"(?m)^c=IN IP4 (\S+)", text), re.search(r"(?m)^m=audio (\d+)", text)
        if host and port:
            self.media = (host[1], int(port[1]))

    async def play(self, steps: list[list[Any]], taken: bool) -> None:
        """Plays what one end does, and then stays until the other one has hung up."""
        for name, *values in steps:
            # Whoever has parked a call takes it back by another one.
            if self.over.is_set() and name != "fetch":
                return
            if name == "answer":
                self.answer = self.end.reply(self.invite, "200 OK", self, body=self.end.sdp())
                taken = True
            elif name == "ring":
                self.end.reply(self.invite, "180 Ringing", self)
            elif name == "refuse":
                self.end.reply(self.invite, values[0], self)
                return
            elif name == "forward":
                where = f"Contact: <sip:{quote(values[0], safe='+*')}@{PBX[0]}>"
                self.end.reply(self.invite, "302 Moved Temporarily", self, (where,))
                return
            else:
                await getattr(self, name)(*values)
        if taken:
            await self.wait(PATIENCE)
            await self.bye()

    async def wait(self, seconds: float) -> None:
        """Talks, or lets it ring."""
        try:
            await asyncio.wait_for(self.over.wait(), seconds)
        except asyncio.TimeoutError:  # noqa: UP041 - another class before Python 3.11
            return

    async def bye(self) -> None:
        """Hangs up, if nobody else has."""
        if not self.over.is_set():
            self.over.set()
            await self.request("BYE")

    async def keys(self, text: str) -> None:
        """Presses keys, which the PBX hears as INFO."""
        for key in text:
            await self.request(
                "INFO", ["Content-Type: application/dtmf-relay"], f"Signal={key}\r\nDuration=80\r\n"
            )
            await asyncio.sleep(0.12)

    async def speak(self, seconds: float) -> None:
        """Sends sound."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((self.end.ip, 0))
            for number in range(int(seconds * 50)):
                if self.over.is_set():
                    return
                head = bytes([0x80, 0]) + number.to_bytes(2, "big") + (number * 160).to_bytes(4, "big")
                sender.sendto(head + b"\0\0\0\7" + FRAME, self.media)
                await asyncio.sleep(0.02)

    async def refer(self, to: str, replaced: Dialog | None = None) -> None:
        """Hands the other one on, and hangs up once that has been done."""
        asked = ""
        if replaced:
            tags = f"{replaced.call_id};to-tag={tag(replaced.remote)};from-tag={tag(replaced.local)}"
            asked = f"?Replaces={quote(tags, safe='')}"
        await self.request("REFER", [f"Refer-To: <sip:{quote(to, safe='+*')}@{PBX[0]}{asked}>"])
        for one in (self, replaced) if replaced else (self,):
            waits = [asyncio.ensure_future(event.wait()) for event in (one.over, self.handed_on)]
            await asyncio.wait(waits, timeout=8, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await one.bye()

    async def attend(self, to: str, seconds: float) -> None:
        """Calls somebody, talks, and hands the other one on to them."""
        second = self.end.new(to)
        if await second.call([], 0) == 200:
            await asyncio.sleep(seconds)
            await self.refer(to, second)

    async def fetch(self, number: str, seconds: float) -> None:
        """Makes a call of its own, such as one that takes a parked call back."""
        await asyncio.sleep(0.4)
        second = self.end.new(number)
        if await second.call([], 0) == 200:
            self.end.reached[number] = self.end.reached.get(number, 0) + 1
            await second.wait(seconds)
            await second.bye()


class End(asyncio.DatagramProtocol):
    """A telephone, or the carrier, at one address."""

    def __init__(self, ip: str, scripts: dict[str, list[list[Any]]], reached: dict[str, int]) -> None:
        self.ip, self.scripts, self.reached = ip, scripts, reached
        self.dialogs: dict[str, Dialog] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 20000

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self.transport = transport

    def sdp(self) -> str:
        """An offer or an answer: plain audio at this address."""
        self.port = 20000 + (self.port - 19998) % 20000
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.ip}\r\ns=-\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )

    def send(self, text: str) -> None:
        """Sends a message to the PBX."""
        assert isinstance(self.transport, asyncio.DatagramTransport)
        self.transport.sendto(text.encode(), PBX)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Takes a message."""
        text = data.decode("utf-8", "replace")
        dialog = self.dialogs.get(header(text, "Call-ID"))
        if text.startswith("SIP/2.0"):
            if dialog:
                self.answered(dialog, text)
            return
        method = text.split(" ", 1)[0]
        if method == "INVITE" and not header(text, "To").count(";tag="):
            if dialog is None:
                self.begin(self.called(text))
        elif method == "CANCEL" and dialog:
            self.reply(text, "200 OK")
            dialog.over.set()
            if not dialog.answer:
                self.reply(dialog.invite, "487 Request Terminated", dialog)
        elif method != "ACK":
            self.reply(text, "200 OK", body=self.sdp() if method == "INVITE" else "")
            if dialog and method == "BYE":
                dialog.over.set()
            if dialog and method == "NOTIFY" and re.search(r"\r\n\r\nSIP/2.0 [2-6]", text):
                dialog.handed_on.set()

    def answered(self, dialog: Dialog, text: str) -> None:
        """Takes an answer to a request of its own."""
        key = header(text, "CSeq")
        final = dialog.finals.get(key)
        if text[8] == "1":
            dialog.provisional.set()
        elif final and not final.done():
            final.set_result(text)
        elif key == "1 INVITE" and dialog.answer:
            self.send(dialog.answer)  # the ACK was lost

    def reply(
        self,
        request: str,
        status: str,
        dialog: Dialog | None = None,
        headers: tuple[str, ...] = (),
        body: str = "",
    ) -> str:
        """Answers a request, and returns the answer."""
        kept = [f"Via: {via}" for via in re.findall(r"(?im)^via *: *(.*?)\r?$", request)]
        kept += [f"{name}: {header(request, name)}" for name in ("From", "Call-ID", "CSeq")]
        kept.append(f"To: {dialog.local if dialog else header(request, 'To')}")
        if not headers:
            kept.append(f"Contact: <sip:end@{self.ip}:{PORT}>")
        kind = ["Content-Type: application/sdp"] if body else []
        lines = [f"SIP/2.0 {status}", *kept, *headers, *kind, f"Content-Length: {len(body)}", "", body]
        text = "\r\n".join(lines)
        self.send(text)
        return text

    def begin(self, work: Any) -> None:
        """Lets something happen while others go on."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def called(self, invite: str) -> None:
        """Somebody calls."""
        user = unquote(invite.split(" ")[1].removeprefix("sip:").partition("@")[0])
        self.reached[user] = self.reached.get(user, 0) + 1
        local = f"{header(invite, 'To')};tag={secrets.token_hex(6)}"
        dialog = Dialog(self, header(invite, "Call-ID"), local, header(invite, "From"), "")
        dialog.invite = invite
        dialog.took(invite)
        await dialog.play(self.scripts.get(user, [["refuse", "404 Not Found"]]), taken=False)

    def new(self, number: str, sender: str = "") -> Dialog:
        """A call that this end is about to make."""
        uri = f"sip:{quote(number, safe='+*')}@{PBX[0]}"
        who = sender or f"<sip:end@{self.ip}>"
        return Dialog(self, secrets.token_hex(8), f"{who};tag={secrets.token_hex(6)}", f"<{uri}>", uri)

    async def dial(self, request: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Makes a call, and does in it what it is told."""
        await asyncio.sleep(request["after"])
        outcome["began"] = True
        dialog = self.new(request["number"], request["sender"])
        outcome["status"] = await dialog.call(request["headers"], request["give_up"])
        if outcome["status"] == 200:
            await dialog.play(request["steps"], taken=True)
        outcome["over"] = True


def header(text: str, name: str) -> str:
    """The first header of that name."""
    found = re.search(rf"(?im)^{name} *: *(.*?)\r?$", text)
    return found[1] if found else ""


def address_in(value: str) -> str:
    """The SIP address in a header's value."""
    found = re.search(r"<([^>]+)>", value)
    return found[1] if found else value


def tag(value: str) -> str:
    """The tag of a From or To."""
    found = re.search(r";tag=([^;>\s]+)", value)
    return found[1] if found else ""


def same(end: End) -> End:
    """What asyncio takes for the maker of an end."""
    return end


async def main(request: dict[str, Any]) -> None:
    """Takes commands until standard input ends."""
    loop = asyncio.get_running_loop()
    reached: dict[str, int] = {}
    outcomes: list[dict[str, Any]] = []
    ends: dict[str, End] = {}
    for ip in request["addresses"]:
        ends[ip] = End(ip, request["scripts"], reached)
        await loop.create_datagram_endpoint(partial(same, ends[ip]), local_addr=(ip, PORT))
    answer: Any = "ready"
    while True:
        print(json.dumps(answer), flush=True)
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        command = json.loads(line)
        if command["do"] == "call":
            for one in command["calls"]:
                outcome = {"began": False, "status": -1, "over": False}
                outcomes.append(outcome)
                ends[one["ip"]].begin(ends[one["ip"]].dial(one, outcome))
            answer = "begun"
        else:
            answer = {"outcomes": outcomes, "reached": reached}


asyncio.run(main(globals()["d"]["request"]))  # given by whoever starts it
