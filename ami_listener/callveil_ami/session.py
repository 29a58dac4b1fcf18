"""A dependable session with Asterisk's manager interface, which hears of calls' records and queues."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NoReturn

from callveil.settings import AmiSettings

from callveil_ami.connection import AmiConnection, OnEvent, RefusedError, SessionError
from callveil_ami.queues import QUEUE_EVENTS
from callveil_ami.waiting import Backoff, first_of, run_unless, say

log = logging.getLogger(__name__)

PART: Final = "ami"
"""The name under which the session says what is wrong."""

HEARD: Final = ("Cdr", *QUEUE_EVENTS)
"""The events that it listens to."""

CLASSES: Final = "cdr,agent"
"""Their classes. A manager user that may read only the first hears records all the same."""


class AmiSession:
    """Keeps one AMI session alive, whatever Asterisk or the network does.

    Args:
        settings: where, and how to log in.
        on_event: called with each event of `HEARD`; must not raise and must not wait.
        troubles: where it says what is wrong.
        backoff: the pauses between attempts.

    Attributes:
        logged_in: set while Asterisk accepts the session.
    """

    def __init__(
        self,
        settings: AmiSettings,
        on_event: OnEvent,
        troubles: dict[str, str],
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._troubles = troubles
        self._backoff = backoff or Backoff()
        self.logged_in = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Hold a session until the event is set; when this returns, nothing of it is left."""
        while not stop.is_set():
            problem = await run_unless(stop, self._hold())
            if stop.is_set():
                break
            if not isinstance(problem, SessionError):
                raise problem or RuntimeError("the session ended unasked")
            if say(self._troubles, PART, str(problem)):
                log.warning("%s", problem)
            refused = isinstance(problem, RefusedError)
            await first_of(stop, seconds=self._backoff.longest() if refused else self._backoff.pause())
        self._troubles.pop(PART, None)

    async def _hold(self) -> NoReturn:
        """Connect, log in and ping until something goes wrong.

        Raises:
            SessionError: what went wrong.
        """
        connection = await AmiConnection.open(self._settings, CLASSES, dict.fromkeys(HEARD, self._on_event))
        try:
            self.logged_in.set()
            if self._troubles.pop(PART, None):
                log.warning("Connected to Asterisk again")
            while True:
                await asyncio.wait({connection.lost}, timeout=self._settings.ping_interval)
                await connection.ask({"Action": "Ping"})
                # Not before: a server that takes logins and drops them is not to be hammered.
                self._backoff.reset()
        finally:
            self.logged_in.clear()
            await connection.close()
