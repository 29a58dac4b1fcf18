"""Reads what a decision needs to know beside the policy, for a program that starts for one decision.

What the daemon keeps in memory for the same purpose is in `callveil.live_facts`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime

from callveil.contacts.model import Contact, ContactsError
from callveil.facts import Facts
from callveil.policy.model import Policy
from callveil.settings import Settings
from callveil.trunk_state import unfit_trunks


def facts_from_files(settings: Settings, policy: Policy, now: datetime | None = None) -> Facts:
    """Return what is known now. Never raises: where contacts cannot be asked, asking for one does.

    A script that Asterisk starts for each call waits for all that is loaded here, so that nothing is before
    it is needed.

    Args:
        settings: where things are kept.
        policy: the policy of the call.
        now: the moment to decide for, with its zone, instead of this one.
    """
    pool_key = b""
    contact = _look_up_in(settings, now.date() if now else date.today())
    if policy.pools:
        from callveil.contacts.key import Purpose, derive, read_key  # noqa: PLC0415

        try:
            # Where no key could be made yet, people are shown one of the program's numbers all the same.
            key = read_key(settings.contacts_key)
            pool_key = derive(key, Purpose.POOLS) if key else b""
        except ContactsError as error:
            contact = _refuse_because(str(error))
    unfit = unfit_trunks(settings.trunks, policy)
    return Facts(
        contact=contact,
        cannot_hide=unfit.to_hide,
        cannot_show=unfit.to_show,
        pool_key=pool_key,
        now=now or datetime.now(UTC),
    )


def _look_up_in(settings: Settings, today: date) -> Callable[[str], Contact | None]:
    def contact(number: str) -> Contact | None:
        try:
            os.lstat(settings.contacts)
        except FileNotFoundError:
            return None  # what most scripts find: without a database nobody needs SQLite
        except OSError:
            pass  # the book says what is wrong
        from callveil.contacts.book import ContactBook  # noqa: PLC0415

        book = ContactBook(settings.contacts, settings.contacts_key)
        try:
            return book.contact(number, today)
        finally:
            book.close()

    return contact


def _refuse_because(reason: str) -> Callable[[str], Contact | None]:
    def contact(number: str) -> Contact | None:
        raise ContactsError(reason)

    return contact
