"""Calls between the program's own telephones are left as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from harness.container import Container
from harness.pbx import Pbx, Version
from harness.sip import Carrier, Phone, place_call
from program.far_end import FarEnd
from program.site import Site

pytestmark = pytest.mark.asterisk

OWN: Final = """\
exten => _[12]XX,1,Dial(PJSIP/${EXTEN},8)
"""


def with_own_telephones(extensions: str) -> str:
    """A dialplan in which the own telephones stand before everything else."""
    head, begin, rest = extensions.partition("[from-internal]\n")
    assert begin
    return f"{head}{begin}{OWN}{rest}"


@pytest.fixture(scope="module")
def veiled(version: Version) -> Iterator[Pbx]:
    """The program's PBX with Callveil, whose admin has written where the own telephones are."""
    with Site.start(version) as site:
        path = "/etc/asterisk/extensions.conf"
        site.pbx.write(path, with_own_telephones(site.pbx.read(path)))
        site.pbx.cli("dialplan reload")
        yield site.pbx


@pytest.fixture(scope="module")
def control(plain: Pbx) -> Pbx:
    """The same without Callveil."""
    path = "/etc/asterisk/extensions.conf"
    plain.write(path, with_own_telephones(plain.read(path)))
    plain.cli("dialplan reload")
    return plain


def rung(pbx: Pbx) -> tuple[FarEnd, int]:
    """What the office's telephone is told when the hotline calls it, and how many calls left the PBX."""
    with Carrier(pbx) as carrier, Phone(pbx, "101") as office:
        result = place_call(pbx, "201", "101")
        assert result.answered
        return FarEnd(office.wait_calls(1)[0]), len(carrier.calls())


def test_a_call_inside_shows_who_calls_as_it_does_without_callveil(control: Pbx, veiled: Pbx) -> None:
    before, _ = rung(control)
    after, outside = rung(veiled)
    assert outside == 0
    assert before.shown == after.shown == "201"
    assert before.name == after.name == "Hotline 201"
    for header in ("P-Asserted-Identity", "Remote-Party-ID", "Privacy"):
        assert before.all(header) == after.all(header)


def test_a_call_inside_leaves_no_record(veiled: Pbx) -> None:
    """Not even a call that Callveil has nothing to do with reaches a file by Asterisk's own backends."""
    before = journal(veiled.callveil)
    rung(veiled)
    veiled.wait_idle()
    assert journal(veiled.callveil) == before


def test_an_own_extension_that_just_ends_does_not_go_on_in_callveils(veiled: Pbx) -> None:
    """Asterisk goes on at the next priority of the same extension in any included context that has one."""
    before = journal(veiled.callveil)
    with Phone(veiled, "101", 486):
        result = place_call(veiled, "201", "101")
    veiled.wait_idle()
    assert not result.answered
    assert result.loud_ms < 100, "a prompt was played"
    assert journal(veiled.callveil) == before


def journal(container: Container) -> str:
    """All that waits in the journal, and all that is recorded."""
    return container.exec(
        "cat /var/spool/callveil/*.csv 2>/dev/null; callveil records --json", check=False
    ).stdout
