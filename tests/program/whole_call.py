"""Everything that one side outside received in a whole call, and whom it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.exchange import MORE_PHONES
from harness.sip import PHONES
from harness.sipmessage import SipMessage

CHANCE: Final = (
    "via",
    "call-id",
    "cseq",
    "content-length",
    "max-forwards",
    "rseq",
    "rack",
    "session-expires",
    "user-agent",
    "server",
    "date",
)
"""Headers that name nobody and hold numbers that mean nothing."""

EXTENSIONS: Final = (*PHONES, "108", "109")
ADDRESSES: Final = (*PHONES.values(), *MORE_PHONES)

STAFF: Final = ("Desk", "Hotline", "Lobby", "Kitchen", "Jane Quill", "Phone ")
"""How telephones are named in pjsip.conf, and how they name themselves."""

DIALPLAN: Final = ("sip:out", "sip:hide", "sip:show", "callveil", "sip:s@")
"""Words of the dialplan."""


def named(messages: Sequence[SipMessage], *expected: str) -> list[str]:
    """Return every line in which messages name somebody whom they should not.

    Args:
        messages: all that this side received: requests and answers.
        expected: the numbers that may stand there, in E.164 or as dialled; the one called, the one decided.
    """
    found: list[str] = []
    for message in messages:
        found += [line for line in lines(message) if names_somebody(line, expected)]
        found += [f"{address}: {message.start_line}" for address in ADDRESSES if address in message.raw]
    return found


def lines(message: SipMessage) -> list[str]:
    """Return the lines of a message that can name somebody, without what is made by chance."""
    kept = [message.start_line] if not message.status else []
    for name, value in message.headers:
        if name.lower() not in CHANCE:
            kept.append(re.sub(r"tag=[^;>,\s]+", "", f"{name}: {value}"))
    for line in message.body.splitlines():
        if line.startswith("o="):
            user, *_, address = line.removeprefix("o=").split(" ")
            kept.append(f"o={user} {address}")
        elif line[:2] in ("s=", "c=", "i=", "u=", "e=", "p="):
            kept.append(line)
    return kept


def names_somebody(line: str, expected: Sequence[str]) -> bool:
    """Return whether a line holds an extension, a name, a word of the dialplan, or a number not expected."""
    if any(word in line for word in (*STAFF, *DIALPLAN)):
        return True
    if any(re.search(rf"(?<![\d.]){extension}(?![\d.])", line) for extension in EXTENSIONS):
        return True
    allowed = {re.sub(r"\D", "", number)[-10:] for number in expected}
    return any(digits[-10:] not in allowed for digits in re.findall(r"\d{7,}", line))
