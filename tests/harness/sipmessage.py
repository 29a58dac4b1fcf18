"""SIP messages as SIPp saw them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

Direction = Literal["received", "sent"]

# SIPp's message log: a line of dashes with the time, then one that says how many bytes follow an empty line.
ENTRY = re.compile(
    rb"^-{20,} ([^\n]+)\n\w+ message (received|sent) [\[(](\d+)[\])]? bytes\)? ?:\n\n", re.MULTILINE
)


@dataclass(frozen=True)
class SipMessage:
    """One message, with its headers in their order."""

    direction: Direction
    """Seen from SIPp."""
    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str
    raw: str = field(repr=False)

    @property
    def method(self) -> str:
        """The method of a request, or for an answer that of its CSeq."""
        if self.status:
            return (self.header("CSeq") or "").rpartition(" ")[2]
        return self.start_line.partition(" ")[0]

    @property
    def status(self) -> int:
        """The status of an answer; 0 for a request."""
        first, _, rest = self.start_line.partition(" ")
        return int(rest[:3]) if first.startswith("SIP/") else 0

    @property
    def request_uri(self) -> str:
        """Where a request goes; empty for an answer."""
        return "" if self.status else self.start_line.split(" ")[1]

    @property
    def dialled(self) -> str:
        """The user part of the request's URI, in plain characters."""
        return uri_user(self.request_uri)

    @property
    def call_id(self) -> str:
        """What ties the messages of one call together."""
        return self.header("Call-ID") or ""

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def user(self, name: str) -> str | None:
        """The user part of the URI in a header, such as the number in From; None without that header."""
        value = self.header(name)
        return None if value is None else uri_user(value)

    def display(self, name: str) -> str:
        """The name in front of the URI in a header."""
        return (self.header(name) or "").partition("<")[0].strip().strip('"')


def uri_user(text: str) -> str:
    """The part in front of the @ of the first SIP or tel URI in a text; empty if it has none."""
    found = re.search(r"(?:sips?:([^@;>]*)@|tel:([^;>]*))", text)
    return unquote(found.group(1) or found.group(2) or "") if found else ""


def parse_message(data: bytes, direction: Direction) -> SipMessage:
    """Reads one message."""
    text = data.decode("utf-8", "replace")
    head, _, body = text.partition("\r\n\r\n")
    start_line, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return SipMessage(direction, start_line, tuple(headers), body, text)


def parse_log(log: bytes) -> list[SipMessage]:
    """Reads SIPp's message log. A message that is still being written is left for the next time."""
    messages, position = [], 0
    while entry := ENTRY.search(log, position):
        length = int(entry.group(3))
        data = log[entry.end() : entry.end() + length]
        if len(data) < length:
            break
        messages.append(parse_message(data, "received" if entry.group(2) == b"received" else "sent"))
        position = entry.end() + length
    return messages
