from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from callveil.cli.install import INCLUDED, install
from callveil.data_files import data_dir
from callveil.policy.compiled import load_for_script, parse_compiled
from click.testing import CliRunner

EXAMPLE = data_dir() / "config" / "policy.example.yaml"


@pytest.fixture
def asterisk(tmp_path: Path) -> Path:
    """The folders of an Asterisk with its own settings."""
    for name in INCLUDED:
        target = tmp_path / "etc" / name
        target.parent.mkdir(exist_ok=True)
        target.write_text("[general]\n; the admin's own\n", encoding="utf-8")
    for name in ("sounds", "callveil"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(place: Path, *more: str) -> tuple[int, str]:
    arguments = [
        *("--policy", str(EXAMPLE), "--asterisk", str(place / "etc"), "--sounds", str(place / "sounds")),
        *("--secret-file", str(place / "callveil" / "ami.secret"), *more),
    ]
    return run_with(arguments)


def run_with(arguments: list[str]) -> tuple[int, str]:
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
            file.write(f'#include "callveil/{name}" ; Callveil\n')
    code, output = run(asterisk)
    assert code == 0
    # Whatever else stands in logger.conf may be a log that holds numbers.
    assert [line for line in output.splitlines() if "#include" in line] == [
        f"  {asterisk}/etc/logger.conf: #include callveil/logger.conf  (and take everything else out of it)"
    ]
    (asterisk / "etc" / "logger.conf").write_text("; Callveil\n\n#include callveil/logger.conf\n", "utf-8")
    code, output = run(asterisk)
    assert code == 0
    assert "Add one line" not in output
    assert "dialplan reload" in output


def test_a_line_that_does_not_belong_at_the_end_is_said(asterisk: Path) -> None:
    _, output = run(asterisk)
    assert "queues.conf: #include callveil/queues.conf  (as its first line)\n" in output
    assert "cdr.conf: #include callveil/cdr.conf\n" in output


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
    assert_nothing_is_installed(asterisk)


def test_a_wrong_folder_installs_nothing_and_says_which_option_to_use(asterisk: Path) -> None:
    code, output = run(asterisk, "--sounds", str(asterisk / "nowhere"))
    assert code == 2
    assert "--sounds" in output
    assert_nothing_is_installed(asterisk)


def assert_nothing_is_installed(place: Path) -> None:
    assert not (place / "etc" / "callveil").exists()
    assert not list((place / "callveil").iterdir())
    assert not [path for path in (place / "sounds").rglob("*") if path.is_file()]


def test_a_link_among_the_sounds_that_leads_nowhere_installs_nothing(asterisk: Path) -> None:
    (asterisk / "sounds" / "en").symlink_to("/nowhere/asterisk-prompt-en")
    code, output = run(asterisk)
    assert code == 2
    assert "/nowhere/asterisk-prompt-en, which is not there" in output
    assert_nothing_is_installed(asterisk)


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(
    asterisk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse(path: Any, *more: Any, **other: Any) -> int:
        if str(path).endswith("trunk-cannot-hide.wav.new"):  # the last of all files
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *more, **other)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    code, output = run(asterisk)
    assert code == 2
    assert "trunk-cannot-hide.wav. Run it as root." in output
    assert_nothing_is_installed(asterisk)
    assert not list((asterisk / "sounds").iterdir())


def test_asterisk_can_read_everything_whatever_the_umask_is(asterisk: Path) -> None:
    before = os.umask(0o077)
    try:
        run(asterisk)
    finally:
        os.umask(before)
    for path in (asterisk / "etc" / "callveil", asterisk / "sounds" / "en" / "callveil"):
        assert path.stat().st_mode & 0o777 == 0o755
        assert all(file.stat().st_mode & 0o040 for file in path.iterdir())


@pytest.mark.parametrize("secret", [b"", b"two\nlines\n", b"a;b", b"a b", b"\xff\xfe", b"x" * 201])
def test_a_secret_that_asterisk_would_read_otherwise_is_refused(asterisk: Path, secret: bytes) -> None:
    (asterisk / "callveil" / "ami.secret").write_bytes(secret)
    code, output = run(asterisk)
    assert code == 2
    assert "Delete it" in output or "Delete the secret" in output
    assert not (asterisk / "etc" / "callveil").exists()


def test_a_folder_for_the_secret_is_not_made_up(asterisk: Path) -> None:
    code, output = run(asterisk, "--secret-file", str(asterisk / "nowhere" / "ami.secret"))
    assert code == 2
    assert "--secret-file" in output
    assert_nothing_is_installed(asterisk)
    assert not (asterisk / "nowhere").exists()


def run_with_settings(place: Path, text: str) -> tuple[int, str]:
    settings = place / "callveil" / "settings.yaml"
    settings.write_text(text, encoding="utf-8")
    return run_with(
        [
            *("--policy", str(EXAMPLE), "--asterisk", str(place / "etc"), "--sounds", str(place / "sounds")),
            *("--settings", str(settings)),
        ]
    )


def test_the_dialplan_asks_where_the_settings_say(asterisk: Path) -> None:
    secret = asterisk / "callveil" / "my.secret"
    code, output = run_with_settings(
        asterisk, f"ami: {{username: veil, secret_file: {secret}}}\nagi: {{port: 4574}}\n"
    )
    assert code == 0, output
    site = (asterisk / "etc" / "callveil" / "callveil-site.conf").read_text(encoding="utf-8")
    assert "Set(VEIL_ASK_OUTBOUND=agi://127.0.0.1:4574/outbound)" in site
    manager = (asterisk / "etc" / "callveil" / "manager.conf").read_text(encoding="utf-8")
    assert f"[veil]\nsecret={secret.read_text(encoding='ascii')}" in manager
    assert f"[veil-audit]\nsecret={secret.read_text(encoding='ascii')}" in manager
    assert "[callveil" not in manager
    assert "CHANGE-ME" not in manager


def test_the_two_manager_users_share_no_right(asterisk: Path) -> None:
    """The one that hears of calls may do nothing; the one that may act hears of no call."""
    run(asterisk)
    text = (asterisk / "etc" / "callveil" / "manager.conf").read_text(encoding="utf-8")
    listener, _, audit = text.partition("[callveil-audit]")
    assert "\nread=cdr,agent\nwrite=\neventfilter=^Event: (Cdr|" in listener
    assert "\nread=system\nwrite=system\neventfilter=^Event: (" in audit
    for section in (listener, audit):
        assert "\ndeny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\n" in section
        assert "\ndisplayconnects=no\n" in section


def test_a_secret_in_the_settings_is_the_one_that_asterisk_gets(asterisk: Path) -> None:
    code, output = run_with_settings(asterisk, 'ami: {secret: "Correct-Horse"}\n')
    assert code == 0, output
    manager = (asterisk / "etc" / "callveil" / "manager.conf").read_text(encoding="utf-8")
    assert "secret=Correct-Horse\n" in manager
    assert [path.name for path in (asterisk / "callveil").iterdir()] == ["settings.yaml"]


def test_settings_with_mistakes_install_nothing(asterisk: Path) -> None:
    code, output = run_with_settings(asterisk, 'agi: {port: "4574"}\n')
    assert code == 2
    assert "settings.yaml:1:" in output
    assert not (asterisk / "etc" / "callveil").exists()


def test_settings_that_are_named_must_be_there(asterisk: Path) -> None:
    code, output = run(asterisk, "--settings", str(asterisk / "nowhere.yaml"))
    assert code == 2
    assert "There is no such file." in output


def test_without_the_daemon_the_dialplan_starts_the_script(asterisk: Path) -> None:
    script = asterisk / "callveil-agi"
    script.touch(0o755)
    settings = asterisk / "callveil" / "settings.yaml"
    compiled = asterisk / "callveil" / "policy.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(f"compiled: {compiled}\n", encoding="utf-8")
    code, output = run(asterisk, "--script", str(script), "--settings", str(settings))
    assert code == 0, output
    assert load_for_script(EXAMPLE, compiled) == parse_compiled(compiled.read_text(encoding="utf-8"))
    assert compiled.stat().st_mode & 0o007 == 0
    site = (asterisk / "etc" / "callveil" / "callveil-site.conf").read_text(encoding="utf-8")
    assert f"Set(VEIL_ASK_OUTBOUND={script},outbound)" in site


def test_without_the_daemon_a_pool_gets_its_key_at_once(asterisk: Path) -> None:
    script = asterisk / "callveil-agi"
    script.touch(0o755)
    settings = asterisk / "callveil" / "settings.yaml"
    key = asterisk / "callveil" / "contacts.key"
    settings.write_text(f"contacts_key: {key}\ncontacts: {asterisk / 'no.sqlite3'}\n", encoding="utf-8")
    policy = asterisk / "policy.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "\npools:" not in text
    policy.write_text(text + "pools: {either: {identities: [office, clinic]}}\n", encoding="utf-8")
    arguments = ("--script", str(script), "--settings", str(settings), "--policy", str(policy))
    for _ in range(2):
        code, output = run(asterisk, *arguments)
        assert code == 0, output
    assert len(key.read_bytes()) == 32
    key.write_bytes(b"short")
    code, output = run(asterisk, *arguments)
    assert code == 2
    assert str(key) in output


@pytest.mark.parametrize(
    "script", ["callveil-agi", "/nowhere/callveil-agi", "/bin/sh,x", "/etc", "/etc/passwd"]
)
def test_a_script_that_cannot_be_started_installs_nothing(asterisk: Path, script: str) -> None:
    code, output = run(asterisk, "--script", script)
    assert code == 2
    assert "--script" in output
    assert_nothing_is_installed(asterisk)
