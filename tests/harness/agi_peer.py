"""The real FastAGI service on a loopback port, and the other end of it: Asterisk's, or worse."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import os
import socket
import struct
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

from callveil.live import Live
from callveil.policy.model import Identity, Line, Policy, Preset, Trunk
from callveil.settings import AgiSettings, Settings
from callveil_agi import service

CALLER: Final = "2065557731"
CALLED: Final = "2065558842"
CANARIES: Final = (CALLER, CALLED, "7731", "8842")
"""Pieces of numbers that only a caller could have brought in: none may reach a log."""

CALL_ID: Final = "0af3-5b1c"
DEADLINE: Final = 1.0
"""Seconds within which a good call is answered, whatever else goes on."""


def policy() -> Policy:
    office = Identity("office", "+12065550100", "Main Office")
    return Policy(
        preset=Preset("US", ("*67",), ("*82",), ("911",)),
        emergency_callerid=office.number,
        identities=(office,),
        trunks=(Trunk("carrier", "PJSIP/{number}@trunk"),),
        lines=(
            Line("hotline", "Crisis calls", True, "hide", "office", show_caller=True, extensions=("200",)),
            Line("desk", "Agencies", False, "office", "office", show_caller=True, extensions=("100",)),
            Line("quiet", "Agencies", False, "office", "office", extensions=("101",)),
        ),
    )


def environment(
    path: str = "outbound",
    *arguments: str,
    digits: str = CALLED,
    name: bytes = CALLER.encode(),
    more: bytes = b"",
) -> bytes:
    """Return what Asterisk 22 sends, line for line (`setup_env`)."""
    arguments = arguments or ("200", CALL_ID)
    lines = [
        b"agi_network: yes",
        f"agi_network_script: {path}".encode(),
        f"agi_request: agi://127.0.0.1/{path}".encode(),
        b"agi_channel: PJSIP/phone-00000001",
        b"agi_language: en",
        b"agi_type: PJSIP",
        b"agi_uniqueid: 1700000000.1",
        b"agi_version: 22.10.0",
        f"agi_callerid: {CALLER}".encode(),
        b"agi_calleridname: " + name,
        b"agi_callingpres: 67",
        b"agi_callingani2: 0",
        b"agi_callington: 0",
        b"agi_callingtns: 0",
        f"agi_dnid: {digits}".encode(),
        b"agi_rdnis: unknown",
        b"agi_context: callveil-outbound",
        f"agi_extension: {digits}".encode(),
        b"agi_priority: 7",
        b"agi_enhanced: 0.0",
        b"agi_accountcode: ",
        b"agi_threadid: 140000000000000",
        *(f"agi_arg_{n}: {text}".encode() for n, text in enumerate(arguments, 1)),
    ]
    return b"\n".join(lines) + b"\n" + more + b"\n"


@dataclass
class Server:
    """The service under attack."""

    port: int
    live: Live
    log: io.StringIO
    unhandled: list[str] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, sent: bytes, reply: bytes = b"200 result=1\n") -> bytes:
        """Send an environment, give each command the reply; return every byte that came until the end."""
        reader, writer = await self.connect()
        got = b""
        with contextlib.suppress(ConnectionError):
            writer.write(sent)
            while line := await reader.readline():
                got += line
                writer.write(reply)
        await closed(writer)
        return got

    async def good_call(self) -> None:
        """A call that nothing is wrong with is answered right, within `DEADLINE`."""
        async with asyncio.timeout(DEADLINE):
            answered = await self.ask(environment("outbound", "200", CALL_ID))
        assert answered == (
            b'SET VARIABLE VEIL_ANSWER "veil3|0af3-5b1c|hide|prohib_passed_screen|+12065550100||hotline|||'
            b'callveil/call-again-shown||PJSIP/+12065558842@trunk"\n'
        )


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def reset(writer: asyncio.StreamWriter) -> None:
    """Leave with a TCP reset, not with a proper end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """Collect what every logger says from DEBUG up, with tracebacks."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


async def until(condition: object, seconds: float = 3.0) -> bool:
    """Wait until a callable is true; return whether it became so."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


@contextlib.asynccontextmanager
async def serving(agi: AgiSettings | None = None) -> AsyncIterator[Server]:
    """Run the service around an attack.

    Afterwards a good call must be answered, no task or descriptor may be left, no log line may hold a
    canary, nothing may have gone unhandled, and the service must stop when told.
    """
    port = free_port()
    agi = agi or AgiSettings()
    settings = Settings(agi=AgiSettings(port=port, timeout=agi.timeout, max_connections=agi.max_connections))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with everything_logged() as log:
        server = Server(port, Live(policy(), settings), log)

        def unhandled(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
            server.unhandled.append("".join(map(str, context.values())))
            if isinstance(error := context.get("exception"), BaseException):
                server.unhandled += traceback.format_exception(error)

        loop.set_exception_handler(unhandled)
        before_start = len(asyncio.all_tasks())
        running = asyncio.create_task(service.run(server.live, stop))
        try:
            await until(lambda: "Listening" in log.getvalue())
            await server.good_call()
            tasks, files = len(asyncio.all_tasks()), descriptors()
            yield server
            await server.good_call()
            assert await until(lambda: len(asyncio.all_tasks()) <= tasks), asyncio.all_tasks()
            assert await until(lambda: descriptors() <= files), (descriptors(), files)
            assert not running.done()
        finally:
            stop.set()
            async with asyncio.timeout(3):
                await running
            loop.set_exception_handler(None)
        assert len(asyncio.all_tasks()) == before_start
        gc.collect()
        assert server.unhandled == []
        written = log.getvalue()
        assert [canary for canary in CANARIES if canary in written] == []
