"""Forgets contacts whose time is over, while the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from datetime import date
from pathlib import Path
from typing import Final

from callveil.contacts.book import ContactBook
from callveil.contacts.change import forget_expired
from callveil.contacts.model import ContactsError
from callveil.live import Live
from callveil.live_facts import say

log = logging.getLogger(__name__)

PART: Final = "contacts keeper"
EVERY: Final = 3600.0
"""Seconds. An expired contact already counts as absent; this is about what is left on the disk."""


async def run(live: Live, stop: asyncio.Event, every: float = EVERY) -> None:
    """Forget what has expired, now and every hour, until the event is set. Never raises: it says trouble.

    Args:
        live: says where the contacts are, and is told of trouble.
        stop: ends it.
        every: seconds between two rounds.
    """
    settings = live.settings
    while not stop.is_set():
        try:
            # A disk may be slow, and calls must not wait for it.
            forgotten = await asyncio.to_thread(_round, settings.contacts, settings.contacts_key)
        except ContactsError as error:
            say(live, PART, f"Contacts that have expired could not be forgotten. {error}")
        except Exception as error:
            # Where it happened, not what it says: the text could quote what was worked on.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            say(live, PART, f"Contacts that have expired could not be forgotten ({where}).")
        else:
            live.troubles.pop(PART, None)
            if forgotten:
                log.info("Contacts that had expired are forgotten: %d", forgotten)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)


def _round(path: Path, key_path: Path) -> int:
    forgotten = forget_expired(path, date.today())
    # Opened afresh, so that a key that was lost under the running daemon is noticed before the next start.
    book = ContactBook(path, key_path)
    try:
        book.check()
    finally:
        book.close()
    return forgotten
