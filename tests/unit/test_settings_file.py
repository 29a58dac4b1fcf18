from __future__ import annotations

from pathlib import Path

import pytest
from callveil.data_files import config_dir
from callveil.policy.problems import SettingsError
from callveil.settings import AgiSettings, AmiSettings, Settings
from callveil.settings_file import load_settings
from callveil.store.place import PostgresUrl


def _write(tmp_path: Path, text: str, mode: int = 0o640) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def _complaints(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(path, required=True)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_everything(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        'ami: {host: pbx.example, port: 5039, username: veil, secret: "s3cret", ping_interval: 3,'
        " timeout: 1.5}\n"
        'agi: {host: "::1", port: 4000, timeout: 1, max_connections: 5}\n'
        "journal: /j\nstore: /s.db\ncompiled: /c.json\ncontacts: /p.db\ncontacts_key: /p.key\n"
        "trunks: /t.json\n",
    )
    assert load_settings(path, required=True) == Settings(
        ami=AmiSettings("pbx.example", 5039, "veil", "s3cret", 3.0, 1.5),
        agi=AgiSettings("::1", 4000, 1.0, 5),
        journal=Path("/j"),
        store=Path("/s.db"),
        compiled=Path("/c.json"),
        contacts=Path("/p.db"),
        contacts_key=Path("/p.key"),
        trunks=Path("/t.json"),
    )


def test_absent_file_means_as_shipped_unless_it_is_required(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    assert load_settings(path, required=False) == Settings()
    with pytest.raises(SettingsError, match="There is no such file"):
        load_settings(path, required=True)


def test_what_is_left_out_is_as_shipped(tmp_path: Path) -> None:
    assert load_settings(_write(tmp_path, "ami: {port: 5038}\n"), required=True) == Settings()


def test_secret_from_its_own_file(tmp_path: Path) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o640)
    path = _write(tmp_path, f"ami: {{secret_file: {secret}}}\n", 0o644)
    assert load_settings(path, required=True).ami.secret == "s3cret"


def test_secret_that_everybody_can_read(tmp_path: Path) -> None:
    path = _write(tmp_path, 'ami:\n  secret: "s3cret"\n', 0o644)
    assert _complaints(path) == [
        f"2:3: Everybody on this computer can read this secret. Run: chmod 640 {path}"
    ]


def test_secret_file_that_everybody_can_read(tmp_path: Path) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    found = _complaints(_write(tmp_path, f"ami:\n  secret_file: {secret}\n"))
    assert found == [f"2:16: Everybody on this computer can read the secret's file. Run: chmod 640 {secret}"]


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 201])
def test_secret_file_without_a_secret(tmp_path: Path, content: bytes) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_bytes(content)
    secret.chmod(0o640)
    (found,) = _complaints(_write(tmp_path, f"ami:\n  secret_file: {secret}\n"))
    assert found == "2:16: The secret's file must hold one line of plain letters and digits."


def test_secret_file_that_is_not_there(tmp_path: Path) -> None:
    (found,) = _complaints(_write(tmp_path, f"ami:\n  secret_file: {tmp_path}/none\n"))
    assert found.startswith("2:16: The secret's file cannot be used. There is no such file.")


def test_secret_twice(tmp_path: Path) -> None:
    (found,) = _complaints(_write(tmp_path, 'ami:\n  secret: "x"\n  secret_file: /x\n'))
    assert found.startswith("3:3: Give the secret itself or its file, not both.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'agi: {host: "0.0.0.0"}',
            "1:13: Callveil answers on this computer only, because what callers dialled",
        ),
        ('agi: {host: "192.0.2.1"}', "1:13: Callveil answers on this computer only"),
        ("agi: {host: pbx.example}", "1:13: Callveil answers on this computer only"),
        ('agi: {port: "4573"}', '1:13: The value of "port" must be a whole number, without quotes.'),
        ("agi: {port: 0}", "1:13: A port is a number from 1 to 65535."),
        ("agi: {timeout: 0}", "1:16: Write a number of seconds"),
        ("agi: {timeout: soon}", '1:16: The value of "timeout" must be a number'),
        ("agi: {max_connections: 0}", "1:24: Write a number of connections"),
        ("ami: {host: 127.0.0.1}", '1:13: Put the value of "host" in quotes'),
        ('ami: {host: "a b"}', "1:13: Write an address or a host name"),
        (
            'ami: {secret: "a\\nAction: Originate"}',
            "1:15: This may hold plain letters, digits and signs only",
        ),
        ('ami: {username: "a\\r\\nb"}', "1:17: "),
        ("ami: {user: x}", '1:7: "user" is not a setting that Callveil knows here. Did you mean "username"?'),
        ("amy: {}", '1:1: "amy" is not a setting that Callveil knows here. Did you mean "ami"?'),
        ("store: records.db", "1:8: Write a full path that begins with /"),
        ("store: /var/../etc/passwd", "1:8: Write a full path that begins with /"),
        ("contacts: contacts.sqlite3", "1:11: Write a full path that begins with /"),
        ("contacts_key: ../key", "1:15: Write a full path that begins with /"),
        ("journal:", '1:9: The value of "journal" is empty.'),
        ("", "1:1: The file is empty."),
    ],
)
def test_rule(tmp_path: Path, text: str, said: str) -> None:
    (found,) = _complaints(_write(tmp_path, text + "\n" if text else ""))
    assert found.startswith(said)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    assert len(_complaints(_write(tmp_path, "ami: {port: x}\nagi: {port: x}\nstore: x\n"))) == 3


def test_the_secret_is_never_in_a_message(tmp_path: Path) -> None:
    path = _write(tmp_path, 'ami: {secret: "hunter2 \\n", port: x}\n', 0o644)
    assert "hunter2" not in "\n".join(_complaints(path))


def test_example_is_right_but_for_a_secret_that_is_not_installed(tmp_path: Path) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    text = (config_dir() / "settings.example.yaml").read_text()
    path = _write(tmp_path, text.replace("/etc/callveil/ami.secret", str(secret)))
    assert load_settings(path, required=True) == Settings(ami=AmiSettings(secret="x"))


def test_the_secret_that_install_made_is_used_where_no_other_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callveil.settings_file.SECRET_PATH", tmp_path / "ami.secret")
    assert load_settings(tmp_path / "settings.yaml", required=False).ami.secret == ""
    (tmp_path / "ami.secret").write_text("0123abcd\n", encoding="ascii")
    assert load_settings(tmp_path / "settings.yaml", required=False).ami.secret == "0123abcd"
    (tmp_path / "settings.yaml").write_text("ami: {port: 5039}\n", encoding="ascii")
    assert load_settings(tmp_path / "settings.yaml", required=True).ami.secret == "0123abcd"


def test_the_store_may_be_a_database(tmp_path: Path) -> None:
    for url in ("postgresql:///callveil", "postgresql://veil@db.example:5433/calls?sslmode=verify-full"):
        settings = load_settings(_write(tmp_path, f"store: {url}\n", 0o644), required=True)
        assert settings.store == PostgresUrl(url)


def test_an_address_that_is_no_database_is_said(tmp_path: Path) -> None:
    for text in ("mysql://db/calls", "postgresql://db:port/calls", "postgresql:///a/b", "records.sqlite3"):
        (said,) = _complaints(_write(tmp_path, f'store: "{text}"\n'))
        assert "Write a full path" in said or "Write the full path of a file, or the address" in said


@pytest.mark.parametrize(
    "url", ["postgresql://veil:s3cret@db/calls", "postgresql://veil@db/calls?password=s3cret"]
)
def test_a_password_that_everybody_can_read_is_refused(tmp_path: Path, url: str) -> None:
    path = _write(tmp_path, f"store: {url}\n", 0o644)
    (said,) = _complaints(path)
    assert f"Everybody on this computer can read the password in this address. Run: chmod 640 {path}" in said
    path.chmod(0o640)
    settings = load_settings(path, required=True)
    for shown in (repr(settings), str(settings), str(settings.store)):
        assert "s3cret" not in shown
    assert str(settings.store) == "PostgreSQL, database calls"
