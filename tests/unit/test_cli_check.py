from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from callveil import __version__
from callveil.cli.lazy import Lazy, LazyGroup
from callveil.cli.main import COMMANDS, cli, main
from callveil.policy.compiled import load_for_script, parse_compiled
from callveil.policy.load import load_policy
from callveil.policy.problems import Problem, SettingsError
from click.testing import CliRunner
from unit.policy_texts import GOOD, GOOD_AND_FULL, good_with

HOTLINE = (
    "calls out are hidden (Main Office +12065550100 beneath). Records hold the day and a rough duration, and "
    "nothing of who calls or is called. They are deleted after 90 days; monthly counts stay. Voicemail is to "
    "be kept for 14 days (this version does not delete it by itself)."
)


@pytest.fixture
def policy_path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


def _check(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_good_policy(policy_path: Path) -> None:
    assert _check("--policy", policy_path) == (
        0,
        f"{policy_path}: fine.\n"
        f"hotline: {HOTLINE}\n"
        "desk: calls out show +12065550100 (Main Office). Records hold the day and a rough duration, and "
        "nothing of who calls or is called. They are deleted after 90 days; monthly counts stay.\n",
        "",
    )


def test_good_policy_as_json(policy_path: Path) -> None:
    code, out, _ = _check("--policy", policy_path, "--json")
    assert code == 0
    data = json.loads(out)
    assert data["ok"] is True
    assert data["problems"] == []
    assert data["lines"]["hotline"] == HOTLINE


def test_show_code_and_shown_callers_are_said(policy_path: Path) -> None:
    policy_path.write_text(
        good_with(
            ("    beneath: office\n", "    beneath: clinic\n    allow_show: true\n"),
            ("    outbound: office\n", "    show_caller: true\n    keep: {records: 1d}\n"),
            (', name: "Main Office"', ""),
        )
    )
    _, out, _ = _check("--policy", policy_path)
    assert "(Westside Clinic +12065550177 beneath). Staff may show +12065550177 with *82." in out
    assert (
        "desk: calls out are hidden (+12065550100 beneath). The telephones that ring show who calls. "
        "Records hold the day and a rough duration, and nothing of who calls or is called. They are deleted "
        "after 1 day; monthly counts stay.\n" in out
    )


def test_every_way_to_show_a_number_is_said(policy_path: Path) -> None:
    policy_path.write_text(GOOD_AND_FULL)
    code, out, err = _check("--policy", policy_path)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [
        "hotline: calls out are hidden (Main Office +12065550100 beneath). Staff may show +12065550100 with "
        "*82. Staff may show +12065550177 (Westside Clinic) with *693 or +12065550178 with *690. When a "
        "hidden call is rejected, staff are not offered to show the number. Records hold the day and a rough "
        "duration, and nothing of who calls or is called. They are deleted after 90 days; monthly counts "
        "stay. Voicemail is to be kept for 14 days (this version does not delete it by itself).",
        "desk: calls out show one of 2 numbers of pool callbacks, always the same one to each person. The "
        "telephones that ring show who calls. Records hold the day and a rough duration, and nothing of who "
        "calls or is called. They are deleted after 90 days; monthly counts stay.",
    ]


def test_a_compiled_form_holds_every_setting(policy_path: Path, tmp_path: Path) -> None:
    policy_path.write_text(GOOD_AND_FULL)
    assert _check("--policy", policy_path, "--compile", tmp_path / "c.json")[0] == 0
    assert parse_compiled((tmp_path / "c.json").read_text()) == load_policy(policy_path)


def test_notes_are_printed(policy_path: Path) -> None:
    policy_path.write_text(good_with(('["100-109"]', '["100-119"]')))
    code, out, _ = _check("--policy", policy_path)
    assert code == 0
    assert f"{policy_path}:22:18: Note: 112 in this range" in out


def test_what_a_line_keeps_more_is_said(policy_path: Path) -> None:
    more = "    caller: repeat\n    called: full\n    time: exact\n    duration: minute\n"
    policy_path.write_text(good_with(("    outbound: office\n", "    outbound: office\n" + more)))
    code, out, _ = _check("--policy", policy_path)
    assert code == 0
    assert (
        "Records hold the exact time and the duration in minutes; a pseudonym, new each day, of who calls, "
        "and the whole number of who is called. They are deleted after 90 days" in out
    )
    assert f"{policy_path}:24:13: Note: Records then hold a pseudonym of people who call." in out
    assert "and are not anonymous." in out
    assert f"{policy_path}:25:13: Note: Records then hold the numbers of people who are called" in out
    assert f"{policy_path}:26:11: Note: Records then hold the second in which each call began." in out
    policy_path.write_text(good_with(("    outbound: office\n", "    caller: country\n    time: hour\n")))
    _, out, _ = _check("--policy", policy_path)
    assert (
        "Records hold the day and hour and a rough duration; the country of who calls, and nothing of" in out
    )
    assert "Note:" not in out


def test_mistakes_go_to_standard_error(policy_path: Path) -> None:
    policy_path.write_text(good_with(("version: 1", "version: 2"), ("outbound: clinic", "outbound: clinc")))
    code, out, err = _check("--policy", policy_path)
    assert (code, out) == (2, "")
    assert [line.removeprefix(str(policy_path)).split(": ")[0] for line in err.splitlines()] == [
        ":1:10",
        ":25:33",
    ]


def test_mistakes_as_json(policy_path: Path) -> None:
    policy_path.write_text(good_with(("version: 1", "version: 2")))
    code, out, err = _check("--policy", policy_path, "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {
        "ok": False,
        "problems": [
            {
                "file": str(policy_path),
                "line": 1,
                "column": 10,
                "text": "This Callveil reads policies of version 1. Write version: 1.",
            }
        ],
    }


def test_missing_file(tmp_path: Path) -> None:
    code, _, err = _check("--policy", tmp_path / "none.yaml")
    assert code == 2
    assert err.endswith("There is no such file. Check the path.\n")


def test_compiled_form_is_current(policy_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = tmp_path / "c.json"
    assert _check("--policy", policy_path, "--compile", compiled)[0] == 0
    policy = load_policy(policy_path)
    monkeypatch.setattr("callveil.policy.load.load_policy", None)
    assert load_for_script(policy_path, compiled) == policy


def test_compiled_form_that_cannot_be_written(policy_path: Path, tmp_path: Path) -> None:
    code, out, err = _check("--policy", policy_path, "--compile", tmp_path / "gone" / "c.json")
    assert (code, out) == (2, "")
    assert "This cannot be written (No such file or directory)." in err


def test_mistakes_compile_nothing(policy_path: Path, tmp_path: Path) -> None:
    policy_path.write_text(good_with(("version: 1", "version: 2")))
    _check("--policy", policy_path, "--compile", tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_help_has_an_example() -> None:
    code, out, _ = _check("--help")
    assert code == 0
    assert "Example: callveil check --policy /etc/callveil/policy.yaml" in out


def test_usage_errors_exit_with_2() -> None:
    assert _check("--nonsense")[0] == 2
    assert CliRunner().invoke(cli, ["nonsense"]).exit_code == 2


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"callveil {__version__}\n"


def test_help_of_the_group_imports_no_command() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from callveil.cli.main import cli; "
        "out = CliRunner().invoke(cli, ['--help']).output; "
        "print('explain' in out, [m for m in sys.modules if m in ('yaml', 'pydantic', 'phonenumbers')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_every_command_is_named_with_a_summary() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for name, lazy in COMMANDS.items():
        assert f"  {name}" in result.output
        assert lazy.target == f"callveil.cli.{name}:{name}"


def test_target_that_is_no_command() -> None:
    group = LazyGroup("group", lazy={"bad": Lazy("callveil.cli.main:main", "x")})
    with pytest.raises(TypeError, match="is no command"):
        group.get_command(click.Context(group), "bad")


def test_unexpected_failure_says_where_but_not_what(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ValueError("cannot dial +12065550142")

    monkeypatch.setattr("callveil.cli.main.cli", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert "Callveil failed (ValueError)." in said
    assert "test_cli_check.py" in said
    assert "2065550142" not in said


def test_problems_that_a_command_lets_through_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise SettingsError([Problem("settings.yaml", 1, 2, "It is wrong.")])

    monkeypatch.setattr("callveil.cli.main.cli", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "settings.yaml:1:2: It is wrong.\n"
