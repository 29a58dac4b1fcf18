"""How long a decision takes, from Asterisk's connection to the end of the answer."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

ROUNDS: Final = 5
CALLS: Final = 600
AT_ONCE: Final = 50

ENVIRONMENT: Final = (
    b"agi_network: yes\nagi_network_script: outbound\nagi_request: agi://127.0.0.1/outbound\n"
    b"agi_channel: PJSIP/201-00000001\nagi_language: en\nagi_type: PJSIP\nagi_uniqueid: 1.1\n"
    b"agi_version: 22\nagi_callerid: +12065550100\nagi_calleridname: unknown\nagi_callingpres: 33\n"
    b"agi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: unknown\nagi_rdnis: unknown\n"
    b"agi_context: callveil-ask\nagi_extension: 12125550147\nagi_priority: 9\nagi_enhanced: 0.0\n"
    b"agi_accountcode: \nagi_threadid: 1\nagi_arg_1: 201\nagi_arg_2: 123456789-123456789-123456789\n\n"
)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(kind: str) -> Iterator[int]:
    """Run one of the servers and give its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.agi_servers", kind, str(port)])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"the {kind} server did not start")
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def ask(port: int) -> None:
    """Be Asterisk for one call."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ENVIRONMENT)
    command = await reader.readline()
    if not command.startswith(b"SET VARIABLE VEIL_ANSWER "):
        raise RuntimeError("no answer came")
    writer.write(b"200 result=1\n")
    await reader.read()
    writer.close()


async def one_by_one(port: int) -> float:
    """Return seconds a call, one after another."""
    began = time.perf_counter()
    for _ in range(CALLS):
        await ask(port)
    return (time.perf_counter() - began) / CALLS


async def many_at_once(port: int) -> float:
    """Return seconds a call, with fifty under way."""
    began = time.perf_counter()
    for _ in range(CALLS // AT_ONCE):
        await asyncio.gather(*(ask(port) for _ in range(AT_ONCE)))
    return (time.perf_counter() - began) / CALLS


def measure() -> Iterator[str]:
    """Yield lines of figures: medians of five rounds, the two servers in turn."""
    with server("bare") as bare, server("callveil") as ours:
        for name, way in (("one after another", one_by_one), ("fifty at once", many_at_once)):
            asyncio.run(way(bare)), asyncio.run(way(ours))
            base, own = [], []
            for _ in range(ROUNDS):
                base.append(asyncio.run(way(bare)))
                own.append(asyncio.run(way(ours)))
            ratio = median(mine / theirs for mine, theirs in zip(own, base, strict=True))
            yield (
                f"decision, {name}: {median(own) * 1e6:.0f} us a call,"
                f" bare asyncio {median(base) * 1e6:.0f} us, ratio {ratio:.2f}"
            )
