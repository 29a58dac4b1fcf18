"""What is agreed with single people: kept by a command, obeyed by the next calls, and nowhere to be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from harness.leaks import find_number
from harness.sip import Carrier
from program.far_end import FarEnd
from program.site import Site
from program.watch import restart

pytestmark = pytest.mark.asterisk

OFFICE: Final = "+12065550100"
CLINIC: Final = "+12065550177"

HIDE: Final = "+12125550141"
SHOW: Final = "+12125550142"
SHOW_FROM_HOTLINE: Final = "+12125550143"
REJECTS: Final = "+12125550144"
"""Somebody whose telephone rejects hidden calls."""
NOW: Final = "+12125550145"
LATER: Final = "+12125550146"
EXPIRED: Final = "+12125550147"
NOBODY: Final = "+12125550148"
NOBODY_FROM_HOTLINE: Final = "+12125550149"
PLANTED: Final = "+12125550150"
"""No contact: it is written into a file, so that it is known what the search finds."""

CALLS: Final = {
    HIDE: "101",
    SHOW: "101",
    SHOW_FROM_HOTLINE: "201",
    REJECTS: "201",
    NOW: "101",
    LATER: "101",
    EXPIRED: "101",
    NOBODY: "101",
    NOBODY_FROM_HOTLINE: "201",
}
"""Who is called, and from which telephone: 101 shows the office's number, 201 hides."""

WITHOUT: Final = {number: OFFICE if extension == "101" else None for number, extension in CALLS.items()}
"""What each would see if nothing were agreed with anybody."""

FOLDER: Final = "/var/lib/callveil"
DATABASE: Final = f"{FOLDER}/contacts.sqlite3"
KEY: Final = f"{FOLDER}/contacts.key"
PYTHON: Final = "/opt/callveil/bin/python"

ALREADY_OVER: Final = f"""
import datetime, pathlib, sys
from callveil.contacts.change import keep
from callveil.contacts.model import Contact
yesterday = datetime.date.today() - datetime.timedelta(days=1)
keep(pathlib.Path("{DATABASE}"), pathlib.Path("{KEY}"), sys.stdin.readline().strip(),
     Contact("hide", expires=yesterday))
"""
COUNT: Final = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM contacts").fetchone()[0])
"""


@dataclass(frozen=True)
class Made:
    """Calls that were made at the same time, by the number called.

    Attributes:
        results: what the telephones saw and heard.
        shown: what the far ends saw; a call that did not arrive is not there.
    """

    results: dict[str, RawResult]
    shown: dict[str, str | None]


def make(site: Site, numbers: Iterable[str], give_up: float = 6) -> Made:
    called = list(numbers)
    with Carrier(site.pbx) as carrier:
        placed = place(site.pbx, [from_phone(CALLS[one], one, give_up=give_up) for one in called])
        arrived = [FarEnd(invite) for invite in carrier.calls()]
    shown = {far.invite.dialled: far.shown for far in arrived}
    assert len(shown) == len(arrived), "a call went out twice"
    for far in arrived:
        if far.shown is None:
            assert "2065550" not in far.identity_text
    return Made(dict(zip(called, placed, strict=True)), shown)


def contact(site: Site, number: str, *words: str, user: str = "asterisk") -> str:
    """What `callveil contact` says about a number that it reads from its standard input."""
    command = ["callveil", "contact", *words]
    return site.pbx.callveil.exec(command, user=user, input=f"{number}\n").stdout.strip()


def explain(site: Site, number: str) -> dict[str, Any]:
    command = ["callveil", "explain", "--from", CALLS[number], "--dial", "-", "--json"]
    said = site.pbx.callveil.exec(command, user="asterisk", input=f"{number}\n").stdout
    data: dict[str, Any] = json.loads(said)
    return data


def ask_script(site: Site, number: str, settings: str) -> str:
    """What the script answers that Asterisk starts where no daemon runs."""
    question = (
        f"agi_request: callveil-agi\nagi_extension: {number}\nagi_arg_1: outbound\n"
        f"agi_arg_2: {CALLS[number]}\nagi_arg_3: 123456789-123456789-1234\n\n200 result=1\n"
    )
    environment = [f"CALLVEIL_SETTINGS={settings}"]
    return site.pbx.callveil.exec(["callveil-agi"], user="asterisk", input=question, env=environment).stdout


def state(site: Site, folder: str = FOLDER) -> dict[str, str]:
    """Owner and mode of everything about contacts in a folder."""
    said = site.pbx.callveil.exec(f"cd {folder} && stat -c '%n %U:%G:%a' contacts*").stdout
    return dict(line.split() for line in said.splitlines())


def rows(site: Site) -> int:
    return int(site.pbx.callveil.exec([PYTHON, "-c", COUNT, DATABASE]).stdout)


@pytest.fixture(scope="module")
def before(site: Site) -> Made:
    """The same calls before anything is agreed: each line's own rule."""
    return make(site, CALLS)


@pytest.fixture(scope="module")
def agreed(site: Site, before: Made) -> dict[str, str]:
    """Rules for most of them, some kept by root and some by the daemon's own user."""
    six_hours_on = datetime.now(UTC) + timedelta(hours=6)
    later = f"daily {six_hours_on:%H:%M}-{six_hours_on + timedelta(hours=1):%H:%M}"
    said = {
        HIDE: contact(site, "212-555-0141", "add", "--outbound", "hide", "--expires", "90d", user="root"),
        SHOW: contact(site, SHOW, "add", "--outbound", "clinic"),
        SHOW_FROM_HOTLINE: contact(site, SHOW_FROM_HOTLINE, "add", "--outbound", "clinic", user="root"),
        REJECTS: contact(site, REJECTS, "add", "--outbound", "neutral"),
        NOW: contact(site, NOW, "add", "--hours", "daily 00:00-24:00", "--zone", "Pacific/Auckland"),
        LATER: contact(site, LATER, "add", "--hours", later, "--zone", "UTC"),
    }
    site.pbx.callveil.exec([PYTHON, "-c", ALREADY_OVER], user="asterisk", input=f"{EXPIRED}\n")
    return said


@pytest.fixture(scope="module")
def calls(site: Site, agreed: dict[str, str]) -> Made:
    """The calls after that, with nothing reloaded. Nobody presses a key."""
    return make(site, CALLS, give_up=12)


def test_before_each_line_has_its_way(before: Made) -> None:
    assert before.shown == WITHOUT


def test_the_command_says_what_is_agreed_and_never_to_whom(agreed: dict[str, str]) -> None:
    assert agreed[HIDE].startswith("Kept. Calls to this person are hidden. Forgotten after ")
    assert agreed[SHOW] == "Kept. Calls to this person show +12065550177 (Westside Clinic)."
    assert agreed[NOW].startswith("Kept. May be called every day all day (Pacific/Auckland)")
    for number, said in agreed.items():
        assert number[-7:] not in re.sub("[^0-9]", "", said)


def test_the_files_belong_to_the_folders_owner_whoever_made_them(site: Site, agreed: dict[str, str]) -> None:
    assert state(site) == {
        "contacts.sqlite3": "asterisk:asterisk:640",
        "contacts.key": "asterisk:asterisk:640",
    }


def test_the_next_calls_obey(calls: Made) -> None:
    assert calls.shown == {
        HIDE: None,
        SHOW: CLINIC,
        SHOW_FROM_HOTLINE: CLINIC,
        REJECTS: OFFICE,
        NOW: OFFICE,
        EXPIRED: OFFICE,
        NOBODY: OFFICE,
        NOBODY_FROM_HOTLINE: None,
    }
    assert all(calls.results[number].answered for number in calls.shown)


def test_outside_the_hours_staff_hear_so_and_nothing_goes_out(calls: Made) -> None:
    assert not calls.results[LATER].answered
    assert calls.results[LATER].loud_ms > 1000
    assert calls.results[NOW].loud_ms < 100


def test_outside_the_hours_key_1_makes_the_call(site: Site, calls: Made) -> None:
    with Carrier(site.pbx) as carrier:
        (pressed,) = place(site.pbx, [from_phone(CALLS[LATER], LATER, keys=[(1.5, "1")], give_up=12)])
        arrived = [FarEnd(invite).shown for invite in carrier.calls()]
    assert pressed.answered
    assert arrived == [OFFICE]


@pytest.mark.parametrize("number", CALLS)
def test_explain_says_what_the_call_did(site: Site, calls: Made, number: str) -> None:
    said = explain(site, number)
    assert said["confirm"] is (number == LATER)
    assert said["shown"] == (OFFICE if number == LATER else calls.shown[number])
    assert said["decision"] == {
        SHOW: "substitute",
        SHOW_FROM_HOTLINE: "substitute",
        REJECTS: "substitute",
        HIDE: "hide",
        NOBODY_FROM_HOTLINE: "hide",
    }.get(number, "show")
    assert said["again"] is (number == NOBODY_FROM_HOTLINE)


def test_the_script_obeys_with_nothing_but_its_group_to_read_by(site: Site, calls: Made) -> None:
    """The folder as README.md makes it: the daemon has a user of its own, and root keeps a contact."""
    folder = "/opt/callveil-of-daemon"
    settings = f"{folder}/settings.yaml"
    program = site.pbx.callveil
    program.exec(f"install -d -m 750 -o daemon -g asterisk {folder}")
    text = f"contacts: {folder}/contacts.sqlite3\ncontacts_key: {folder}/contacts.key\n"
    program.write(settings, text, 0o640, "daemon:asterisk")
    assert "|show|allowed_passed_screen|" in ask_script(site, HIDE, settings)
    contact(site, HIDE, "add", "--outbound", "hide", "--settings", settings, user="root")
    assert state(site, folder) == {
        "contacts.sqlite3": "daemon:asterisk:640",
        "contacts.key": "daemon:asterisk:640",
    }
    assert "|hide|prohib_passed_screen|" in ask_script(site, HIDE, settings)
    assert "|show|allowed_passed_screen|" in ask_script(site, NOBODY, settings)
    program.exec(f"rm {folder}/contacts.key")
    assert "|refuse|" in ask_script(site, NOBODY, settings)
    program.exec(f"rm -r {folder}")


def test_what_is_removed_or_replaced_counts_at_once(site: Site, calls: Made) -> None:
    assert contact(site, HIDE, "remove") == "Forgotten."
    assert contact(site, HIDE, "remove") == "Nothing is agreed with this number."
    said = contact(site, SHOW, "add", "--outbound", "hide")
    assert said == "Kept, in place of what was agreed before. Calls to this person are hidden."
    assert make(site, [HIDE, SHOW]).shown == {HIDE: OFFICE, SHOW: None}


def test_a_rule_whose_time_is_over_is_deleted_by_the_daemon(site: Site, calls: Made) -> None:
    # The command that removes does it too, so here is another.
    site.pbx.callveil.exec([PYTHON, "-c", ALREADY_OVER], user="asterisk", input=f"{EXPIRED}\n")
    had = rows(site)
    restart(site)
    assert rows(site) == had - 1
    assert make(site, [EXPIRED, SHOW]).shown == {EXPIRED: OFFICE, SHOW: None}


def test_a_database_in_place_of_the_one_before_is_noticed(site: Site, calls: Made) -> None:
    site.pbx.callveil.exec(f"mv {DATABASE} {DATABASE}.away")
    assert make(site, [SHOW]).shown == {SHOW: OFFICE}
    contact(site, NOBODY, "add", "--outbound", "hide")
    assert make(site, [SHOW, NOBODY]).shown == {SHOW: OFFICE, NOBODY: None}
    site.pbx.callveil.exec(f"mv {DATABASE}.away {DATABASE}")
    assert make(site, [SHOW, NOBODY]).shown == {SHOW: None, NOBODY: OFFICE}


def test_without_the_key_nobody_is_called_and_staff_hear_why(site: Site, calls: Made) -> None:
    program = site.pbx.callveil
    program.exec(f"mv {KEY} {KEY}.away")
    restart(site)
    try:
        made = make(site, [SHOW, NOBODY])
        assert made.shown == {}
        assert all(result.loud_ms > 1000 for result in made.results.values())
        assert "contacts.key is missing" in site.log()
        command = ["callveil", "explain", "--from", "101", "--dial", "-"]
        done = program.exec(command, user="asterisk", input=NOBODY, check=False)
        assert done.returncode == 3
        assert done.stderr.startswith("Could not check. ")
    finally:
        program.exec(f"mv {KEY}.away {KEY}")
    # Nothing has to be started again.
    assert make(site, [SHOW, NOBODY]).shown == {SHOW: None, NOBODY: OFFICE}


def test_no_disk_and_no_log_holds_a_contacts_number(site: Site, calls: Made) -> None:
    site.pbx.wait_idle()
    assert "DEBUG" in site.log()
    planted = f"{FOLDER}/planted.txt"
    site.pbx.callveil.write(planted, f"Call {PLANTED[2:]}.\n")
    # The search finds what is there to be found (in each container that sees the folder), and nothing else.
    found = find_number(site.pbx, [*CALLS, PLANTED])
    site.pbx.callveil.exec(["rm", planted])
    assert {(place.path, place.spelling) for place in found} == {(planted, PLANTED[2:])}
