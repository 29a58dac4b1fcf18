"""Each row of the demo, on both versions of Asterisk, beside the same call without Callveil."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from callveil.record import Record
from demo.story import PROMISED, RECORDS, faults
from harness.pbx import VERSIONS, Pbx, Version
from program.calls import CASES, NAME, Day, place_all
from program.site import LOG, Site

NOT_EMERGENCY = [case for case in CASES if case.number]
OUT = [case for case in CASES if not case.comes_in]


@dataclass(frozen=True)
class Both:
    """The same calls twice, and what was left afterwards."""

    plain: Day
    plain_mail: dict[str, str]
    veiled: Day
    veiled_mail: dict[str, str]
    transcribed: str
    envelope: str
    records: list[dict[str, Any]]
    log: str
    processes: str


def mails(pbx: Pbx) -> dict[str, str]:
    return {who: pbx.read(f"/var/mail/{who}") for who in ("hotline", "office")}


def plain_day(version: Version) -> tuple[Day, dict[str, str]]:
    with Pbx.start(version, "plain") as pbx:
        return place_all(pbx), mails(pbx)


@pytest.fixture(scope="module", params=VERSIONS)
def both(request: pytest.FixtureRequest, images: object) -> Both:
    version: Version = request.param
    with ThreadPoolExecutor(1) as pool:
        plain = pool.submit(plain_day, version)
        with Site.start(version) as site:
            day = place_all(site.pbx)
            mail, records = mails(site.pbx), site.records()
            transcribed = site.pbx.read("/var/log/transcriber.log")
            envelope = site.pbx.read("/var/spool/asterisk/voicemail/default/200/INBOX/msg0000.txt")
            log = site.pbx.callveil.read(LOG)
            processes = "".join(
                one.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '", check=False).stdout
                for one in site.pbx.containers
            )
        before, before_mail = plain.result()
    return Both(before, before_mail, day, mail, transcribed, envelope, records, log, processes)


@pytest.mark.parametrize("case", OUT, ids=lambda case: case.key)
def test_the_far_end_sees_what_the_policy_promises(both: Both, case: Any) -> None:
    outcome = both.veiled.outcomes[case.key]
    assert outcome.result.answered
    assert outcome.arrived is not None
    assert outcome.arrived.invite.dialled == case.reaches
    assert outcome.arrived.shown == PROMISED[case.key]
    text = re.sub(r"tag=[^;>\s]+", "", outcome.arrived.identity_text)
    for staff in ("101", "201", "Desk", "Hotline"):
        assert staff not in text
    for telephone in ("127.0.0.11", "127.0.0.21"):
        assert telephone not in outcome.arrived.invite.raw
    if PROMISED[case.key] is None:
        # Nothing of the program's either: not even the neutral number beneath, on a trunk that can hide it.
        assert "2065550" not in outcome.arrived.identity_text
    else:
        assert outcome.arrived.all("Privacy") == []
    for header in ("Diversion", "History-Info", "Referred-By", "Identity"):
        assert outcome.arrived.all(header) == []


@pytest.mark.parametrize("key", ["hidden", "shown", "substitute"])
def test_without_callveil_the_far_end_sees_the_telephone(both: Both, key: str) -> None:
    arrived = both.plain.outcomes[key].arrived
    assert arrived is not None
    assert arrived.shown in ("101", "201")


def test_without_callveil_a_hidden_emergency_call_is_hidden(both: Both) -> None:
    arrived = both.plain.outcomes["emergency after hide code"].arrived
    assert arrived is not None
    assert arrived.shown is None


def test_a_substitute_carries_its_own_name(both: Both) -> None:
    arrived = both.veiled.outcomes["substitute"].arrived
    assert arrived is not None
    assert arrived.name == "Westside Clinic"


def test_a_refused_show_code_is_said_before_the_call(both: Both) -> None:
    assert both.veiled.outcomes["show code refused"].result.loud_ms > 500
    assert both.veiled.outcomes["hidden"].result.loud_ms < 100


@pytest.mark.parametrize("case", NOT_EMERGENCY, ids=lambda case: case.key)
def test_no_disk_holds_the_number(both: Both, case: Any) -> None:
    assert both.plain.outcomes[case.key].places, "the search finds nothing where it must"
    assert both.veiled.outcomes[case.key].places == []


def test_no_disk_holds_the_callers_name(both: Both) -> None:
    assert both.plain.name_places
    assert both.veiled.name_places == []


def test_the_flagged_lines_telephone_is_not_told_who_calls(both: Both) -> None:
    assert [one.says("+12125550151") for one in both.plain.rung["201"]] == [True]
    assert [one.shown for one in both.veiled.rung["201"]] == [None]
    assert not both.veiled.rung["201"][0].says("+12125550151")
    assert NAME not in both.veiled.rung["201"][0].invite.raw


def test_the_offices_telephone_is_told_the_number_but_no_name(both: Both) -> None:
    assert [one.shown for one in both.veiled.rung["101"]] == ["+12125550152"]
    assert NAME not in both.veiled.rung["101"][0].invite.raw


def test_a_flagged_message_is_neither_mailed_nor_transcribed(both: Both) -> None:
    assert "Transcript:" in both.plain_mail["hotline"]
    assert "audio/x-wav" in both.plain_mail["hotline"]
    mail = both.veiled_mail["hotline"]
    assert mail.count("\nTo: ") == 1
    assert "Transcript:" not in mail
    assert "audio" not in mail
    assert "hotline" not in both.transcribed


def test_another_mailbox_is_transcribed_as_before(both: Both) -> None:
    assert "Transcript:" in both.veiled_mail["office"]
    assert "audio/x-wav" in both.veiled_mail["office"]
    assert "office" in both.transcribed


def test_the_message_itself_is_in_the_mailbox_without_a_caller(both: Both) -> None:
    assert "callerid=Unknown" in both.envelope
    assert int(both.envelope.split("duration=")[1].split()[0]) >= 2


def test_every_call_is_recorded_once_and_coarsely(both: Both) -> None:
    have = sorted((one["line"], one["direction"], one["decision"]) for one in both.records)
    assert have == sorted(RECORDS.values())
    for record in both.records:
        assert set(record) == {*Record.__dataclass_fields__, "day"} - {"key"}
        assert record["began"] == record["day"]
        assert record["party"] is None
        assert record["spoken"] == "1-59s"
        assert record["disposition"] == "ANSWERED"


def test_callveils_own_log_and_process_list_hold_no_number(both: Both) -> None:
    assert "DEBUG" in both.log
    for case in NOT_EMERGENCY:
        assert case.number[2:] not in both.log
        assert case.number[2:] not in both.processes


def test_the_demo_finds_no_fault(both: Both) -> None:
    assert faults(both.veiled, both.plain, both.records) == []


def test_the_demo_would_find_a_fault(both: Both) -> None:
    """Without Callveil, each promise is broken or each disk speaks."""
    found = faults(both.plain, both.plain, [])
    assert {text.split(":")[0] for text in found} >= {case.key for case in NOT_EMERGENCY}
