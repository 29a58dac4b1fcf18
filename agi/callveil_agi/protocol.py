"""The AGI protocol as Asterisk's ``res_agi.c`` speaks it: nothing here reads, writes or logs.

A caller chooses part of what is parsed here, above all the display name. So every length is bounded, and
no error repeats what was read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 4096
"""Bytes of a line with its newline. Asterisk cuts the values of an environment far below this."""

MAX_ENVIRONMENT_LINES: Final = 100
"""Asterisk sends 22 lines, two more to a FastAGI server, and one for each argument."""

MAX_ENVIRONMENT: Final = 64 * 1024
"""Bytes of a whole environment."""

MAX_COMMAND: Final = 2047
"""Bytes of a command with its newline: ``AGI_BUF_LEN`` before Asterisk 20.16 and 22.6, less its NUL."""

MAX_REPLY_LINES: Final = 200
"""Lines up to the end of a reply; the usage text of a 520 has about 40 at most."""

_ENCODING: Final = "utf-8"
# Lossless: a name that is not UTF-8 is no reason to leave a call without its answer.
_ERRORS: Final = "surrogateescape"

_KEY: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_NAMED_LINES: Final = re.compile(rf"^({_KEY.pattern}): ?(.*)$", re.MULTILINE)
# No parenthesis: SET VARIABLE takes a name that ends in one for a call of a dialplan function.
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,79}")
_SPLITS_A_COMMAND: Final = re.compile(r"[\r\n\0]")

_HANGUP: Final = "HANGUP"
_PROVISIONAL: Final = re.compile(r"100[ -].*")
_SUCCESS: Final = re.compile(r"200 result=(-?[0-9A-D*#]*)(?: \((.*)\))?(?: [a-z]+=\S*)*")
_REFUSED: Final = re.compile(r"(503|510|511|520) .*")
_USAGE_BEGINS: Final = "520-"
# Looked for at the end of a line: a usage text without a newline of its own runs into it.
_USAGE_ENDS: Final = "520 End of proper usage."


class ProtocolError(ValueError):
    """The peer does not speak AGI, or a command could not be said in it. The words hold nothing it said."""


class Environment:
    """The environment that opens a request, put together line by line (``setup_env`` in ``res_agi.c``).

    Attributes:
        values: what was sent, by its name, as ``agi_extension``.
    """

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._lines = 0
        self._bytes = 0

    def add(self, line: bytes) -> bool:
        """Take one line with its newline; a malformed one is passed over.

        Args:
            line: at most `MAX_LINE` bytes.

        Returns:
            True when the line is the blank one that ends the environment.

        Raises:
            ProtocolError: if a limit is passed, or a name comes twice. Asterisk sends each name once; the
                second is what a line break smuggled into a caller's name would look like.
        """
        self._lines += 1
        self._bytes += len(line)
        if len(line) > MAX_LINE:
            raise ProtocolError("a line of the environment is too long")
        if self._lines > MAX_ENVIRONMENT_LINES or self._bytes > MAX_ENVIRONMENT:
            raise ProtocolError("the environment is too long")
        if line == b"\n":
            return True
        key, colon, value = line.removesuffix(b"\n").decode(_ENCODING, _ERRORS).partition(":")
        if colon and _KEY.fullmatch(key):
            if key in self.values:
                raise ProtocolError("a name comes twice in the environment")
            self.values[key] = value.removeprefix(" ")
        return False


def parse_environment(raw: bytes) -> dict[str, str]:
    """Return a whole environment, up to its blank line, as a dict.

    Raises:
        ProtocolError: see `Environment.add`; also if the blank line is missing.
    """
    # Whatever is within the limits as a whole is so line by line. Read at once, it takes far less time.
    end = raw.find(b"\n\n") + 2
    ordinary = len(raw) <= MAX_LINE and raw.count(b"\n") <= MAX_ENVIRONMENT_LINES
    if ordinary and end == len(raw) and not raw.startswith(b"\n"):
        pairs = _NAMED_LINES.findall(raw.decode(_ENCODING, _ERRORS))
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ProtocolError("a name comes twice in the environment")
        return values
    environment = Environment()
    for line in raw.split(b"\n")[:-1]:
        if environment.add(line + b"\n"):
            return environment.values
    raise ProtocolError("the environment has no end")


def quote(text: str) -> str:
    r"""Return one argument of a command in double quotes, as ``parse_args`` in ``res_agi.c`` reads it back.

    Raises:
        ProtocolError: if `text` holds CR, LF or NUL, which no escape carries, or is too long.
    """
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    encode_command(quoted)
    return quoted


def set_variable(name: str, value: str) -> str:
    """Return the command that sets a channel variable; Asterisk does not expand the value.

    Raises:
        ProtocolError: if `name` is not a plain name, or see `quote`.
    """
    if not _VARIABLE.fullmatch(name):
        raise ProtocolError("not the name of a channel variable")
    return f"SET VARIABLE {name} {quote(value)}"


def get_variable(name: str) -> str:
    """Return the command that asks for a channel variable.

    Raises:
        ProtocolError: if `name` is not a plain name.
    """
    if not _VARIABLE.fullmatch(name):
        raise ProtocolError("not the name of a channel variable")
    return f"GET VARIABLE {name}"


def encode_command(command: str) -> bytes:
    """Return a command as the one line that is sent.

    Raises:
        ProtocolError: if it would be read as more than one command: Asterisk takes the rest of a line
            longer than `MAX_COMMAND` for the next one.
    """
    if _SPLITS_A_COMMAND.search(command):
        raise ProtocolError("a command holds a line break")
    try:
        line = command.encode(_ENCODING, _ERRORS) + b"\n"
    except UnicodeEncodeError:
        raise ProtocolError("a command is not text") from None
    if len(line) > MAX_COMMAND:
        raise ProtocolError("a command is longer than Asterisk reads")
    return line


@dataclass(frozen=True, slots=True)
class Reply:
    """What Asterisk says to a command.

    Attributes:
        code: 200; 503, 510, 511 or 520 when the command was refused.
        result: what follows ``result=``; empty when refused.
        value: what stands in parentheses after it, or None. It may be the caller's own words, so it is
            never read for its meaning.
    """

    code: int
    result: str = ""
    value: str | None = None

    @property
    def done(self) -> bool:
        """Whether ``SET VARIABLE`` was carried out, or ``GET VARIABLE`` found one that is set."""
        return self.code == 200 and self.result == "1"


class ReplyParser:
    """The reply to one command, put together line by line (``agi_handle_command`` in ``res_agi.c``).

    Attributes:
        hung_up: a ``HANGUP`` line came in between. It is no reply: Asterisk sends it unasked, and the
            reply still follows.
    """

    def __init__(self) -> None:
        self.hung_up = False
        self._lines = 0
        self._in_usage = False

    def add(self, line: bytes) -> Reply | None:
        """Take one line with its newline.

        Returns:
            The reply when it is complete, else None.

        Raises:
            ProtocolError: if the line is none that Asterisk sends, or there are too many.
        """
        self._lines += 1
        if self._lines > MAX_REPLY_LINES or len(line) > MAX_LINE:
            raise ProtocolError("a reply is too long")
        text = line.removesuffix(b"\n").decode(_ENCODING, _ERRORS)
        if self._in_usage:
            return Reply(520) if text.endswith(_USAGE_ENDS) else None
        if text == _HANGUP:
            self.hung_up = True
            return None
        if text.startswith(_USAGE_BEGINS):
            self._in_usage = True
            return None
        return _parse_single(text)


def _parse_single(text: str) -> Reply | None:
    """Return the reply that one line is, or None where it is only provisional."""
    if success := _SUCCESS.fullmatch(text):
        return Reply(200, success[1], success[2])
    if refused := _REFUSED.fullmatch(text):
        return Reply(int(refused[1]))
    if _PROVISIONAL.fullmatch(text):
        return None
    raise ProtocolError("a line that is no reply")
