"""Waiting for one thing or another, and for how long before the next attempt."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Coroutine
from typing import Any

_random = secrets.SystemRandom()


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Return once any of the events is set, or after some seconds."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def run_unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> BaseException | None:
    """Run something that goes on for ever, and cancel it once the event is set.

    Returns:
        The exception with which it ended by itself; None where it was told to, or ended without one.
    """
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        stopped.cancel()
        result, _ = await asyncio.gather(task, stopped, return_exceptions=True)
    return result if isinstance(result, BaseException) and not stop.is_set() else None


class Backoff:
    """Growing pauses between attempts, each a little random so that many clients do not come at once.

    Args:
        first: seconds before the second attempt, about.
        most: seconds that no pause exceeds.
    """

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self._first = first
        self._most = most
        self._next = first

    def reset(self) -> None:
        """Begin again with short pauses: the last attempt did well."""
        self._next = self._first

    def pause(self) -> float:
        """Return the seconds to wait now."""
        now = self._next
        self._next = min(self._most, now * 2)
        return max(self._first, now * _random.uniform(0.5, 1.0))

    def longest(self) -> float:
        """Return the seconds to wait where trying soon again cannot help, as after a refused secret."""
        return self._most * _random.uniform(0.8, 1.0)


def plain_error(error: OSError) -> str:
    """Return what went wrong without the address or path that Python adds."""
    code = error.errno or 0
    return os.strerror(code).lower() if code > 0 else type(error).__name__


def say(troubles: dict[str, str], part: str, text: str) -> bool:
    """Put a trouble where `callveil status` shows it, and return whether it was not there before."""
    new = troubles.get(part) != text
    troubles[part] = text
    return new
