"""Inside the tools container: telephones and carriers that call, are called, transfer and forward.

Each line of standard input is a command in JSON, each line of standard output its answer. A telephone that is
called does what the user part of the address says, such as `refer.NUMBER` or `forward.NUMBER`. Anything else
is answered.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

PBX = ("127.0.0.1", 5060)
PORT = 5060
NAMES = {
    "127.0.0.11": "101",
    "127.0.0.12": "109",
    "127.0.0.13": "108",
    "127.0.0.21": "201",
    "127.0.0.22": "202",
}
STAFF = "Jane Quill"
"""Whom a telephone names when it forwards."""

KEYS = {"keys": "#1", "asking": "*2"}
"""What a telephone presses to transfer by keys, at once or after asking."""

RINGS = 0.05
THINKS = 3.0
TALKS = 0.3
PATIENCE = 6.0


class Dialog:
    """One call, as one of its two ends sees it."""

    def __init__(self, end: End, call_id: str, local: str, remote: str, target: str) -> None:
        self.end, self.call_id, self.local, self.remote, self.target = end, call_id, local, remote, target
        self.number = 0
        self.finals: dict[str, asyncio.Future[str]] = {}
        self.over, self.handed_on = asyncio.Event(), asyncio.Event()
        self.answered = False
        self.invite = ""
        end.dialogs[call_id] = self

    async def request(self, method: str, headers: list[str], body: str = "") -> str:
        """Sends a request, again and again until its final answer comes; empty if none does."""
        self.number += 1
        key = f"{self.number} {method}"
        final = self.finals[key] = asyncio.get_running_loop().create_future()
        branch = secrets.token_hex(6)
        text = self.build(key, branch, headers, body)
        waited, pause = 0.0, 0.5
        while waited < PATIENCE and not final.done():
            self.end.send(text)
            await asyncio.wait([final], timeout=pause)
            waited, pause = waited + pause, pause * 2
        answer = final.result() if final.done() else ""
        if method == "INVITE" and answer:
            self.remote = header(answer, "To")
            accepted = answer.startswith("SIP/2.0 2")
            if accepted:
                self.target = address_in(header(answer, "Contact"))
                self.answered = True
            uri = self.target if accepted else text.split(" ")[1]
            branch = secrets.token_hex(6) if accepted else branch
            self.end.send(self.build(f"{self.number} ACK", branch, [], "", uri))
        return answer

    def build(self, request: str, branch: str, headers: list[str], body: str, uri: str = "") -> str:
        """A request of this call; the request is its number and method, as CSeq has them."""
        method = request.partition(" ")[2]
        lines = [
            f"{method} {uri or self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.end.ip}:{PORT};rport;branch=z9hG4bK{branch}",
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {request}",
            f"Contact: <sip:{self.end.user}@{self.end.ip}:{PORT}>",
            "Max-Forwards: 70",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, NOTIFY, REFER",
            *headers,
            *(["Content-Type: application/sdp"] if body and method == "INVITE" else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body])

    async def refer(self, to: str, replaced: Dialog | None = None) -> None:
        """Hands the other one on, and hangs up once that has been done."""
        asked = ""
        if replaced is not None:
            tags = f"{replaced.call_id};to-tag={tag(replaced.remote)};from-tag={tag(replaced.local)}"
            asked = f"?Replaces={quote(tags, safe='')}"
        by = f'"{STAFF}" <sip:{self.end.user}@{self.end.ip}>'
        target = quote(to, safe="+*")
        await self.request("REFER", [f"Refer-To: <sip:{target}@{PBX[0]}{asked}>", f"Referred-By: {by}"])
        for one in (self, replaced) if replaced else (self,):
            if one.over.is_set():
                continue
            waits = [asyncio.ensure_future(event.wait()) for event in (one.over, self.handed_on)]
            await asyncio.wait(waits, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await one.hang_up()

    async def press(self, keys: str) -> None:
        """Presses keys, which the PBX hears as INFO."""
        for key in keys:
            await self.request(
                "INFO", ["Content-Type: application/dtmf-relay"], f"Signal={key}\r\nDuration=80\r\n"
            )
            await asyncio.sleep(0.12)

    async def hang_up(self) -> None:
        """Ends the call, if nobody else has."""
        if self.answered and not self.over.is_set():
            self.over.set()
            await self.request("BYE", [])


class End(asyncio.DatagramProtocol):
    """A telephone, or the carrier, at one address."""

    def __init__(self, ip: str, log: list[tuple[str, str, str]]) -> None:
        self.ip, self.log = ip, log
        self.user = NAMES.get(ip, "carrier")
        self.dialogs: dict[str, Dialog] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.media = 20000

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self.transport = transport

    def sdp(self) -> str:
        """An offer or an answer: plain audio at this address."""
        self.media += 2
        return (
            f"v=0\r\no={self.user} 1 1 IN IP4 {self.ip}\r\ns={STAFF}\r\nc=IN IP4 {self.ip}\r\nt=0 0\r\n"
            f"m=audio {self.media} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )

    def send(self, text: str) -> None:
        """Sends a message to the PBX."""
        assert isinstance(self.transport, asyncio.DatagramTransport)
        self.transport.sendto(text.encode(), PBX)
        self.log.append((self.ip, "sent", text))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Takes a message."""
        text = data.decode("utf-8", "replace")
        self.log.append((self.ip, "received", text))
        dialog = self.dialogs.get(header(text, "Call-ID"))
        if text.startswith("SIP/2.0"):
            final = dialog and dialog.finals.get(header(text, "CSeq"))
            if text[8] >= "2" and final and not final.done():
                final.set_result(text)
            return
        method = text.split(" ", 1)[0]
        if method == "INVITE" and dialog is None:
            self.begin(self.called(text))
        elif method == "CANCEL" and dialog:
            self.reply(text, "200 OK")
            dialog.over.set()
            self.reply(dialog.invite, "487 Request Terminated", dialog)
        elif method != "ACK" and (dialog is None or method != "INVITE" or dialog.answered):
            self.reply(text, "200 OK", body=self.sdp() if method == "INVITE" else "")
            if dialog and method == "BYE":
                dialog.over.set()
            if dialog and method == "NOTIFY" and re.search(r"\r\n\r\nSIP/2.0 [2-6]", text):
                dialog.handed_on.set()

    def reply(
        self,
        request: str,
        status: str,
        dialog: Dialog | None = None,
        headers: tuple[str, ...] = (),
        body: str = "",
    ) -> None:
        """Answers a request."""
        kept = [f"Via: {via}" for via in re.findall(r"(?im)^via *: *(.*?)\r?$", request)]
        kept += [f"{name}: {header(request, name)}" for name in ("From", "Call-ID", "CSeq")]
        kept.append(f"To: {dialog.local if dialog else header(request, 'To')}")
        kept.append(f"Contact: <sip:{self.user}@{self.ip}:{PORT}>")
        names = [line.split(":")[0] for line in headers]
        kept = [line for line in kept if line.split(":")[0] not in names]
        kind = ["Content-Type: application/sdp"] if body else []
        lines = [f"SIP/2.0 {status}", *kept, *headers, *kind, f"Content-Length: {len(body)}", "", body]
        self.send("\r\n".join(lines))

    def begin(self, work: Any) -> None:
        """Lets something happen while others go on."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def called(self, invite: str) -> None:
        """Somebody calls."""
        local = f"{header(invite, 'To')};tag={secrets.token_hex(6)}"
        dialog = Dialog(
            self,
            header(invite, "Call-ID"),
            local,
            header(invite, "From"),
            address_in(header(invite, "Contact")),
        )
        dialog.invite = invite
        word, _, number = unquote(invite.split(" ")[1].removeprefix("sip:").partition("@")[0]).partition(".")
        if word == "forward":
            where = f'Contact: "{STAFF}" <sip:{quote(number, safe="+*")}@{PBX[0]}>'
            by = f'Diversion: "{STAFF}" <sip:{self.user}@{self.ip}>;reason=unconditional'
            self.reply(invite, "302 Moved Temporarily", dialog, (where, by))
            return
        self.reply(invite, "180 Ringing", dialog)
        await asyncio.sleep(RINGS)
        if dialog.over.is_set():
            return
        self.reply(invite, "200 OK", dialog, body=self.sdp())
        dialog.answered = True
        if word in ("refer", "attend", *KEYS):
            await asyncio.sleep(TALKS)
            await self.hand_on(dialog, word, number)

    async def hand_on(self, dialog: Dialog, how: str, number: str) -> None:
        """Transfers a call."""
        if how == "refer":
            await dialog.refer(number)
            return
        if how in KEYS:
            await dialog.press(KEYS[how] + number.replace("+", ""))
            await asyncio.sleep(THINKS)
            await dialog.hang_up()
            return
        second = self.new(number)
        answer = await second.request("INVITE", [], self.sdp())
        if answer.startswith("SIP/2.0 2"):
            await asyncio.sleep(TALKS)
            await dialog.refer(number, second)

    def new(self, number: str, sender: str = "", user: str = "") -> Dialog:
        """A call that this end is about to make."""
        uri = f"sip:{quote(number, safe='+*')}@{PBX[0]}"
        who = sender or f'"{STAFF}" <sip:{user or self.user}@{self.ip}>'
        return Dialog(self, secrets.token_hex(8), f"{who};tag={secrets.token_hex(6)}", f"<{uri}>", uri)

    async def dial(self, request: dict[str, Any]) -> None:
        """Makes a call, and does with it what was asked for."""
        dialog = self.new(request["number"], request["sender"])
        answer = await dialog.request("INVITE", request["headers"], self.sdp())
        if answer.startswith("SIP/2.0 2") and request["then"]:
            await asyncio.sleep(TALKS)
            await self.hand_on(dialog, *request["then"])


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
    log: list[tuple[str, str, str]] = []
    ends: dict[str, End] = {}
    for ip in request["addresses"]:
        ends[ip] = End(ip, log)
        await loop.create_datagram_endpoint(partial(same, ends[ip]), local_addr=(ip, PORT))
    answer: Any = "ready"
    while True:
        print(json.dumps(answer), flush=True)
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        command = json.loads(line)
        if command["do"] == "dial":
            end = ends[command["ip"]]
            end.begin(end.dial(command))
            answer = "begun"
        elif command["do"] == "hang up":
            calls = [dialog for end in ends.values() for dialog in end.dialogs.values()]
            await asyncio.gather(*(call.hang_up() for call in calls))
            answer = "hung up"
        else:
            answer = {"log": log, "busy": sum(len(end.tasks) for end in ends.values())}


asyncio.run(main(globals()["d"]["request"]))  # given by whoever starts it
