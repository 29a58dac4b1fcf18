"""What is wrong now, as the daemon says it, for other programs: a file that lives no longer than the daemon.

It is written anew whenever something changes, and every few seconds in any case: an old one was left behind
by a daemon that was killed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from callveil.live import Live
from callveil.whole_files import write_whole

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks at whether something has changed."""

REPEAT: Final = 10.0
"""Seconds after which it is written anew although nothing has."""

OLD: Final = timedelta(seconds=3 * REPEAT)
"""After this a file tells nothing any more."""

_MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Said:
    """What the daemon said last.

    Attributes:
        troubles: what is wrong, in plain words, by the part that says so.
        written: when, with its zone.
    """

    troubles: Mapping[str, str]
    written: datetime

    def is_old(self, now: datetime) -> bool:
        """Return whether no daemon can have been running since."""
        return now - self.written > OLD


def write_troubles(path: Path, troubles: Mapping[str, str], now: datetime) -> None:
    """Write what is wrong now, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, json.dumps({"written": now.isoformat(), "troubles": dict(troubles)}) + "\n")


def read_troubles(path: Path) -> Said:
    """Return what the daemon said last.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it holds something else.
    """
    with path.open(encoding="utf-8") as file:
        data = json.loads(file.read(_MAX_BYTES))
    try:
        troubles = {str(part): str(text) for part, text in data["troubles"].items()}
        written = datetime.fromisoformat(data["written"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("something else") from error
    if written.tzinfo is None:
        raise ValueError("a moment without its zone")
    return Said(troubles, written)


async def keep_written(live: Live, stop: asyncio.Event) -> None:
    """Write what is wrong until the event is set, and take the file away then."""
    path = live.settings.troubles
    clock = asyncio.get_running_loop().time
    before: dict[str, str] | None = None
    due, failed = 0.0, False
    while not stop.is_set():
        now = dict(live.troubles)
        if now != before or clock() >= due:
            try:
                await asyncio.to_thread(write_troubles, path, now, datetime.now(UTC))
            except OSError as error:
                if not failed:
                    log.warning(
                        "%s cannot be written (%s): callveil status cannot tell what is wrong",
                        path,
                        error.strerror,
                    )
                failed, before = True, None
            else:
                failed, before, due = False, now, clock() + REPEAT
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK)
    with suppress(OSError):
        path.unlink()
