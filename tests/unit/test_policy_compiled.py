"""The compiled policy: the same policy, without the libraries, only as long as its file has not changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from callveil.policy.compiled import (
    FORMAT,
    CompiledError,
    compile_policy,
    load_for_script,
    parse_compiled,
    write_compiled,
)
from callveil.policy.load import PolicyError, load_policy_file
from callveil.policy.model import Policy
from hypothesis import given
from hypothesis import strategies as st
from unit.policy_texts import GOOD, GOOD_AND_FULL, read


def _anything(kind: Any) -> st.SearchStrategy[Any]:
    """Draw every attribute, so that one that is new is not left to its default."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(
            kind, **{part.name: _anything(hints[part.name]) for part in dataclasses.fields(kind)}
        )
    if get_origin(kind) is tuple:
        return st.lists(_anything(get_args(kind)[0]), max_size=3).map(tuple)
    return st.text(max_size=12) if kind is str else st.from_type(kind)


_POLICIES: st.SearchStrategy[Policy] = _anything(Policy)


@given(_POLICIES)
def test_round_trip_is_exact(policy: Policy) -> None:
    text = compile_policy(policy, "0" * 64)
    assert parse_compiled(text) == policy
    assert compile_policy(parse_compiled(text), "0" * 64) == text


@given(st.text(max_size=60) | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(CompiledError):
        parse_compiled(text)


@pytest.mark.parametrize("gone", ["preset", "identities", "lines", "emergency_callerid"])
def test_missing_parts_are_refused(gone: str) -> None:
    data = json.loads(compile_policy(read(GOOD).policy))
    del data[gone]
    with pytest.raises(CompiledError):
        parse_compiled(json.dumps(data))


def test_other_format_is_refused() -> None:
    data = json.loads(compile_policy(read(GOOD).policy))
    with pytest.raises(CompiledError, match="another format"):
        parse_compiled(json.dumps(data | {"format": FORMAT - 1}))


def test_deeply_nested_text_is_refused() -> None:
    with pytest.raises(CompiledError):
        parse_compiled("[" * 100_000)


def test_mailboxes_are_there_for_the_mail_guard() -> None:
    data = json.loads(compile_policy(read(GOOD).policy, "ab"))
    assert data["mailboxes"] == {"200@default": {"line": "hotline", "flagged": True}}
    assert data["source_sha256"] == "ab"


def test_written_whole_readable_for_the_group_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    policy = read(GOOD).policy
    previous = os.umask(0o077)
    try:
        write_compiled(path, policy, "ab")
    finally:
        os.umask(previous)
    assert parse_compiled(path.read_text()) == policy
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_gid == tmp_path.stat().st_gid
    assert [entry.name for entry in tmp_path.iterdir()] == ["policy.json"]


def test_what_was_there_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.json"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_compiled(path, read(GOOD).policy, "ab")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["policy.json"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_compiled(tmp_path / "gone" / "policy.json", read(GOOD).policy, "ab")


def test_every_setting_of_the_file_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD_AND_FULL)
    loaded = load_policy_file(tmp_path / "policy.yaml")
    write_compiled(tmp_path / "c.json", loaded.policy, loaded.sha256)
    assert parse_compiled((tmp_path / "c.json").read_text()) == loaded.policy
    assert loaded.policy != read(GOOD).policy


@pytest.fixture
def policy_path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


def test_current_form_is_used(policy_path: Path, tmp_path: Path) -> None:
    other = read(GOOD.replace("Main Office", "Compiled")).policy
    write_compiled(tmp_path / "c.json", other, hashlib.sha256(policy_path.read_bytes()).hexdigest())
    assert load_for_script(policy_path, tmp_path / "c.json") == other


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_stale_form_is_not_used(policy_path: Path, tmp_path: Path, digest: str) -> None:
    write_compiled(tmp_path / "c.json", read(GOOD.replace("Main Office", "Old")).policy, digest)
    assert load_for_script(policy_path, tmp_path / "c.json") == read(GOOD).policy


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"format": 1}', b"\xff"])
def test_form_that_is_missing_or_broken_is_not_used(
    policy_path: Path, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "c.json").write_bytes(content)
    assert load_for_script(policy_path, tmp_path / "c.json") == read(GOOD).policy


def test_form_of_another_version_is_not_used(policy_path: Path, tmp_path: Path) -> None:
    other = read(GOOD.replace("Main Office", "Old")).policy
    text = compile_policy(other, hashlib.sha256(policy_path.read_bytes()).hexdigest())
    (tmp_path / "c.json").write_text(json.dumps(json.loads(text) | {"callveil": "0.0.1"}))
    assert load_for_script(policy_path, tmp_path / "c.json") == read(GOOD).policy


def test_policy_with_mistakes_and_no_current_form(policy_path: Path, tmp_path: Path) -> None:
    write_compiled(tmp_path / "c.json", read(GOOD).policy, hashlib.sha256(GOOD.encode()).hexdigest())
    policy_path.write_text(GOOD.replace("version: 1", "version: 2"))
    with pytest.raises(PolicyError):
        load_for_script(policy_path, tmp_path / "c.json")


def test_no_library_is_loaded_for_a_current_form(policy_path: Path, tmp_path: Path) -> None:
    policy_path.write_text(GOOD_AND_FULL)
    loaded = load_policy_file(policy_path)
    write_compiled(tmp_path / "c.json", loaded.policy, loaded.sha256)
    program = (
        "import sys, pathlib; from callveil.policy.compiled import load_for_script; "
        "policy = load_for_script(*map(pathlib.Path, sys.argv[1:])); "
        "print(sorted({'yaml', 'pydantic', 'phonenumbers', 'click'} & set(sys.modules))); "
        "from callveil.decision import decide; print(decide(policy, '200', '*6932065550199').shown)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(policy_path), str(tmp_path / "c.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "+12065550177"]
