from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callveil.cli.main import cli
from callveil.cli.status import NONE_LEFT
from callveil.troubles_file import write_troubles
from callveil.trunk_state import TrunkState, way_of, write_state
from click.testing import CliRunner, Result
from program.site import POLICY

DIAL = "PJSIP/{number}@trunk"
SECOND = '  second: {dial: "IAX2/second/{number}"}\n'


def run(place: Path, *more: str, policy: str = POLICY) -> Result:
    (place / "policy.yaml").write_text(policy, encoding="utf-8")
    settings = f"trunks: {place / 'trunks.json'}\ntroubles: {place / 'troubles.json'}\n"
    (place / "settings.yaml").write_text(settings, encoding="utf-8")
    names = ["--policy", str(place / "policy.yaml"), "--settings", str(place / "settings.yaml")]
    return CliRunner().invoke(cli, ["status", *names, *more])


def know(place: Path, *faults: str, trouble: str = "", ago: float = 0) -> None:
    write_troubles(place / "troubles.json", {}, datetime.now(UTC))
    now = datetime.now(UTC) - timedelta(seconds=ago)
    write_state(place / "trunks.json", {"carrier": TrunkState(way_of(DIAL), now, faults, (), trouble, now)})


def test_all_is_fine(tmp_path):
    know(tmp_path)
    result = run(tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith("Hidden calls leave by carrier.\n  Last checked 2")
    data = json.loads(run(tmp_path, "--json").output)
    assert data["ok"] is True
    assert data["trunks"][0]["outcome"] == "hides"


def test_a_trunk_that_cannot_hide_is_a_finding(tmp_path):
    know(tmp_path, "from_user")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "carrier: NOT used for hidden calls: from_user is set" in result.output
    assert NONE_LEFT in result.output
    data = json.loads(run(tmp_path, "--json").output)
    assert data["ok"] is False
    assert data["trunks"][0]["faults"] == ["from_user"]


def test_what_the_daemon_says_is_wrong_is_a_finding(tmp_path):
    know(tmp_path)
    text = "The record store /var/lib/callveil/records.sqlite3: the disk is full. Calls go on."
    write_troubles(tmp_path / "troubles.json", {"store": text}, datetime.now(UTC))
    result = run(tmp_path)
    assert result.exit_code == 1
    assert f"Wrong now: {text}\n" in result.output
    assert json.loads(run(tmp_path, "--json").output)["troubles"] == {"store": text}


def test_a_daemon_that_does_not_run_is_never_fine(tmp_path):
    know(tmp_path)
    write_troubles(tmp_path / "troubles.json", {}, datetime.now(UTC) - timedelta(minutes=5))
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "Could not check: Callveil does not run. It last did 2" in result.output
    for content in (b"[]", b"\xff", b'{"troubles": {}, "written": "x"}'):
        (tmp_path / "troubles.json").write_bytes(content)
        assert run(tmp_path).exit_code == 3
    (tmp_path / "troubles.json").unlink()
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "Callveil does not run, or cannot write" in result.output


def test_what_could_not_be_checked_is_never_fine(tmp_path):
    assert run(tmp_path).exit_code == 3
    know(tmp_path, trouble="Asterisk does not answer.")
    assert run(tmp_path).exit_code == 3
    know(tmp_path, ago=3600)
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "Could not check" in result.output
    assert json.loads(run(tmp_path, "--json").output)["ok"] is False


def test_a_finding_weighs_more_than_what_could_not_be_checked(tmp_path):
    policy = POLICY.replace("lines:\n", SECOND + "lines:\n", 1)
    result = run(tmp_path, policy=policy)
    assert result.exit_code == 1
    assert "second: NOT used for hidden calls: Callveil cannot see what IAX2 sends." in result.output
    assert "carrier: Could not check" in result.output
    assert NONE_LEFT not in result.output


def test_a_reason_in_the_policy_makes_it_fine(tmp_path):
    know(tmp_path, "from_user")
    policy = POLICY.replace(
        f'{{dial: "{DIAL}"}}', f'{{dial: "{DIAL}", trusted_to_hide: "The carrier strips it."}}'
    )
    result = run(tmp_path, policy=policy)
    assert result.exit_code == 0
    assert "because the policy says: The carrier strips it." in result.output


def test_a_policy_with_mistakes_is_bad_input(tmp_path):
    assert run(tmp_path, policy="version: 2\n").exit_code == 2


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "trunks.json").mkdir()
    result = run(tmp_path)
    assert result.exit_code == 3
    assert "Could not check." in result.output
