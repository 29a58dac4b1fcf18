from __future__ import annotations

from pathlib import Path

import pytest
from callveil.cli.install import INCLUDED, install
from callveil.data_files import data_dir
from click.testing import CliRunner

EXAMPLE = data_dir() / "config" / "policy.example.yaml"


@pytest.fixture
def asterisk(tmp_path: Path) -> Path:
    """The folders of an Asterisk with its own settings."""
    for name in INCLUDED:
        target = tmp_path / "etc" / name
        target.parent.mkdir(exist_ok=True)
        target.write_text("[general]\n; the admin's own\n", encoding="utf-8")
    (tmp_path / "sounds").mkdir()
    return tmp_path


def run(place: Path, *more: str) -> tuple[int, str]:
    arguments = [
        *("--policy", str(EXAMPLE), "--asterisk", str(place / "etc"), "--sounds", str(place / "sounds")),
        *("--secret-file", str(place / "callveil" / "ami.secret"), *more),
    ]
    result = CliRunner().invoke(install, arguments)
    return result.exit_code, result.output


def test_it_writes_its_own_files_and_touches_no_other(asterisk: Path) -> None:
    code, output = run(asterisk)
    assert code == 0, output
    for name in INCLUDED:
        assert (asterisk / "etc" / name).read_text(encoding="utf-8") == "[general]\n; the admin's own\n"
        assert f"#include callveil/{name}" in output
    written = {path.name for path in (asterisk / "etc" / "callveil").iterdir()}
    assert {*INCLUDED, "callveil-site.conf", "callveil-outbound.conf", "callveil-inbound.conf"} <= written
    assert (asterisk / "sounds" / "en" / "callveil" / "cannot-hide.wav").stat().st_size > 1000


def test_the_secret_is_random_kept_and_the_same_in_both_places(asterisk: Path) -> None:
    run(asterisk)
    secret = (asterisk / "callveil" / "ami.secret").read_text(encoding="ascii").strip()
    manager = asterisk / "etc" / "callveil" / "manager.conf"
    assert len(secret) == 48
    assert f"secret={secret}\n" in manager.read_text(encoding="utf-8")
    assert manager.stat().st_mode & 0o007 == 0
    assert (asterisk / "callveil" / "ami.secret").stat().st_mode & 0o007 == 0
    run(asterisk)
    assert (asterisk / "callveil" / "ami.secret").read_text(encoding="ascii").strip() == secret


def test_a_second_run_asks_only_for_what_is_missing(asterisk: Path) -> None:
    run(asterisk)
    for name in INCLUDED:
        with (asterisk / "etc" / name).open("a", encoding="utf-8") as file:
            file.write(f"#include callveil/{name}\n")
    code, output = run(asterisk)
    assert code == 0
    assert "Add one line" not in output


def test_a_prompt_that_the_program_recorded_stays(asterisk: Path) -> None:
    own = asterisk / "sounds" / "en" / "callveil" / "cannot-hide.wav"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"our own voice")
    run(asterisk)
    assert own.read_bytes() == b"our own voice"


def test_a_policy_with_mistakes_installs_nothing(asterisk: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 2\n", encoding="utf-8")
    code, output = run(asterisk, "--policy", str(bad))
    assert code == 2
    assert "bad.yaml:1:" in output
    assert not (asterisk / "etc" / "callveil").exists()
    assert not (asterisk / "callveil").exists()


def test_a_wrong_folder_installs_nothing_and_says_which_option_to_use(asterisk: Path) -> None:
    code, output = run(asterisk, "--sounds", str(asterisk / "nowhere"))
    assert code == 2
    assert "--sounds" in output
    assert not (asterisk / "etc" / "callveil").exists()


def test_without_the_daemon_the_dialplan_starts_the_script(asterisk: Path) -> None:
    run(asterisk, "--script", "/usr/local/bin/callveil-agi")
    site = (asterisk / "etc" / "callveil" / "callveil-site.conf").read_text(encoding="utf-8")
    assert "Set(VEIL_ASK_OUTBOUND=/usr/local/bin/callveil-agi,outbound)" in site
