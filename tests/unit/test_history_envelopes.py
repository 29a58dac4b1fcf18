"""Envelopes of voice messages name nobody, and keep all that Asterisk needs."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest
from callveil.history.clear import clear, look
from callveil.history.envelopes import blank, names_somebody
from callveil.history.machine import Machine
from callveil.history.model import State
from callveil.history.places import choose
from hypothesis import given
from hypothesis import strategies as st
from unit.history_disk import ENVELOPE, NUMBER, Disk

NAMING = ("callerid", "rdnis", "callerchan", "exten")


def settings(text: bytes) -> dict[str, str]:
    parser = ConfigParser(interpolation=None, comment_prefixes=(";",))
    parser.read_string(text.decode())
    return dict(parser["message"])


def test_a_blanked_envelope_is_as_long_and_says_all_the_rest() -> None:
    old = ENVELOPE.encode()
    new = blank(old)
    assert len(new) == len(old)
    assert NUMBER.encode() not in new
    assert b"Rosalind" not in new
    before, after = settings(old), settings(new)
    assert after | dict.fromkeys(NAMING, "") == before | dict.fromkeys(NAMING, "")
    assert (after["callerid"], after["rdnis"], after["callerchan"], after["exten"]) == (
        "Unknown",
        "",
        "",
        "s",
    )
    assert blank(new) == new
    # Two dashes behind a semicolon would begin a comment of many lines.
    assert b";--" not in new


def test_an_extension_goes_only_where_it_is_a_number() -> None:
    assert settings(blank(ENVELOPE.replace("exten=s", f"exten={NUMBER}").encode()))["exten"] == ""
    assert settings(blank(ENVELOPE.replace("exten=s", "exten=200").encode()))["exten"] == "200"


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n")),
    st.text("0123456789+", max_size=16),
    st.text("0123456789/@-;", max_size=40),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_any_envelope_keeps_its_length_and_names_nobody(
    caller: str, rdnis: str, channel: str, end: str, ended: bool
) -> None:
    lines = ["[message]", "origmailbox=200", f"rdnis={rdnis}", f"callerchan={channel}", f"callerid={caller}"]
    old = (end.join(lines) + (end if ended else "")).encode()
    new = blank(old)
    assert len(new) == len(old)
    assert blank(new) == new
    read = dict(line.split(b"=", 1) for line in new.splitlines() if b"=" in line)
    assert read[b"callerid"].strip() in (b"", b"Unknown")
    assert read[b"rdnis"] == read[b"callerchan"] == b""
    assert read[b"origmailbox"] == b"200"


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "root")


def test_envelopes_are_blanked_and_messages_stay(disk: Disk) -> None:
    for number in range(3):
        disk.spooled(f"voicemail/default/200/INBOX/msg000{number}.txt", ENVELOPE)
        disk.spooled(f"voicemail/default/200/INBOX/msg000{number}.wav", b"RIFF")
    disk.spooled("voicemail/default/200/Old/msg0000.txt", blank(ENVELOPE.encode()))
    disk.spooled("voicemail/default/200/notes.txt", "call 2125550147")
    (place,) = choose(Machine(disk.root), ["voicemail"], [])
    assert look(place).found.counts == {"envelopes": 3}
    outcome = clear(place, [])
    assert outcome.state is State.REMOVED
    assert outcome.found.where == ("/var/spool/asterisk/voicemail",)
    assert disk.holds() == ["var/spool/asterisk/voicemail/default/200/notes.txt"]
    assert len(list(disk.spool.rglob("msg*.wav"))) == 3


LEFT_WITH_CALLVEIL = (
    "[message]\norigmailbox=200\ncontext=callveil-voicemail\nexten=200@default\nrdnis=unknown\n"
    "callerchan=Local/nobody@callveil-ring-00000010;2\ncallerid=Unknown\nduration=9\n"
)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("", "", False),
        ("Local/nobody@callveil-ring-00000010;2", "PJSIP/trunk-0000000a", False),
        ("callerid=Unknown", 'callerid="Rosalind" <>', True),
        ("rdnis=unknown", f"rdnis={NUMBER}", True),
        ("nobody@", f"{NUMBER}@", True),
        # What was there before Callveil goes, whatever it tells.
        ("context=callveil-voicemail", "context=desk-ring", True),
    ],
)
def test_a_message_left_with_callveil_is_none_of_before(old: str, new: str, names: bool) -> None:
    assert names_somebody(LEFT_WITH_CALLVEIL.replace(old, new).encode()) is names


def test_an_envelope_that_leads_elsewhere_is_not_touched(disk: Disk) -> None:
    victim = disk.root / "victim"
    victim.write_text(ENVELOPE)
    inbox = disk.spooled("voicemail/default/200/INBOX/msg0001.txt", ENVELOPE).parent
    (inbox / "msg0000.txt").symlink_to(victim)
    (place,) = choose(Machine(disk.root), ["voicemail"], [])
    outcome = clear(place, [])
    assert victim.read_text() == ENVELOPE
    assert outcome.why == ("/var/spool/asterisk/voicemail: 1 not touched: a link to somewhere else.",)
