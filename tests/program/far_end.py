"""What the person who is called, and everybody on the way, can read of who calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.sipmessage import SipMessage

IDENTITY_HEADERS: Final = (
    "From",
    "Contact",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Privacy",
    "Diversion",
    "History-Info",
    "Referred-By",
    "Identity",
)
"""Headers in which an INVITE can say who calls, or on whose behalf."""


@dataclass(frozen=True)
class FarEnd:
    """The identity in one INVITE.

    Attributes:
        invite: the message, as it arrived.
    """

    invite: SipMessage

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return list(self.invite.all(name))

    @property
    def shown(self) -> str | None:
        """The number that the far end is shown, or None if it is withheld."""
        user, host = address(self.invite.header("From") or "")
        return None if host == "anonymous.invalid" or user == "anonymous" else user

    @property
    def name(self) -> str:
        """The display name in From."""
        found = re.match(r'\s*"((?:[^"\\]|\\.)*)"', self.invite.header("From") or "")
        return found[1] if found else ""

    @property
    def identity_text(self) -> str:
        """All headers that can name a caller, as they arrived."""
        return "\n".join(f"{name}: {value}" for name in IDENTITY_HEADERS for value in self.all(name))

    def says(self, number: str) -> bool:
        """Whether a number can be read in any of these, in international or national form."""
        significant = number.removeprefix("+1")
        text = self.identity_text + self.invite.body
        return significant in text or significant in re.sub(r"[^0-9\n]", "", text)

    def in_words(self) -> str:
        """One line for people."""
        user = self.shown
        parts = ["Hidden" if user is None else f"Shows {user}" + (f' "{self.name}"' if self.name else "")]
        for header, short in (
            ("P-Asserted-Identity", "PAI"),
            ("Remote-Party-ID", "RPID"),
            ("Diversion", "Diversion"),
        ):
            values = [address(value)[0] for value in self.all(header)]
            parts.append(f"{short} {', '.join(values) if values else '-'}")
        parts.append(f"Contact {address(self.invite.header('Contact') or '')[0] or '-'}")
        return "; ".join(parts)


def address(value: str) -> tuple[str, str]:
    """Return user and host of the SIP address in a header's value."""
    found = re.search(r"sips?:(?:([^@>;]*)@)?([^>;:]*)", value)
    return (found[1] or "", found[2]) if found else ("", "")


def far_ends(invites: Sequence[SipMessage]) -> dict[str, FarEnd]:
    """Return what arrived, by the digits that were called at the carrier."""
    return {invite.dialled.removeprefix("+").removeprefix("*67"): FarEnd(invite) for invite in invites}
