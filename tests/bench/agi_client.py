"""Asterisk's side of FastAGI, as a benchmark needs it: many calls, and no answer but the right one counts."""

from __future__ import annotations

import asyncio
import time
from typing import Final

CALLS: Final = 50
"""Calls of one measurement: some hundredths of a second."""

AT_ONCE: Final = 50
CALL_ID: Final = "123456789-123456789-123456789-123456789"
NUMBERS: Final = tuple(f"+121255501{last:02}" for last in range(100))
"""Numbers that are kept for fiction."""

_COMMAND: Final = b'SET VARIABLE VEIL_ANSWER "'


class WrongAnswerError(Exception):
    """Something else was answered than what is measured."""


def environment(number: str, *arguments: str) -> bytes:
    """Return what Asterisk 22 sends when it asks about a call to a number, with the arguments of `AGI()`."""
    lines = (
        "agi_network: yes",
        "agi_network_script: outbound",
        "agi_request: agi://127.0.0.1:4573/outbound",
        "agi_channel: PJSIP/201-00000001",
        "agi_language: en",
        "agi_type: PJSIP",
        "agi_uniqueid: 1.1",
        "agi_version: 22.10.1",
        "agi_callerid: +12065550100",
        "agi_calleridname: unknown",
        "agi_callingpres: 35",
        "agi_callingani2: 0",
        "agi_callington: 0",
        "agi_callingtns: 0",
        "agi_dnid: unknown",
        "agi_rdnis: unknown",
        "agi_context: callveil-ask",
        f"agi_extension: {number}",
        "agi_priority: 8",
        "agi_enhanced: 0.0",
        "agi_accountcode: ",
        "agi_threadid: 140000000000000",
        *(f"agi_arg_{place}: {argument}" for place, argument in enumerate(arguments, start=1)),
    )
    return ("\n".join(lines) + "\n\n").encode()


class Asker:
    """Asks one server, call after call.

    Args:
        port: where it listens.
        extension: who calls.
        expected: how the right answer begins.
    """

    def __init__(self, port: int, extension: str, expected: str) -> None:
        self._port = port
        self._asked = tuple(environment(number, extension, CALL_ID) for number in NUMBERS)
        self._expected = _COMMAND + expected.encode()

    def one_by_one(self) -> float:
        """Return microseconds a call, one after another."""
        return asyncio.run(self._measure(1))

    def many_at_once(self) -> float:
        """Return microseconds a call, with `AT_ONCE` under way."""
        return asyncio.run(self._measure(AT_ONCE))

    async def _measure(self, at_once: int) -> float:
        began = time.perf_counter()
        for first in range(0, CALLS, at_once):
            await asyncio.gather(*(self._ask(first + place) for place in range(at_once)))
        return (time.perf_counter() - began) / CALLS * 1e6

    async def _ask(self, call: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._asked[call % len(self._asked)])
        command = await reader.readline()
        if not command.startswith(self._expected):
            raise WrongAnswerError(f"the server on port {self._port} answered something else")
        writer.write(b"200 result=1\n")
        await reader.read()
        writer.close()
