"""The decision once more: slow, plain, and written from the order of its rules alone.

It shares nothing with the code under test but the data that both read. Where that code finds one reading of
what was dialled, this takes the meaning from whoever put the digits together, or reads them by one pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callveil.contacts.model import Contact
from callveil.numbers import to_e164
from callveil.policy.model import Line, Policy, Preset
from unit.strategies import World

SEPARATING: Final = " \t.\\-(),;pPwW"
"""The inside of a pattern's brackets: what may stand between the parts of what is dialled."""

EMERGENCY: Final = "emergency"
HIDE: Final = "hide"
SHOW: Final = "show"
SUBSTITUTE: Final = "substitute"
REFUSE: Final = "refuse"


@dataclass(frozen=True)
class Expected:
    """What must come of one call.

    Attributes:
        kind: what happens.
        numbers: of which one is shown, or stands beneath where the call is hidden; empty when refused.
        trunks: by which the call may leave, in order.
        confirm: whether staff are asked first.
        again: whether staff may call again, shown, after a rejection.
        because: the part that decided.
    """

    kind: str
    numbers: frozenset[str] = frozenset()
    trunks: tuple[str, ...] = ()
    confirm: bool = False
    again: bool = False
    because: str = ""


@dataclass(frozen=True)
class Rule:
    """What one rule says: the kind, the numbers of which one is shown or stands beneath, and which rule."""

    kind: str
    numbers: set[str]
    because: str


@dataclass(frozen=True)
class Meaning:
    """What is meant by what was dialled.

    Attributes:
        wish: `HIDE`, `SHOW`, a digit for an identity, or empty.
        number: E.164 or a short number; None where it is none.
    """

    wish: str
    number: str | None


def meaning_of(preset: Preset, codes: Iterable[str], number: str | None) -> Meaning:
    """Return what codes in front of a number mean: one that hides hides, else the first identity counts."""
    wish = ""
    for code in codes:
        if code in preset.hide_codes:
            return Meaning(HIDE, number)
        if code not in preset.show_codes and (not wish or wish == SHOW):
            wish = code[-1]
        wish = wish or SHOW
    return Meaning(wish, number)


def emergency_numbers(preset: Preset, text: str) -> set[str]:
    """Return every emergency number that a text can be read as: codes, the number, one # at most."""
    bare = re.sub(f"[{SEPARATING}]", "", text)
    codes = [re.escape(code) for code in (*preset.hide_codes, *preset.show_codes)]
    if preset.substitute_code:
        codes.append(re.escape(preset.substitute_code) + "[0-9]?")
    front = f"(?:{'|'.join(codes)})*"
    return {number for number in preset.emergency if re.fullmatch(f"{front}{number}#?", bare, re.ASCII)}


def read(preset: Preset, text: str) -> Meaning:
    """Return what a text means that nobody put together: as many codes as there are, then the number."""
    codes = [*preset.hide_codes, *preset.show_codes]
    if preset.substitute_code:
        codes += [preset.substitute_code + digit for digit in "0123456789"]
    # A code of digits alone is one only in front of something.
    alone = [
        re.escape(code) + (f"(?=[{SEPARATING}]*[^{SEPARATING}])" if code.isdigit() else "") for code in codes
    ]
    code = f"({'|'.join(alone)})[{SEPARATING}]*"
    rest = re.sub(f"^[{SEPARATING}]+|[{SEPARATING}]+\\Z", "", text)
    dialled = []
    while found := re.match(code, rest, re.ASCII):
        dialled.append(found[1])
        rest = rest[found.end() :]
    if rest.endswith("#"):
        rest = rest[:-1]
    bare = re.sub("[ \t.()-]", "", rest)
    number = bare if bare in preset.services else to_e164(rest, preset.country)
    return meaning_of(preset, dialled, number)


def expected(policy: Policy, world: World, extension: str, meaning: Meaning) -> Expected:
    """Return what must come of a call that is no emergency."""
    if meaning.number is None:
        return Expected(REFUSE, because="number")
    whole = meaning.number.startswith("+")
    if whole and not world.readable:
        return Expected(REFUSE, because="contacts")
    contact = world.everybody if whole else None
    line = next((line for line in policy.lines if extension in line.extensions), None)

    ruling = rule(policy, contact, line, meaning)

    trunks = []
    for trunk in policy.trunks:
        hides = trunk.trusted_to_hide != "" or (
            trunk.dial.startswith("PJSIP/") and trunk.key not in world.cannot_hide
        )
        shows = trunk.trusted_to_hide != "" or trunk.key not in world.cannot_show
        if (ruling.kind == HIDE and hides) or (ruling.kind != HIDE and shows):
            trunks.append(trunk.dial.replace("{number}", meaning.number).replace("{digits}", digits(meaning)))
    if not trunks:
        return Expected(REFUSE, because="trunks")
    never = contact is not None and (contact.outbound == HIDE or is_gone(policy, contact))
    return Expected(
        ruling.kind,
        frozenset(ruling.numbers),
        tuple(trunks),
        confirm=contact is not None and not within_hours(contact, world.now),
        again=ruling.kind == HIDE and line is not None and line.show_after_rejection and not never,
        because=ruling.because,
    )


def rule(policy: Policy, contact: Contact | None, line: Line | None, meaning: Meaning) -> Rule:
    """Return what the first rule says that has something to say."""
    return (
        rule_of_the_wish(policy, line, meaning)
        or rule_of_the_contact(policy, contact, line)
        or rule_of_the_destination(policy, line, meaning)
        or rule_of_toll_free_numbers(policy, line, meaning)
        or rule_of_the_line(policy, line)
    )


def rule_of_the_wish(policy: Policy, line: Line | None, meaning: Meaning) -> Rule | None:
    """1. What was dialled in front; refused where the line does not allow it."""
    if meaning.wish == HIDE:
        return hidden(policy, line, "wish")
    if meaning.wish == SHOW and line is not None and line.outbound != HIDE:
        return Rule(SHOW, named(policy, line.outbound), "wish")
    if meaning.wish == SHOW and line is not None and line.allow_show:
        return Rule(SHOW, named(policy, line.beneath), "wish")
    for identity in policy.identities:
        asked = meaning.wish != "" and identity.digit == meaning.wish
        if asked and line is not None and identity.key in line.substitutes:
            return shown(policy, line, identity.key, "wish")
    return hidden(policy, line, "wish refused") if meaning.wish else None


def rule_of_the_contact(policy: Policy, contact: Contact | None, line: Line | None) -> Rule | None:
    """2. What is agreed with the person called."""
    if contact is None or contact.outbound == "":
        return None
    if contact.outbound == HIDE or is_gone(policy, contact):
        return hidden(policy, line, "contact")
    if contact.outbound == "neutral":
        return shown(policy, line, beneath(policy, line), "contact")
    return shown(policy, line, contact.outbound, "contact")


def rule_of_the_destination(policy: Policy, line: Line | None, meaning: Meaning) -> Rule | None:
    """3. The first pattern that fits the whole number called."""
    for destination in policy.destinations:
        pattern = re.escape(destination.match).replace(r"\*", ".*")
        if re.fullmatch(pattern, meaning.number or ""):
            if destination.outbound == HIDE:
                return hidden(policy, line, "destination")
            return shown(policy, line, destination.outbound, "destination")
    return None


def rule_of_toll_free_numbers(policy: Policy, line: Line | None, meaning: Meaning) -> Rule | None:
    """4. Their owners pay and learn who calls: a line that shows anything shows them the neutral number."""
    free = any((meaning.number or "").startswith(begin) for begin in policy.preset.toll_free)
    if line is None or not free:
        return None
    if line.outbound == HIDE:
        return hidden(policy, line, "toll-free")
    return shown(policy, line, policy.identities[0].key, "toll-free")


def rule_of_the_line(policy: Policy, line: Line | None) -> Rule:
    """5. The line; hidden without one."""
    if line is None or line.outbound == HIDE:
        return hidden(policy, line, "line")
    return Rule(SHOW, named(policy, line.outbound), "line")


def beneath(policy: Policy, line: Line | None) -> str:
    """Return the name of the identity that stands beneath a hidden call."""
    return policy.identities[0].key if line is None else line.beneath


def hidden(policy: Policy, line: Line | None, because: str) -> Rule:
    """Return that a call is hidden."""
    return Rule(HIDE, named(policy, beneath(policy, line)), because)


def shown(policy: Policy, line: Line | None, name: str, because: str) -> Rule:
    """Return that an identity or a pool is shown: the line's own, or a substitute for it."""
    own = line is not None and line.outbound == name
    return Rule(SHOW if own else SUBSTITUTE, named(policy, name), because)


def named(policy: Policy, name: str) -> set[str]:
    """Return the numbers that the name of an identity, or of a pool, stands for."""
    for pool in policy.pools:
        if pool.key == name:
            return {one.number for one in policy.identities if one.key in pool.identities}
    return {one.number for one in policy.identities if one.key == name}


def is_gone(policy: Policy, contact: Contact) -> bool:
    """Return whether a contact's rule names what the policy no longer has."""
    known = {"", HIDE, "neutral"}
    known |= {one.key for one in policy.identities} | {one.key for one in policy.pools}
    return contact.outbound not in known


def digits(meaning: Meaning) -> str:
    """Return the number called without the plus sign."""
    return (meaning.number or "").replace("+", "")


def within_hours(contact: Contact, now: datetime | None) -> bool:
    """Return whether now lies in one of the hours, counted off minute by minute."""
    if not contact.hours:
        return True
    if now is None or contact.zone in ("", "No/Where"):
        return False
    local = now.astimezone(ZoneInfo(contact.zone)).replace(tzinfo=None, second=0, microsecond=0)
    for hours in contact.hours:
        length = hours.ends - hours.begins if hours.ends > hours.begins else hours.ends - hours.begins + 1440
        midnight = local.replace(hour=0, minute=0)
        for day in (midnight, midnight - timedelta(days=1)):
            begin = day + timedelta(minutes=hours.begins)
            if day.weekday() in hours.days and begin <= local < begin + timedelta(minutes=length):
                return True
    return False
