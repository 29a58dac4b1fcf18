import errno
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from callveil.trunk_state import TrunkState, Unfit, read_state, unfit_trunks, way_of, write_state
from unit.policies import program

PROGRAM = program()
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STATES = {
    "carrier": TrunkState(way_of("PJSIP/{number}@a"), NOW, (), ("direct_media",), "", NOW),
    "other": TrunkState(way_of("PJSIP/{number}@b"), NOW, ("from_user",), (), "", NOW),
    "third": TrunkState(way_of("PJSIP/{number}@c"), None, (), (), "Asterisk does not answer.", NOW),
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "trunks.json"
    write_state(path, STATES)
    assert read_state(path) == STATES
    assert unfit_trunks(path, PROGRAM) == Unfit(frozenset({"other"}), frozenset({"other"}))
    write_state(path, {"other": TrunkState("", NOW, ("contact_user",), (), "", NOW)})
    assert unfit_trunks(path, PROGRAM).to_hide == {"other"}
    assert unfit_trunks(path, PROGRAM).to_show == frozenset()
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_does_not_depend_on_the_umask(tmp_path):
    before = os.umask(0)
    try:
        write_state(tmp_path / "trunks.json", STATES)
    finally:
        os.umask(before)
    assert (tmp_path / "trunks.json").stat().st_mode & 0o777 == 0o640


def test_no_part_of_a_dial_string_is_written(tmp_path):
    way = way_of("PJSIP/{number}@12065550100")
    write_state(tmp_path / "trunks.json", {"carrier": TrunkState(way)})
    assert "5550100" not in (tmp_path / "trunks.json").read_text()
    assert way != way_of("PJSIP/{number}@12065550101")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "trunks.json"
    write_state(path, STATES)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_state(path, {})
    assert read_state(path) == STATES
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": 2, "trunks": {}}',
        '{"format": 1, "trunks": []}',
        '{"format": 1, "trunks": {"carrier": {}}}',
        json.dumps({"format": 1, "trunks": {"carrier": {"way": "", "looked": "yesterday"}}}),
        "\udcff",
    ],
)
def test_by_a_broken_file_no_trunk_can_hide(tmp_path, text):
    path = tmp_path / "trunks.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_state(path) == {}
    every = frozenset({"carrier", "backup"})
    assert unfit_trunks(path, PROGRAM) == Unfit(every, every)


def test_without_a_file_nothing_is_known(tmp_path):
    assert unfit_trunks(tmp_path / "trunks.json", PROGRAM) == Unfit()


def test_a_look_that_failed_keeps_what_was_known():
    later = NOW + timedelta(hours=1)
    failed = STATES["other"].unseen("Asterisk does not answer.", later)
    assert (failed.faults, failed.looked) == (("from_user",), NOW)
    assert (failed.trouble, failed.tried) == ("Asterisk does not answer.", later)
