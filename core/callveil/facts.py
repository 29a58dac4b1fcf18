"""What a decision needs to know beside the policy and what was dialled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callveil.contacts.model import Contact


def _nobody(number: str) -> None:
    """Return None: nothing is agreed with anybody."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The world around one decision.

    Attributes:
        contact: returns what is agreed with the owner of an E.164 number, or None. It may raise
            `callveil.contacts.model.ContactsError`.
        cannot_hide: keys of the trunks whose settings on the PBX defeat hiding.
        cannot_show: keys of the trunks that show a number of their own in place of any other.
        pool_key: secret that settles which number of a pool a person is shown.
        now: the time, with its zone; None where it is not known.
    """

    contact: Callable[[str], Contact | None] = _nobody
    cannot_hide: frozenset[str] = frozenset()
    cannot_show: frozenset[str] = frozenset()
    pool_key: bytes = b""
    now: datetime | None = None


NO_FACTS: Final = Facts()
