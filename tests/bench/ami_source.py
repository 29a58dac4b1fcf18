"""Asterisk's side of AMI for one program, in threads of the benchmark: tells of calls at any pace."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Final

from harness.closing import Closing

_BANNER: Final = b"Asterisk Call Manager/9.0.0\r\n"
_LONGEST: Final = 60.0  # seconds that a program may not read: it hangs, then


class AmiSource(Closing):
    """A manager interface that lets everybody in and answers every action; see `send`.

    Attributes:
        port: where it listens, on loopback.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._connection: socket.socket | None = None
        self._logged_in = threading.Event()
        self._sending = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def wait_for_login(self, seconds: float = 30.0) -> None:
        """Wait until a program has logged in that wants to hear of calls.

        Raises:
            TimeoutError: none did.
        """
        if not self._logged_in.wait(seconds):
            raise TimeoutError("nobody logged in")

    def send(self, events: bytes) -> None:
        """Send events to that program; returns once the kernel has them."""
        assert self._connection
        with self._sending:
            self._connection.sendall(events)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(_LONGEST)
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            connection.sendall(_BANNER)
            while action := _block(stream):
                said = "Authentication accepted" if action["Action"] == "Login" else "Pong"
                reply = f"Response: Success\r\nActionID: {action['ActionID']}\r\nMessage: {said}\r\n\r\n"
                with self._sending:
                    connection.sendall(reply.encode())
                if action["Action"] == "Login" and "cdr" in action.get("Events", ""):
                    self._connection = connection
                    self._logged_in.set()

    def close(self) -> None:
        """Stop listening, and end the program's connection."""
        self._listening.close()
        if self._connection:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


def _block(stream: Any) -> dict[str, str]:
    """Return an action's headers; none at the end of the connection."""
    headers: dict[str, str] = {}
    for line in stream:
        text = line.decode().strip()
        if not text:
            return headers
        name, _, value = text.partition(": ")
        headers[name] = value
    return {}
