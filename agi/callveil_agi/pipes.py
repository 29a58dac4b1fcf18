"""pyst2's `AGI`, made safe for the pipes of a spawned script.

As shipped it writes every line to standard error, which Asterisk puts on its console; it escapes nothing,
reads without bounds, and loops for ever when Asterisk leaves within a 520 reply.
"""

from __future__ import annotations

from typing import BinaryIO, NoReturn

from asterisk import agi

from callveil_agi.protocol import (
    MAX_LINE,
    Environment,
    ProtocolError,
    ReplyParser,
    encode_command,
    quote,
    set_variable,
)


class Stopped(BaseException):
    """The call was hung up or the time is over. Not an `Exception`, so that nothing on the way keeps it."""


class _Nowhere:
    """Takes what pyst2 writes to standard error and forgets it."""

    def write(self, text: str) -> None:
        pass


class PipeAgi(agi.AGI):  # type: ignore[misc]  # pyst2 has no types
    """The AGI of a spawned script. Build it in the main thread: it installs a handler for SIGHUP.

    Args:
        stdin: where Asterisk writes, unbuffered or buffered, in bytes.
        stdout: where it reads, unbuffered, in bytes.

    Attributes:
        env: the AGI environment, as ``agi_extension``.

    Raises:
        ProtocolError: if what is read is no environment.
        AGIHangup: if Asterisk leaves before its end.
    """

    env: dict[str, str]

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        super().__init__(stdin=stdin, stdout=stdout, stderr=_Nowhere())

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable.

        Raises:
            ProtocolError: if it cannot be said in one command.
            AGIException: if Asterisk refuses or has left.
        """
        self.execute(set_variable(name, value))

    def send_command(self, command: str, *args: object) -> None:
        """Send one command; arguments that are not quoted yet are the caller's to quote."""
        self.stdout.write(encode_command(" ".join((command, *map(str, args)))))

    def get_result(self, stdin: object = None) -> dict[str, tuple[str, str]]:
        """Return the reply to a command as pyst2 does: ``{"result": (result, value)}``.

        Raises:
            ProtocolError: if it is no reply.
            AGIException: if the command was refused or Asterisk has left.
        """
        parser = ReplyParser()
        while (reply := parser.add(self._read_line())) is None:
            pass
        match reply.code:
            case 200:
                return {"result": (reply.result, reply.value or "")}
            case 510:
                raise agi.AGIInvalidCommand
            case 520:
                raise agi.AGIUsageError
            case code:
                raise agi.AGIUnknownError(code)

    def _get_agi_env(self) -> None:
        environment = Environment()
        while not environment.add(self._read_line()):
            pass
        self.env = environment.values

    def _read_line(self) -> bytes:
        line: bytes = self.stdin.readline(MAX_LINE)
        if line.endswith(b"\n"):
            return line
        if len(line) == MAX_LINE:
            raise ProtocolError("a line is too long")
        raise agi.AGIHangup

    def _quote(self, string: object) -> str:
        return quote(str(string))

    def _handle_sighup(self, signum: int, frame: object) -> NoReturn:
        raise Stopped
