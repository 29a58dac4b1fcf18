"""What `callveil serve` runs beside Asterisk's AMI: all that records calls, and the audit of trunks."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from callveil.kept import as_kept
from callveil.live import Live
from callveil.store.opening import open_store

from callveil_ami.audit import TrunkAudit
from callveil_ami.housekeeping import Housekeeping
from callveil_ami.intake import Intake
from callveil_ami.journal import Journal
from callveil_ami.last_day import LastDay
from callveil_ami.recorder import Recorder
from callveil_ami.session import AmiSession
from callveil_ami.waiting import Backoff, first_of, say

log = logging.getLogger(__name__)

CLOSING: Final = 3.0
"""Seconds in which what is queued is committed at the end; what is not is in the journal."""

_WELL_AFTER: Final = 60.0  # seconds of running after which a crash is no news any more


async def run(live: Live, stop: asyncio.Event) -> None:
    """Record calls and watch the trunks until the event is set.

    Never raises for anything that Asterisk, the journal or the store does: it says so in `live.troubles` and
    tries again.
    """
    troubles = live.troubles
    wake = asyncio.Event()
    intake = Intake(troubles)
    recorder = Recorder(
        lambda: open_store(live.settings.store, guarded=True),
        troubles,
        lambda record: as_kept(record, live.policy),
    )
    session = AmiSession(live.settings.ami, intake.take, troubles)
    journal = Journal(live.settings.journal, recorder.commit, troubles)
    audit = TrunkAudit(live)
    housekeeping = Housekeeping(
        recorder,
        lambda: live.policy,
        live.settings.journal,
        LastDay(live.settings.compiled.parent),
        troubles,
    )
    parts = {
        "AMI session": lambda: session.run(stop),
        "journal reader": lambda: journal.run(stop, wake),
        "recorder": lambda: recorder.record_events(intake, wake, stop),
        "housekeeping": lambda: housekeeping.run(stop),
        "audit of trunks": lambda: audit.run(stop),
    }
    tasks = {asyncio.create_task(keep_running(name, part, troubles, stop)) for name, part in parts.items()}
    try:
        await stop.wait()
        await asyncio.wait(tasks, timeout=CLOSING)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await recorder.close()


async def keep_running(
    name: str,
    part: Callable[[], Awaitable[None]],
    troubles: dict[str, str],
    stop: asyncio.Event,
    backoff: Backoff | None = None,
) -> None:
    """Run a part until told to stop; start it again, and say so, if it ends by itself.

    Args:
        name: what it is called.
        part: starts it.
        troubles: where its ends are said.
        stop: ends it; the part has to look at it too.
        backoff: the pauses before it is started again.
    """
    backoff = backoff or Backoff()
    loop = asyncio.get_running_loop()
    well = None
    while not stop.is_set():
        if name in troubles:
            well = loop.call_later(_WELL_AFTER, troubles.pop, name, None)
        reason = "it ended"
        try:
            await part()
        except Exception as error:
            # Where it happened, not what it says: the text could quote what the part was working on.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        finally:
            if well:
                well.cancel()
        if stop.is_set():
            break
        say(troubles, name, f"The {name} stopped unexpectedly ({reason}) and is started again.")
        log.error("The %s stopped unexpectedly (%s) and is started again", name, reason)
        await first_of(stop, seconds=backoff.pause())
    troubles.pop(name, None)
