"""Peers that say nothing, or next to nothing, and stay."""

from __future__ import annotations

import asyncio
import time

import pytest
from callveil.settings import AgiSettings
from harness.agi_peer import closed, environment, serving


async def test_silent_peers_are_ended_while_calls_go_on() -> None:
    async with serving() as server:
        silent = [await server.connect() for _ in range(50)]
        began = time.monotonic()
        for _, writer in silent[::2]:
            writer.write(b"agi_network: yes\n")
        for _ in range(50):
            await server.good_call()
        async with asyncio.timeout(3):
            assert [await reader.read() for reader, _ in silent] == [b""] * 50
        assert time.monotonic() - began < 1.5
        for _, writer in silent:
            await closed(writer)


async def test_a_trickle_is_ended_by_the_whole_time() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        for byte in environment():
            if writer.transport.is_closing():
                return
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.05)

    async with serving(AgiSettings(timeout=0.6)) as server:
        slow = [await server.connect() for _ in range(50)]
        trickles = [asyncio.create_task(trickle(writer)) for _, writer in slow]
        began = time.monotonic()
        await asyncio.sleep(0.2)
        await server.good_call()
        for reader, writer in slow:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            await closed(writer)
        assert 0.4 < time.monotonic() - began < 1.5
        await asyncio.gather(*trickles)


async def test_the_reply_never_comes() -> None:
    async with serving() as server:
        reader, writer = await server.connect()
        writer.write(environment())
        assert (await reader.readline()).startswith(b"SET VARIABLE VEIL_ANSWER ")
        await server.good_call()
        async with asyncio.timeout(1.5):
            assert await reader.read() == b""
        await closed(writer)


async def test_more_silent_peers_than_are_served_do_not_keep_a_call_out() -> None:
    async with serving(AgiSettings(max_connections=20)) as server:
        silent = [await server.connect() for _ in range(20)]
        await asyncio.sleep(0.15)
        for _ in range(60):
            await asyncio.sleep(0.015)
            silent.append(await server.connect())
            await server.good_call()
        for _, writer in silent:
            await closed(writer)


async def test_a_crowd_is_bounded() -> None:
    async with serving(AgiSettings(max_connections=20)) as server:
        crowd = await asyncio.gather(*(server.connect() for _ in range(300)))
        await asyncio.sleep(0.05)
        served = [task for task in asyncio.all_tasks() if "Application.handler" in repr(task)]
        assert len(served) <= 20
        await asyncio.sleep(0.1)
        await server.good_call()
        for _, writer in crowd:
            await closed(writer)


async def test_a_burst_of_good_calls_is_answered() -> None:
    async with serving() as server, asyncio.timeout(3):
        answers = await asyncio.gather(*(server.ask(environment()) for _ in range(200)))
        assert all(answer.startswith(b'SET VARIABLE VEIL_ANSWER "veil3|') for answer in answers)
