"""The envelopes of voice messages: text files that name the caller beside each message."""

from __future__ import annotations

import os
import re
from typing import Final

from callveil.history.machine import Machine
from callveil.history.model import Found, Gone, counted
from callveil.history.tree import RefusedError

FOLDER: Final = "voicemail"
_LIMIT: Final = 1 << 16
_NOBODY: Final = b"Unknown"
"""What Asterisk itself writes of a caller without a number."""

_BLANKED: Final = (b"callerid", b"rdnis", b"callerchan")
_LINE: Final = re.compile(rb"^([a-z]+)=(.*?)(\r?)$", re.MULTILINE)
_NUMBER: Final = re.compile(rb"[0-9]{7}")
_CONTEXT: Final = b"callveil-voicemail"
"""Where messages are left that came by Callveil; see dialplan/callveil-voicemail.conf."""

_CHANNEL_END: Final = re.compile(rb"-[0-9a-f]{8}(;[12])?\Z")
"""The number that Asterisk gives each channel."""


def blank(envelope: bytes) -> bytes:
    """Return an envelope that names nobody, as long as it was.

    It keeps what Asterisk needs to play the message: mailbox, time, length, id, flag. The same length lets it
    be written over the old one at once, so that no moment leaves half of it.
    """

    def clean(line: re.Match[bytes]) -> bytes:
        key, value = line[1], line[2]
        if key in _BLANKED:
            value = _NOBODY if key == b"callerid" and len(value) >= len(_NOBODY) else b""
        elif key == b"exten" and _NUMBER.search(value):
            value = b""
        return key + b"=" + value + line[3]

    text = _LINE.sub(clean, envelope)
    spare = len(envelope) - len(text)
    if not spare:
        return text
    if not text.endswith(b"\n"):
        # A line end and a comment must have room; else the file ends in spaces.
        return text + (b"\n;".ljust(spare) if spare > 1 else b" ")
    return text + (b"\n" if spare == 1 else b";" + b" " * (spare - 2) + b"\n")


def names_somebody(envelope: bytes) -> bool:
    """Return whether an envelope is to be blanked.

    Asterisk writes a channel in each, and "unknown" where nobody diverted. A message that came by Callveil
    without a caller has nothing else, and is none of what was kept before Callveil.
    """
    if blank(envelope) == envelope:
        return False
    fields = {line[1]: line[2].strip() for line in _LINE.finditer(envelope)}
    channel = _CHANNEL_END.sub(b"", fields.get(b"callerchan", b""))
    return (
        fields.get(b"context") != _CONTEXT
        or fields.get(b"callerid", b"").lower() not in (b"", b"unknown")
        or fields.get(b"rdnis", b"").lower() not in (b"", b"unknown")
        or _NUMBER.search(channel) is not None
    )


class Envelopes:
    """All messages' envelopes. The messages stay."""

    key = "voicemail"
    title = "callers of voice messages (the messages stay)"
    yours = ""
    removable = True

    def __init__(self, machine: Machine) -> None:
        self._tree = machine.spool

    def _look(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Return the envelopes that name somebody, and what could not be read."""
        named: list[tuple[str, bytes]] = []
        paths = self._tree.files(FOLDER, wanted=lambda path: path.endswith(".txt"))
        unseen, failed = list(self._tree.unseen), 0
        for path in paths:
            try:
                with self._tree.open(path) as descriptor:
                    text = os.read(descriptor, _LIMIT)
            except FileNotFoundError:
                continue  # somebody has deleted the message
            except (OSError, RefusedError):
                failed += 1
                continue
            if b"[message]" in text and len(text) < _LIMIT and names_somebody(text):
                named.append((path, text))
        if failed:
            unseen.append(f"{self._tree.folder(FOLDER)}: {counted(failed, 'envelopes')} could not be read.")
        return named, unseen

    def find(self) -> Found:
        """Count the envelopes that name somebody."""
        named, unseen = self._look()
        counts = {"envelopes": len(named)} if named else {}
        return Found(counts, (self._tree.folder(FOLDER),), tuple(unseen))

    def remove(self) -> Gone:
        """Blank the caller in each."""
        named, _ = self._look()
        failed = 0
        for path, _text in named:
            try:
                with self._tree.open(path, os.O_RDWR) as descriptor:
                    # Asterisk may have moved another message to this name meanwhile.
                    text = os.pread(descriptor, _LIMIT, 0)
                    os.pwrite(descriptor, blank(text), 0)
                    os.fsync(descriptor)
            except FileNotFoundError:
                continue
            except (OSError, RefusedError):
                failed += 1
        where = self._tree.folder(FOLDER)
        if not failed:
            return Gone()
        return Gone((f"{failed} of {counted(len(named), 'envelopes')} in {where} could not be changed.",))
