"""Says what is agreed with a person in the plain words that staff read."""

from __future__ import annotations

from datetime import date

from callveil.contacts.hours_text import hours_in_words
from callveil.contacts.model import Contact
from callveil.policy.model import HIDE, NEUTRAL, Policy


def in_words(contact: Contact, policy: Policy) -> str:
    """Return all that is agreed, in a few sentences."""
    sentences = [_outbound(contact, policy)]
    if contact.hours:
        hours = "; ".join(map(hours_in_words, contact.hours))
        sentences.append(f"May be called {hours} ({contact.zone}); at other times staff must press 1 first.")
    if contact.expires:
        sentences.append(f"Forgotten after {date_in_words(contact.expires)}.")
    return " ".join(filter(None, sentences))


def date_in_words(day: date) -> str:
    """Return a day as ``31 January 2027``, whatever the language of the machine."""
    months = "January February March April May June July August September October November December"
    return f"{day.day} {months.split()[day.month - 1]} {day.year}"


def _outbound(contact: Contact, policy: Policy) -> str:
    agreed = contact.outbound
    if not agreed:
        return ""
    if agreed == HIDE:
        return "Calls to this person are hidden."
    if agreed == NEUTRAL:
        return "Calls to this person show the neutral number, because hidden calls do not get through."
    if agreed in policy.pool_by_key:
        return f"Calls to this person show a number of the pool {agreed}, always the same one."
    identity = policy.identity_by_key.get(agreed)
    if identity is None:
        return f'Calls to this person are hidden, because the policy no longer has "{agreed}".'
    named = f" ({identity.name})" if identity.name else ""
    return f"Calls to this person show {identity.number}{named}."
