"""What the daemon knows beside the policy, call by call."""

from __future__ import annotations

import logging
import os
from datetime import UTC, date, datetime
from typing import Final

from callveil.contacts.book import ContactBook
from callveil.contacts.change import prepare_key
from callveil.contacts.key import Purpose, derive
from callveil.contacts.model import Contact, ContactsError
from callveil.facts import Facts
from callveil.live import Live

log = logging.getLogger(__name__)

CONTACTS: Final = "contacts"
KEY: Final = "contacts' key"
"""The parts that say their troubles."""


class LiveFacts:
    """Gathers facts; its method `facts` is meant for `callveil.live.Live.facts`.

    The contacts' key is made where there is none. Trouble with it is said, and does not keep the daemon from
    starting: calls out are refused only where there may be a rule that nobody can read.

    Args:
        live: says where things are kept, and is told of trouble.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._book = ContactBook(live.settings.contacts, live.settings.contacts_key)
        self._pool_key = b""
        self._bad_key = ""
        self._take_key()

    def facts(self) -> Facts:
        """Return what is known now. Never raises: where contacts cannot be asked, asking for one does."""
        if not self._pool_key and self._live.policy.pools:
            self._take_key()
        return Facts(
            contact=self._contact,
            cannot_hide=self._live.cannot_hide,
            cannot_show=self._live.cannot_show,
            pool_key=self._pool_key,
            now=datetime.now(UTC),
        )

    def _take_key(self) -> None:
        settings = self._live.settings
        try:
            key = prepare_key(settings.contacts, settings.contacts_key)
        except ContactsError as error:
            # A key that is there and cannot be used may be the one that settled all pools until now. Where
            # there is none at all, people are shown one of the program's numbers, though it may change.
            self._bad_key = str(error) if os.path.lexists(settings.contacts_key) else ""
            say(self._live, KEY, str(error))
        else:
            self._pool_key = derive(key, Purpose.POOLS)
            self._bad_key = ""
            self._live.troubles.pop(KEY, None)

    def _contact(self, number: str) -> Contact | None:
        if self._bad_key and self._live.policy.pools:
            raise ContactsError(self._bad_key)
        try:
            # By this machine's calendar, like the command that counts the days.
            contact = self._book.contact(number, date.today())
        except ContactsError as error:
            say(self._live, CONTACTS, f"Calls are refused. {error}")
            raise
        self._live.troubles.pop(CONTACTS, None)
        return contact


def say(live: Live, part: str, trouble: str) -> None:
    """Tell a trouble, and log it once."""
    if live.troubles.get(part) != trouble:
        live.troubles[part] = trouble
        log.error("%s", trouble)
