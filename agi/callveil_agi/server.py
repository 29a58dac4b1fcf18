"""A FastAGI server that outlives hostile peers.

panoramisk's `Application` and `Request` are kept as the interface: routes, headers, commands. What they do
on the wire is replaced. As shipped, a peer that connects and leaves makes the server spin for ever, nothing
is timed or bounded, and whole environments are logged; Asterisk in turn has no timeout of its own on what it
reads from here, so a stuck server holds every call.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from panoramisk import fast_agi

from callveil_agi.protocol import (
    MAX_ENVIRONMENT,
    ProtocolError,
    Reply,
    ReplyParser,
    encode_command,
    parse_environment,
)

log = logging.getLogger(__name__)

READ_TIMEOUT: Final = 1.0
"""Seconds in which an environment must be whole, and each reply. Asterisk writes either in one go."""

_GRACE: Final = 0.1
"""Seconds that a connection is safe from making room for another. A good request takes a few ms."""


class Request(fast_agi.Request):  # type: ignore[misc]  # panoramisk has no types
    """One call's question.

    Attributes:
        headers: the AGI environment, as ``agi_extension``.
        hung_up: Asterisk said, between command and reply, that the channel is gone.
    """

    headers: dict[str, str]

    def __init__(
        self,
        app: Application,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(app=app, headers=headers, reader=reader, writer=writer, encoding=encoding)
        self.hung_up = False

    async def send_command(self, command: str) -> Reply:
        """Send one command and wait for its reply. Commands are not to be sent two at a time.

        Args:
            command: a whole command line; arguments go through `callveil_agi.protocol.quote`.

        Raises:
            ProtocolError: if the command would be read as two, or what comes back is no reply.
            EOFError: if the peer has left.
            TimeoutError: if the peer is silent.
        """
        self.writer.write(encode_command(command))
        await self.writer.drain()
        parser = ReplyParser()
        try:
            async with asyncio.timeout(self.app.read_timeout):
                while (reply := parser.add(await _read_until(self.reader, b"\n"))) is None:
                    pass
        finally:
            self.hung_up = self.hung_up or parser.hung_up
        return reply


Endpoint: TypeAlias = Callable[[Request], Awaitable[None]]
"""What serves a route."""


class Application(fast_agi.Application):  # type: ignore[misc]  # panoramisk has no types
    """Routes requests to endpoints, each within its time.

    Build it inside the running event loop, and give `accept` to `asyncio.start_server` with
    ``limit=MAX_ENVIRONMENT``.

    Args:
        timeout: seconds that a request may take from its connection to its end.
        max_connections: requests served at once. When that many run, the oldest makes room for a new one if
            it has been around longer than any good request takes; else the new one is closed at once.
        read_timeout: seconds in which an environment must be whole, and each reply.

    Raises:
        RuntimeError: if no event loop runs.
    """

    def __init__(self, *, timeout: float, max_connections: int, read_timeout: float = READ_TIMEOUT) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        # Its own handler, which logs every header, is never called; this holds should that ever change.
        for name in ("panoramisk", "panoramisk.fast_agi"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.timeout = timeout
        self.read_timeout = min(read_timeout, timeout)
        self.max_connections = max_connections
        self._since: dict[asyncio.Task[None], float] = {}
        self._finishing = False

    def add_route(self, path: str, endpoint: Endpoint) -> None:
        """Serve ``agi://HOST/PATH`` with an endpoint.

        Raises:
            TypeError: if `endpoint` is not an async function.
            ValueError: if the path has an endpoint already.
        """
        if not (inspect.iscoroutinefunction(endpoint) or inspect.iscoroutinefunction(_call_of(endpoint))):
            raise TypeError("an endpoint is an async function: a blocking one would hold up every other call")
        path = path.strip("/")
        if path in self._route:
            raise ValueError("A route already exists.")
        self._route[path] = endpoint

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new connection in a task of its own, or close it when too many are served."""
        if self._finishing:  # one that was under way when the listening socket was closed
            writer.transport.abort()
            return
        if len(self._since) >= self.max_connections and not self._make_room():
            log.warning("A request was turned away: %d are being served", len(self._since))
            writer.transport.abort()
            return
        task = self.loop.create_task(self.handler(reader, writer))
        self._since[task] = self.loop.time()
        task.add_done_callback(lambda done: self._since.pop(done, None))

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, whatever comes; only cancellation goes through."""
        try:
            async with asyncio.timeout(self.timeout):
                await self._serve(reader, writer)
        except (EOFError, ConnectionError):
            log.debug("A peer left early")
        except TimeoutError:
            log.info("A request took too long")
        except ProtocolError as error:
            log.warning("A request was not answered: %s", error)
        except Exception as error:
            # Whatever an endpoint does, the next call goes on. Words and traceback may hold a number.
            log.error("A request was not answered: %s", type(error).__name__)
        finally:
            _close(writer)

    async def finish(self, grace: float) -> None:
        """Turn new connections away, give running requests `grace` seconds, then end them."""
        self._finishing = True
        await self._wait(grace)
        for task in self._since:
            task.cancel()
        await self._wait(grace)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whole, not line by line: each read costs the loop a turn when fifty calls come at once.
        async with asyncio.timeout(self.read_timeout):
            raw = await _read_until(reader, b"\n\n")
        headers = parse_environment(raw)
        path = headers.get("agi_network_script", "").strip("/")
        endpoint = self._route.get(path)
        if endpoint is None:
            raise ProtocolError("an unknown path")
        log.debug("A request for %s with %d lines", path, len(headers))
        await endpoint(Request(self, headers, reader, writer))

    async def _wait(self, seconds: float) -> None:
        if self._since:
            await asyncio.wait(tuple(self._since), timeout=seconds)

    def _make_room(self) -> bool:
        """End the oldest request if it is old enough to be a silent peer; return whether it was."""
        oldest = next(iter(self._since), None)
        if oldest is None or self.loop.time() - self._since[oldest] < _GRACE:
            return False
        del self._since[oldest]
        oldest.cancel()
        return True


async def _read_until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    """Return what comes next, up to and with `end`.

    Raises:
        ProtocolError: if it is longer than the limit that the stream was opened with.
        EOFError: if the peer has left.
    """
    try:
        return await reader.readuntil(end)
    except asyncio.LimitOverrunError:
        raise ProtocolError(f"more than {MAX_ENVIRONMENT} bytes without an end") from None


def _close(writer: asyncio.StreamWriter) -> None:
    """Close a connection without waiting for a peer that does not read."""
    if writer.transport.get_write_buffer_size():
        writer.transport.abort()
    else:
        writer.close()


def _call_of(endpoint: Any) -> Any:
    return getattr(endpoint, "__call__", None)  # noqa: B004  # looked at, not only looked for
