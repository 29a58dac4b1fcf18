"""Replies that are not the one that is waited for."""

from __future__ import annotations

import asyncio

import pytest
from harness.agi_peer import CALLED, environment, serving


@pytest.mark.parametrize(
    "reply",
    [
        b"HANGUP\n200 result=1\n",
        b"100 result=0 Trying...\n200 result=1\n",
        b"HANGUP\n100 x\nHANGUP\n200 result=1\nHANGUP\n",
        b"200 result=1 (hangup)\n",
        b"200 result=1 (HANGUP)\n",
        b"200 result=0 (hangup)\n",
        b"200 result=-1\n",
        b"510 Invalid or unknown command\n",
        b"511 Command Not Permitted on a dead channel\n",
        b"520 Invalid command syntax.  Proper usage not available.\n",
        b"520-Invalid command syntax.  Proper usage follows:\nUsage: SET\n520 End of proper usage.\n",
        b"520-Invalid command syntax.  Proper usage follows:\nUsage: SET520 End of proper usage.\n",
        b"520-Invalid command syntax.  Proper usage follows:\n200 result=1\n520 End of proper usage.\n",
        b"\n",
        b"nonsense " + CALLED.encode() + b"\n",
        b"200 result=" + CALLED.encode() + b" (" + CALLED.encode() + b")\n",
        b"\xff\xff\n",
        b"hangup\n",
        b"200 result=1\n200 result=1\n510 more\n",
    ],
)
async def test_one_command_whatever_is_replied(reply: bytes) -> None:
    async with serving() as server, asyncio.timeout(0.5):
        answered = await server.ask(environment(), reply)
        assert answered.startswith(b"SET VARIABLE VEIL_ANSWER ")
        assert answered.count(b"\n") == 1


async def test_a_usage_text_without_an_end() -> None:
    async with serving() as server, asyncio.timeout(2):
        assert (await server.ask(environment(), b"520-\nUsage\n")).count(b"\n") == 1


async def test_replies_before_they_are_due() -> None:
    async with serving() as server, asyncio.timeout(2):
        early = b"200 result=1\n" * 50
        assert (await server.ask(environment() + early, b"")).count(b"\n") == 1
