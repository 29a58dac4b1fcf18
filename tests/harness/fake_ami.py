"""A manager interface on loopback that a test bends: Asterisk's side of AMI, well-behaved unless told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from callveil.settings import AmiSettings

BANNER = b"Asterisk Call Manager/9.0.0\r\n"
SECRET = "right"

CDR = {
    "Event": "Cdr",
    "Privilege": "cdr,all",
    "AccountCode": "",
    "Source": "+12065550100",
    "Destination": "hide",
    "StartTime": "2026-07-01 10:11:12",
    "AnswerTime": "2026-07-01 10:11:15",
    "EndTime": "2026-07-01 10:12:12",
    "Duration": "60",
    "BillableSeconds": "57",
    "Disposition": "ANSWERED",
    "UniqueID": "1782900672.12",
    "Sequence": "12",
    "VeilId": "482913377-193847261-482913377-193847261",
    "VeilLine": "hotline",
    "VeilDirection": "out",
    "VeilDecision": "hide",
}


def message(headers: dict[str, str]) -> bytes:
    """Return headers as AMI writes them."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"


def cdr(number: int = 0, **changes: str) -> bytes:
    """Return a `Cdr` event of a call of its own."""
    return message({**CDR, "VeilId": f"{100000000 + number}-193847261", "Sequence": str(number), **changes})


@dataclass
class FakeAmi:
    """A server; `play` is what it does after a login.

    Attributes:
        play: called with the writer once a login succeeded.
        answers_pings: whether it does.
        greeting: what it sends first.
        answers: what it says to actions of a name; all others are answered like pings.
    """

    play: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    answers_pings: bool = True
    answers_logins: bool = True
    greeting: bytes = BANNER
    answers: dict[str, Callable[[dict[str, str]], list[dict[str, str]]]] = field(default_factory=dict)
    refusal: str = "Authentication failed"
    logins: int = 0
    connections: int = 0
    login_headers: dict[str, str] = field(default_factory=dict)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    server: asyncio.Server | None = None
    port: int = 0

    async def start(self) -> None:
        """Listen, on the port of last time if there was one."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything, as an Asterisk that ends."""
        if self.server:
            self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()
        await asyncio.sleep(0)

    def settings(self, **changes: float | str) -> AmiSettings:
        """Return settings that lead here, with short times."""
        values = {"port": self.port, "secret": SECRET, "ping_interval": 0.1, "timeout": 0.4, **changes}
        return AmiSettings(**values)  # type: ignore[arg-type]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        playing: asyncio.Task[None] | None = None
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(self.greeting)
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                lines = block.decode().strip().split("\r\n")
                action = dict(line.split(": ", 1) for line in lines)
                self.actions.append(action["Action"])
                reply = {"Response": "Success", "ActionID": action["ActionID"]}
                if action["Action"] == "Login":
                    if not self.answers_logins:
                        continue
                    self.login_headers = action
                    if action["Secret"] != SECRET or self.refusal != "Authentication failed":
                        writer.write(message({**reply, "Response": "Error", "Message": self.refusal}))
                        continue
                    self.logins += 1
                    writer.write(message({**reply, "Message": "Authentication accepted"}))
                    if self.play:
                        playing = asyncio.ensure_future(self.play(writer))
                elif action["Action"] in self.answers:
                    for one in self.answers[action["Action"]](action):
                        writer.write(message({**one, "ActionID": action["ActionID"]}))
                elif self.answers_pings:
                    writer.write(message({**reply, "Ping": "Pong", "Timestamp": "1782900672.1"}))
        if playing:
            playing.cancel()
        writer.close()


@contextlib.asynccontextmanager
async def fake_ami(**how: object) -> AsyncIterator[FakeAmi]:
    """Run a server for the length of a test."""
    server = FakeAmi(**how)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(met: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it is not.
    """
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.005)
