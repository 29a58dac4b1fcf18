from __future__ import annotations

import io
import json
import time
from datetime import date
from pathlib import Path

import pytest
from callveil.cli.explain import explain
from callveil.contacts import change
from callveil.contacts.hours_text import parse_hours
from callveil.contacts.model import Contact
from callveil.decision import decide
from callveil.policy.load import load_policy
from click.testing import CliRunner, Result
from unit.policy_texts import GOOD

SURVIVOR = "2065550199"
AGAIN = (
    "If the far end rejects hidden calls, staff may press 1 to call again showing +12065550100 (Main Office)."
)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


def run(policy: Path, *arguments: str, stdin: str | bytes | None = None) -> Result:
    settings = policy.with_name("settings.yaml")
    settings.write_text(
        f"contacts: {policy.with_name('contacts.sqlite3')}\n"
        f"contacts_key: {policy.with_name('contacts.key')}\n"
        f"trunks: {policy.with_name('trunks.json')}\n",
        encoding="utf-8",
    )
    files = ["--policy", str(policy), "--settings", str(settings)]
    return CliRunner().invoke(explain, [*files, *arguments], input=stdin)


@pytest.mark.parametrize(
    ("extension", "digits", "lines"),
    [
        (
            "200",
            SURVIVOR,
            [
                "Hidden (Main Office +12065550100 stands beneath)",
                "Line: hotline",
                "Why: the line hotline hides its calls",
                AGAIN,
            ],
        ),
        (
            "100",
            SURVIVOR,
            ["Shows +12065550100 (Main Office)", "Line: desk", "Why: the line desk shows office"],
        ),
        (
            "200",
            f"*82{SURVIVOR}",
            [
                "Hidden (Main Office +12065550100 stands beneath)",
                "Line: hotline",
                "Why: *82 is not allowed on line hotline; the call goes out hidden",
                "The telephone that calls hears a spoken message about it.",
                AGAIN,
            ],
        ),
        (
            "200",
            "555-0199",
            [
                "Refused: what was dialled is no number that can be called",
                "Line: hotline",
                "The telephone that calls hears a spoken message about it.",
            ],
        ),
        (
            "999",
            SURVIVOR,
            [
                "Hidden (Main Office +12065550100 stands beneath)",
                "Line: none has this extension",
                "Why: the extension belongs to no line, so its calls are hidden",
            ],
        ),
        (
            "200",
            "*67911",
            [
                "Emergency: shows +12065550100",
                "Line: hotline",
                "Why: an emergency number always goes out with the registered caller ID",
            ],
        ),
    ],
)
def test_plain_words(policy: Path, extension: str, digits: str, lines: list[str]) -> None:
    result = run(policy, "--from", extension, "--dial", digits)
    assert result.exit_code == 0
    assert result.output.splitlines() == lines


@pytest.mark.parametrize("digits", [SURVIVOR, f"*67{SURVIVOR}", "18005550123", "911", "abc"])
@pytest.mark.parametrize("extension", ["100", "200", "999"])
def test_json_is_the_decision_that_a_call_gets(policy: Path, extension: str, digits: str) -> None:
    result = run(policy, "--from", extension, "--dial", digits, "--json")
    assert result.exit_code == 0
    expected = decide(load_policy(policy), extension, digits)
    assert json.loads(result.output) == {
        "decision": expected.kind,
        "shown": expected.shown,
        "beneath": expected.beneath,
        "line": expected.line,
        "reason": expected.reason,
        "confirm": False,
        "again": bool(expected.again),
    }


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("digits", [SURVIVOR, f"*67 {SURVIVOR}", f"*82{SURVIVOR}", f"{SURVIVOR}x", "5550199"])
def test_the_number_is_never_repeated(policy: Path, digits: str, options: list[str]) -> None:
    for extension in ("100", "200", "999"):
        result = run(policy, "--from", extension, "--dial", digits, *options)
        assert "5550199" not in result.output


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nmore\n"])
def test_digits_from_standard_input(policy: Path, ending: str) -> None:
    result = run(policy, "--from", "100", "--dial", "-", "--json", stdin=f"*67{SURVIVOR}{ending}")
    assert result.exit_code == 0
    assert json.loads(result.output)["decision"] == "hide"


@pytest.mark.parametrize("stdin", [b"", b"\xff\xfe", b"9" * 100_000])
def test_hostile_standard_input_is_refused(policy: Path, stdin: bytes) -> None:
    result = run(policy, "--from", "100", "--dial", "-", "--json", stdin=stdin)
    assert result.exit_code == 0
    assert json.loads(result.output)["decision"] == "refuse"


def test_a_bad_policy_changes_the_exit_code(tmp_path: Path) -> None:
    bad = tmp_path / "policy.yaml"
    bad.write_text("version: 1\ncountry: US\n")
    for path in (bad, tmp_path / "missing.yaml"):
        result = run(path, "--from", "100", "--dial", SURVIVOR)
        assert result.exit_code == 2
        assert SURVIVOR not in result.output
        machine = run(path, "--from", "100", "--dial", SURVIVOR, "--json")
        assert machine.exit_code == 2
        assert json.loads(machine.stdout)["problems"]


def test_a_terminal_is_asked_without_showing_what_is_typed(
    policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options)
        return f"*67{SURVIVOR}"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.prompt", prompt)
    run(policy, "--from", "100", "--dial", "911")  # writes the settings
    files = ["--policy", str(policy), "--settings", str(policy.with_name("settings.yaml"))]
    explain.main([*files, "--from", "100", "--dial", "-", "--json"], standalone_mode=False)
    assert asked == [{"hide_input": True, "err": True}]
    assert json.loads(capsys.readouterr().out)["decision"] == "hide"


def test_help_ends_with_an_example() -> None:
    result = CliRunner().invoke(explain, ["--help"])
    assert result.exit_code == 0
    assert result.output.rstrip().splitlines()[-1].strip().startswith("Example: callveil explain")
    assert "standard input" in " ".join(result.output.split())
    assert "/etc/callveil/policy.yaml" in "".join(result.output.split())


def keep(policy: Path, contact: Contact) -> None:
    change.keep(
        policy.with_name("contacts.sqlite3"), policy.with_name("contacts.key"), f"+1{SURVIVOR}", contact
    )


OFFICE_HOURS = Contact("clinic", (parse_hours("mon-fri 09:00-17:00"),), "America/Los_Angeles")


@pytest.mark.parametrize(
    ("at", "confirm"),
    [
        ("2026-11-24T22:30-08:00", True),
        ("2026-11-24T16:59-08:00", False),
        ("2026-11-24T19:59-05:00", False),
        ("2026-11-28T12:00-08:00", True),  # a Saturday
    ],
)
def test_a_contacts_rule_and_hours(policy: Path, at: str, *, confirm: bool) -> None:
    keep(policy, OFFICE_HOURS)
    asked = ("--from", "200", "--dial", SURVIVOR, "--at", at)
    assert run(policy, *asked).output.splitlines() == [
        "Shows +12065550177 (Westside Clinic)",
        "Line: hotline",
        "Why: agreed with this contact: clinic",
        *(["Outside the hours agreed with this contact: staff must press 1 first."] if confirm else []),
    ]
    data = json.loads(run(policy, *asked, "--json").output)
    assert (data["decision"], data["confirm"], data["again"]) == ("substitute", confirm, False)


def test_a_moment_without_an_offset_is_by_this_machines_clock(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(policy, OFFICE_HOURS)
    try:
        for zone, confirm in (("America/Los_Angeles", False), ("Asia/Tokyo", True)):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            result = run(policy, "--from", "200", "--dial", SURVIVOR, "--at", "2026-11-24T12:00", "--json")
            assert json.loads(result.output)["confirm"] is confirm
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_after_the_last_day(policy: Path) -> None:
    keep(policy, Contact("clinic", expires=date(2027, 1, 31)))
    for at, decision in (("2027-01-31T23:59", "substitute"), ("2027-02-01T00:00", "hide")):
        result = run(policy, "--from", "200", "--dial", SURVIVOR, "--at", at, "--json")
        assert json.loads(result.output)["decision"] == decision


@pytest.mark.parametrize("at", ["", "noon", "22:30", "2026-13-01", "0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_moment_that_is_none_is_said_or_survived(policy: Path, at: str) -> None:
    result = run(policy, "--from", "200", "--dial", SURVIVOR, "--at", at)
    assert result.exit_code in (0, 2)
    assert SURVIVOR not in result.output
    if at in ("noon", "22:30", "2026-13-01"):
        assert result.exit_code == 2
        assert "2027-01-31T22:30" in result.output


def test_contacts_that_cannot_be_read_are_no_answer(policy: Path) -> None:
    policy.with_name("contacts.sqlite3").write_text("this is no database, whatever it is called", "utf-8")
    for options in ([], ["--json"]):
        result = run(policy, "--from", "200", "--dial", SURVIVOR, *options)
        assert result.exit_code == 3
        assert result.stdout == ""
        assert result.stderr.startswith("Could not check. The contacts ")
        assert "it is not a SQLite database" in result.stderr
    assert run(policy, "--from", "200", "--dial", "911").exit_code == 0
