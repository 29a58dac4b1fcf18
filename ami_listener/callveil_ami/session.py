"""A dependable session with Asterisk's manager interface, on panoramisk.

panoramisk connects again every two seconds for ever, takes a refused login for a success, never looks at the
replies to its pings and sends unanswered actions again after a reconnect. So of its `Manager` only what
sends actions and hands out events is used; when to connect, log in, ping and give up is decided here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from callveil.settings import AmiSettings
from panoramisk import Manager

from callveil_ami.protocol import BoundedProtocol
from callveil_ami.waiting import Backoff, first_of, plain_error, say

log = logging.getLogger(__name__)

# Its DEBUG messages print every event, and with them whatever the events hold.
logging.getLogger("panoramisk").setLevel(logging.WARNING)

PART: Final = "ami"
"""The name under which the session says what is wrong."""

OnCdr = Callable[[Mapping[str, object]], None]


class SessionError(Exception):
    """The session ended or did not begin; the text says why in plain words."""


class RefusedError(SessionError):
    """Asterisk refused the login: trying soon again cannot help."""


class SessionManager(Manager):  # type: ignore[misc]  # panoramisk ships no types
    """panoramisk's manager without a will of its own: it neither connects again nor keeps actions.

    Args:
        on_cdr: called with each ``Cdr`` event; must not raise and must not wait.
    """

    def __init__(self, on_cdr: OnCdr) -> None:
        super().__init__(log=log, loop=asyncio.get_running_loop())
        self.callbacks.clear()  # its own, which sends kept actions again
        self.patterns.clear()
        self.register_event("Cdr", lambda _, event: on_cdr(event))

    def connect(self, *_: object, **__: object) -> NoReturn:
        """Not used; see `AmiSession`.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("AmiSession connects")

    async def open(self, settings: AmiSettings) -> BoundedProtocol:
        """Connect once.

        Raises:
            OSError: the network says no.
            TimeoutError: no answer in time.
        """
        async with asyncio.timeout(settings.timeout):
            _, protocol = await asyncio.get_running_loop().create_connection(
                functools.partial(BoundedProtocol, self), settings.host, settings.port
            )
        self.protocol = protocol
        return protocol


class AmiSession:
    """Keeps one AMI session alive, whatever Asterisk or the network does.

    Args:
        settings: where, and how to log in.
        on_cdr: called with each ``Cdr`` event; must not raise and must not wait.
        troubles: where it says what is wrong.
        backoff: the pauses between attempts.

    Attributes:
        logged_in: set while Asterisk accepts the session.
    """

    def __init__(
        self,
        settings: AmiSettings,
        on_cdr: OnCdr,
        troubles: dict[str, str],
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._on_cdr = on_cdr
        self._troubles = troubles
        self._backoff = backoff or Backoff()
        self.logged_in = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Hold a session until the event is set; when this returns, nothing of it is left."""
        while not stop.is_set():
            session = asyncio.create_task(self._hold())
            stopped = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({session, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                session.cancel()
                stopped.cancel()
                results = await asyncio.gather(session, stopped, return_exceptions=True)
            if stop.is_set():
                break
            problem = results[0]
            if not isinstance(problem, SessionError):
                raise problem if isinstance(problem, Exception) else RuntimeError("the session ended unasked")
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
        manager = SessionManager(self._on_cdr)
        protocol = await self._connect(manager)
        try:
            await self._log_in(manager, protocol)
            self.logged_in.set()
            if self._troubles.pop(PART, None):
                log.warning("Connected to Asterisk again")
            while True:
                await asyncio.wait({protocol.lost}, timeout=self._settings.ping_interval)
                await self._ask(manager, protocol, {"Action": "Ping"})
                # Not before: a server that takes logins and drops them is not to be hammered.
                self._backoff.reset()
        finally:
            self.logged_in.clear()
            protocol.drop("it is over")
            await asyncio.wait({protocol.gone}, timeout=1.0)

    async def _connect(self, manager: SessionManager) -> BoundedProtocol:
        where = f"Asterisk's manager interface at {self._settings.host}:{self._settings.port}"
        try:
            return await manager.open(self._settings)
        except TimeoutError:
            raise SessionError(f"{where} does not answer: check the address and any firewall.") from None
        except OSError as error:
            raise SessionError(
                f"{where} cannot be reached ({plain_error(error)}):"
                " is Asterisk running, with enabled=yes in manager.conf?"
            ) from None

    async def _log_in(self, manager: SessionManager, protocol: BoundedProtocol) -> None:
        user, secret = self._settings.username, self._settings.secret
        if not (user + secret).isprintable():
            # A line break in them would be another AMI header.
            raise RefusedError(
                "The AMI user or secret in Callveil's settings holds a character that AMI cannot take."
            )
        reply = await self._ask(
            manager, protocol, {"Action": "Login", "Username": user, "Secret": secret, "Events": "cdr"}
        )
        if reply.get("Response") == "Success":
            return
        if "in use" in str(reply.get("Message", "")).lower():
            raise SessionError(
                f"Asterisk says that AMI user {user} is logged in already: set allowmultiplelogin=yes"
                " for it in manager.conf, or end the other program that uses it."
            )
        raise RefusedError(
            f"Asterisk refused the login of AMI user {user}: check the secret in Callveil's settings against"
            " manager.conf, and that manager.conf permits this address."
        )

    async def _ask(
        self, manager: SessionManager, protocol: BoundedProtocol, action: dict[str, str]
    ) -> Mapping[str, object]:
        """Send an action and return its reply.

        Raises:
            SessionError: there was none in time, or the connection is lost.
        """
        if not protocol.lost.done():
            answer: asyncio.Future[Any] = manager.send_action(action)
            waiting = {answer, protocol.lost}
            await asyncio.wait(waiting, timeout=self._settings.timeout, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and isinstance(reply := answer.result(), Mapping):
                return reply
        if protocol.lost.done():
            raise SessionError(
                f"The connection to Asterisk is lost: {protocol.lost.result()}. Connecting again."
            )
        asked = action["Action"].lower()
        raise SessionError(
            f"Asterisk does not answer: no reply to a {asked} in {self._settings.timeout:g} s."
            " Connecting again."
        )
