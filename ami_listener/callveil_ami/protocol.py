"""The AMI wire protocol with limits: what comes from the server cannot fill memory or end the session oddly.

panoramisk's own reading decodes each TCP chunk by itself, keeps any amount of text that has no end, and lets
an error in a callback through to the event loop, which then closes the connection.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

log = logging.getLogger(__name__)

MAX_MESSAGE: Final = 64 * 1024
"""Bytes. Asterisk's largest event takes a few thousand."""

MAX_ANSWERS: Final = 500
"""Messages that answer one action. An endpoint with all that belongs to it takes about ten."""

BANNER: Final = b"Asterisk Call Manager"
_MAX_BANNER: Final = 256
_END: Final = b"\r\n\r\n"


class BoundedProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk ships no types
    """One connection to Asterisk.

    Args:
        manager: the panoramisk manager that messages go to.

    Attributes:
        lost: done once the connection is of no more use; its result says why, in plain words.
        gone: done once its socket is closed.
        unreadable: messages that could not be read.
    """

    def __init__(self, manager: Any) -> None:
        loop = asyncio.get_running_loop()
        self._manager = manager
        self._buffer = bytearray()
        self.lost: asyncio.Future[str] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.unreadable = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        self.factory = self._manager
        self.encoding = "utf-8"

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with whatever arrived.

        Bytes are kept until a message is whole and only then decoded, so that no character is split.
        """
        if self.closed:
            return
        seen = max(0, len(self._buffer) - len(_END) + 1)
        self._buffer += data
        start = 0
        if self.version is None:
            start = seen = self._read_banner()
        while not self.closed and self.version is not None:
            end = self._buffer.find(_END, max(start, seen))
            if end < 0:
                break
            if end - start > MAX_MESSAGE:
                self.drop("it sent a message without an end")
                break
            self._read_message(bytes(self._buffer[start:end]))
            start = end + len(_END)
        del self._buffer[:start]
        if len(self._buffer) > MAX_MESSAGE:
            self.drop("it sent a message without an end")

    def _read_banner(self) -> int:
        """Take the greeting off the buffer's beginning; return where it ends."""
        line, found, _ = self._buffer.partition(b"\n")
        if not line.startswith(BANNER[: len(line)]) or (found and not line.startswith(BANNER)):
            self.drop("what answers there is not Asterisk's manager interface")
        elif found:
            self.version = line.rpartition(b"/")[2].decode("ascii", "replace").strip()
            return len(line) + 1
        elif len(line) > _MAX_BANNER:
            self.drop("what answers there is not Asterisk's manager interface")
        return 0

    def _read_message(self, block: bytes) -> None:
        try:
            message = Message.from_line(block.decode("utf-8", "replace").strip())
            if message is not None:
                self.handle_message(message)
        except Exception as error:
            # A message of an unheard-of shape. Its type only: the text could quote the message.
            self.unreadable += 1
            log.warning("A message from Asterisk could not be read (%s)", type(error).__name__)

    def handle_message(self, message: Any) -> None:
        """Called for each whole message."""
        asked = self.responses.get(message.id)
        if message.get("Event") == "Shutdown":
            self.drop("Asterisk is shutting down")
        elif asked is not None and len(asked.responses) >= MAX_ANSWERS:
            self.drop("it sent a list without an end")
        else:
            super().handle_message(message)

    def drop(self, reason: str) -> None:
        """Give the connection up, with a reason in plain words. No action is kept to be sent again."""
        if not self.lost.done():
            self.lost.set_result(reason)
        self.closed = True
        self.responses.clear()
        self._buffer.clear()
        self.transport.abort()

    def close(self) -> None:
        """Called by panoramisk where it gives up a connection."""
        self.drop("it was closed")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop once the socket is closed."""
        # An Asterisk that ends while something is on its way to it resets the connection.
        closed = exc is None or isinstance(exc, ConnectionError)
        self.drop("Asterisk closed it" if closed else "the network failed")
        if not self.gone.done():
            self.gone.set_result(None)
