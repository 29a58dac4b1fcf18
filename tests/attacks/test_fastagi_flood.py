"""Peers that send without end: memory stays bounded and the next call is answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import socket
from collections.abc import Iterable

import pytest
from harness.agi_peer import CALLER, Server, closed, environment, serving

MEGABYTE = 1024 * 1024


async def pour(server: Server, first: bytes, flood: Iterable[bytes]) -> int:
    """Send until the server has had enough; return how many bytes it took to get there."""
    reader, writer = await server.connect()
    sent = 0
    with contextlib.suppress(ConnectionError):
        writer.write(first)
        if first:
            await reader.readline()
        for piece in flood:
            if writer.transport.is_closing() or reader.at_eof():
                break
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
    await closed(writer)
    return sent


@pytest.mark.parametrize("first", [b"", environment()], ids=["environment", "reply"])
@pytest.mark.parametrize(
    "flood",
    [
        [CALLER.encode() * (MEGABYTE // len(CALLER))],
        itertools.repeat(b"x" * 65536, 1000),
        (b"agi_x%d: %s\n" % (n, CALLER.encode()) for n in range(1_000_000)),
        itertools.repeat(b"agi_x: 1\n", 1_000_000),
        itertools.repeat(b"nonsense\n", 1_000_000),
        itertools.repeat(b"HANGUP\n", 1_000_000),
        itertools.chain([b"520-\n"], itertools.repeat(b"usage\n", 1_000_000)),
        itertools.repeat(b"\0" * 4095 + b"\n", 1000),
    ],
    ids=["1MB line", "endless line", "endless headers", "twice", "nonsense", "hangups", "usage", "nul"],
)
async def test_flood(first: bytes, flood: Iterable[bytes]) -> None:
    async with serving() as server, asyncio.timeout(10):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sent = await pour(server, first, flood)
        assert sent < 20 * MEGABYTE
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 32 * 1024, f"{grown} KiB"


async def test_floods_while_calls_go_on() -> None:
    async with serving() as server, asyncio.timeout(20):
        floods = [
            asyncio.create_task(pour(server, b"", itertools.repeat(b"x" * 65536, 100))) for _ in range(50)
        ]
        for _ in range(20):
            await server.good_call()
        await asyncio.gather(*floods)


async def test_a_peer_that_does_not_read() -> None:
    async with serving() as server:
        with socket.socket() as peer:
            peer.connect(("127.0.0.1", server.port))
            peer.sendall(environment() * 50)
            await server.good_call()
            await asyncio.sleep(0.1)
        await server.good_call()
