from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from callveil.cli.explain import explain
from callveil.decision import decide
from callveil.policy.load import load_policy
from click.testing import CliRunner, Result
from unit.policy_texts import GOOD

SURVIVOR = "2065550199"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


def run(policy: Path, *arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(explain, ["--policy", str(policy), *arguments], input=stdin)


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
    explain.main(["--policy", str(policy), "--from", "100", "--dial", "-", "--json"], standalone_mode=False)
    assert asked == [{"hide_input": True, "err": True}]
    assert json.loads(capsys.readouterr().out)["decision"] == "hide"


def test_help_ends_with_an_example() -> None:
    result = CliRunner().invoke(explain, ["--help"])
    assert result.exit_code == 0
    assert result.output.rstrip().splitlines()[-1].strip().startswith("Example: callveil explain")
    assert "standard input" in " ".join(result.output.split())
    assert "/etc/callveil/policy.yaml" in "".join(result.output.split())
