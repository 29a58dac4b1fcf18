"""The same word for the same number on the same line and day, so that repeated calls can be counted.

A keyed digest (HMAC, RFC 2104) over the number in E.164: whoever has no key cannot try numbers, while an
unkeyed one would give away a whole numbering plan in minutes. It is a pseudonym all the same: the
record is not anonymous.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import date
from typing import Final

_KEY_BYTES: Final = 32
_DIGITS: Final = 32


class Pseudonyms:
    """Makes pseudonyms with a key that lives in this object alone: new each day, gone with the process."""

    def __init__(self) -> None:
        self._day = date.min
        self._key = b""

    def of(self, line: str, number: str, today: date) -> str:
        """Return a number's pseudonym, see `callveil.party`.

        Args:
            line: the policy's name of the line: another line has another one for the same number.
            number: in E.164, or a short one as it was dialled.
            today: the day in the PBX's time zone. The key of a day before is forgotten, also if the clock is
                set back.
        """
        if today != self._day:
            self._day, self._key = today, secrets.token_bytes(_KEY_BYTES)
        # A line's name holds no zero byte, so no two pairs give the same text.
        text = f"{line}\0{number}".encode()
        return "~" + hmac.new(self._key, text, hashlib.sha256).hexdigest()[:_DIGITS]

    def of_today(self, line: str, number: str) -> str:
        """Return a number's pseudonym by this machine's calendar."""
        return self.of(line, number, date.today())
