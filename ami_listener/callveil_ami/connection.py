"""One connection to Asterisk's manager interface, on panoramisk: opened, logged in, asked, closed.

panoramisk connects again every two seconds for ever, takes a refused login for a success, never looks at the
replies to its pings and sends unanswered actions again after a reconnect. So of its `Manager` only what
sends actions and hands out events is used; when to connect, log in, ask and give up is decided here and by
whoever holds the connection.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

from callveil.settings import AmiSettings
from panoramisk import Manager

from callveil_ami.protocol import BoundedProtocol
from callveil_ami.waiting import plain_error

log = logging.getLogger(__name__)

# Its DEBUG messages print every event, and with them whatever the events hold.
logging.getLogger("panoramisk").setLevel(logging.WARNING)

Headers = Mapping[str, object]
OnEvent = Callable[[Headers], None]


class SessionError(Exception):
    """A connection ended or did not begin; the text says why in plain words."""


class RefusedError(SessionError):
    """Asterisk refused the login: trying soon again cannot help."""


class SessionManager(Manager):  # type: ignore[misc]  # panoramisk ships no types
    """panoramisk's manager without a will of its own: it neither connects again nor keeps actions.

    Args:
        on_events: what is called with each event, by its name; must not raise and must not wait.
    """

    def __init__(self, on_events: Mapping[str, OnEvent]) -> None:
        super().__init__(log=log, loop=asyncio.get_running_loop())
        self.callbacks.clear()  # its own, which sends kept actions again
        self.patterns.clear()
        for name, on_event in on_events.items():
            self.register_event(name, lambda _, event, take=on_event: take(event))

    def connect(self, *_: object, **__: object) -> NoReturn:
        """Not used; see `AmiConnection`.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("AmiConnection connects")

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


class AmiConnection:
    """A connection that Asterisk has accepted; see `open`.

    Attributes:
        lost: done once it is of no more use; its result says why, in plain words.
    """

    def __init__(self, settings: AmiSettings, manager: SessionManager, protocol: BoundedProtocol) -> None:
        self._settings = settings
        self._manager = manager
        self._protocol = protocol
        self.lost = protocol.lost

    @classmethod
    async def open(
        cls, settings: AmiSettings, events: str, on_events: Mapping[str, OnEvent], username: str = ""
    ) -> Self:
        """Connect and log in.

        Args:
            settings: where, and how to log in.
            events: which classes of events to be told of, as AMI's Login takes them.
            on_events: what is called with each event, by its name; must not raise and must not wait.
            username: the manager user, where it is another than that of the settings.

        Raises:
            SessionError: what went wrong.
        """
        manager = SessionManager(on_events)
        where = f"Asterisk's manager interface at {settings.host}:{settings.port}"
        try:
            protocol = await manager.open(settings)
        except TimeoutError:
            raise SessionError(f"{where} does not answer: check the address and any firewall.") from None
        except OSError as error:
            raise SessionError(
                f"{where} cannot be reached ({plain_error(error)}):"
                " is Asterisk running, with enabled=yes in manager.conf?"
            ) from None
        connection = cls(settings, manager, protocol)
        try:
            await connection._log_in(username or settings.username, events)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """End it; when this returns, its socket is closed."""
        self._protocol.drop("it is over")
        await asyncio.wait({self._protocol.gone}, timeout=1.0)

    async def ask(self, action: dict[str, str]) -> Headers:
        """Send an action and return its reply.

        Raises:
            SessionError: there was none in time, or the connection is lost.
        """
        reply = await self._answer(action)
        return reply[0] if isinstance(reply, list) else reply

    async def ask_list(self, action: dict[str, str]) -> list[Headers]:
        """Send an action and return its reply and the events that follow it.

        Raises:
            SessionError: they were not complete in time, or too many, or the connection is lost.
        """
        reply = await self._answer(action)
        return reply if isinstance(reply, list) else [reply]

    async def _answer(self, action: dict[str, str]) -> Headers | list[Headers]:
        if not self.lost.done():
            answer: asyncio.Future[Any] = self._manager.send_action(action)
            waiting = {answer, self.lost}
            await asyncio.wait(waiting, timeout=self._settings.timeout, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                reply: Headers | list[Headers] = answer.result()
                return reply
        if self.lost.done():
            raise SessionError(f"The connection to Asterisk is lost: {self.lost.result()}. Connecting again.")
        asked = action["Action"].lower()
        raise SessionError(
            f"Asterisk does not answer: no reply to a {asked} in {self._settings.timeout:g} s."
            " Connecting again."
        )

    async def _log_in(self, user: str, events: str) -> None:
        secret = self._settings.secret
        if not (user + secret).isprintable():
            # A line break in them would be another AMI header.
            raise RefusedError(
                "The AMI user or secret in Callveil's settings holds a character that AMI cannot take."
            )
        reply = await self.ask({"Action": "Login", "Username": user, "Secret": secret, "Events": events})
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
