"""The policies and contacts that are measured: a small program, the smallest one, and a very large one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from callveil.contacts import database
from callveil.contacts.change import keep
from callveil.contacts.key import Purpose, derive, digest, read_key
from callveil.contacts.model import Contact, ContactsError
from program.site import POLICY

from bench.agi_client import NUMBERS
from bench.agi_servers import policy_path, settings

EXTENSION: Final = "201"
"""In every one of these policies a telephone whose calls are hidden."""

LINES: Final = 500
CONTACTS: Final = 100_000

_BEGINNING: Final = """\
version: 1
country: US
emergency: {callerid: "+12065550100"}
identities:
  office: {number: "+12065550100"}
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
"""
_LINE: Final = """\
  line{number}:
    purpose: "Crisis calls. Records serve monthly totals only."
    flagged: true
    extensions: ["{extensions}"]
    outbound: hide
    beneath: office
"""


def small(folder: Path) -> None:
    """Write the policy of the tests' program."""
    policy_path(folder).write_text(POLICY, encoding="utf-8")


def smallest(folder: Path) -> None:
    """Write the smallest policy: one line, nothing agreed with anybody."""
    line = _LINE.format(number=1, extensions=EXTENSION)
    policy_path(folder).write_text(_BEGINNING + line, encoding="utf-8")


def large(folder: Path) -> None:
    """Write a policy of `LINES` lines, and agree something with `CONTACTS` people, who are called, too.

    The telephone that is asked about belongs to the last line.
    """
    lines = [
        _LINE.format(number=line, extensions=f"{1000 + 10 * line}-{1009 + 10 * line}")
        for line in range(1, LINES)
    ]
    lines.append(_LINE.format(number=LINES, extensions=EXTENSION))
    policy_path(folder).write_text(_BEGINNING + "".join(lines), encoding="utf-8")
    agree(folder, CONTACTS)


def agree(folder: Path, people: int) -> None:
    """Fill the contacts: the first by its own way in, the others at once, in the same form."""
    where = settings(folder)
    agreed = Contact(outbound="hide")
    keep(where.contacts, where.contacts_key, NUMBERS[0], agreed)
    key = read_key(where.contacts_key)
    if key is None:
        raise ContactsError("no key was made")
    contacts_key = derive(key, Purpose.CONTACTS)
    # Nobody's number is made up for the rest: a digest looks the same, whatever it is of.
    names = (*NUMBERS[1:], *(f"nobody {number}" for number in range(people - len(NUMBERS))))
    rows = ((digest(contacts_key, name), *database.to_row(agreed)) for name in names)
    connection = database.open_to_write(where.contacts, create=False)
    try:
        connection.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
