"""Peers that leave: one port scan froze the library's own server for every later call."""

from __future__ import annotations

import asyncio

from harness.agi_peer import closed, environment, reset, serving


async def test_end_of_file_at_every_byte_of_the_environment() -> None:
    sent = environment()
    async with serving() as server:
        for length in range(len(sent)):
            reader, writer = await server.connect()
            writer.write(sent[:length])
            writer.write_eof()
            assert await reader.read() == b"", length
            await closed(writer)
            if length % 100 == 0:
                await server.good_call()


async def test_end_of_file_at_every_byte_of_the_reply() -> None:
    reply = b"HANGUP\n200 result=1\n"
    async with serving() as server:
        for length in range(len(reply)):
            reader, writer = await server.connect()
            writer.write(environment())
            await reader.readline()
            writer.write(reply[:length])
            writer.write_eof()
            assert await reader.read() == b"", length
            await closed(writer)


async def test_port_scan() -> None:
    async with serving() as server:
        for round_ in range(10):
            scans = [server.connect() for _ in range(50)]
            for _, writer in await asyncio.gather(*scans):
                if round_ % 2:
                    reset(writer)
                await closed(writer)
            await server.good_call()


async def test_resets_in_the_middle() -> None:
    sent = environment()
    async with serving() as server:
        for length in range(0, len(sent), 7):
            _, writer = await server.connect()
            writer.write(sent[:length])
            await asyncio.sleep(0)
            reset(writer)
        for _ in range(20):
            reader, writer = await server.connect()
            writer.write(sent)
            await reader.readline()
            reset(writer)


async def test_a_peer_that_asks_and_leaves_before_the_answer() -> None:
    async with serving() as server:
        for _ in range(100):
            _, writer = await server.connect()
            writer.write(environment())
            await writer.drain()
            reset(writer)
