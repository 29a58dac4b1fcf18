"""The table of the ways out, as it stands in the documents and as the live tests write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.sipmessage import parse_message
from program import ways
from program.far_end import FarEnd
from program.ways import DOCUMENT, MISSING, WRITE, Column, Way, in_words, note_cell, read_table, with_table

HIDDEN = 'Hidden: `"Anonymous" <sip:anonymous@anonymous.invalid>`'


def invite(sender: str) -> FarEnd:
    return FarEnd(
        parse_message(f"INVITE sip:1@x SIP/2.0\r\nFrom: {sender};tag=1\r\n\r\n".encode(), "received")
    )


def test_the_table_is_whole_and_written_as_the_tests_write_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    cells = read_table(text)
    assert set(cells) == {(way, column) for way in Way for column in Column}
    assert with_table(text, cells) == text


def test_a_call_in_words() -> None:
    assert in_words(invite('"Anonymous" <sip:anonymous@anonymous.invalid>')) == HIDDEN
    assert (
        in_words(invite('"Main Office" <sip:+12065550100@127.0.0.1>')) == 'Shows +12065550100 "Main Office"'
    )
    assert in_words(invite("<sip:+12065550100@127.0.0.1>")) == "Shows +12065550100"


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ways-out.md"
    path.write_text(with_table(f"Before.\n{ways.BEGIN}{ways.END}\nAfter.\n", {}), encoding="utf-8")
    monkeypatch.setattr(ways, "DOCUMENT", path)
    monkeypatch.delenv(WRITE, raising=False)
    return path


def test_a_cell_that_differs_is_named_with_the_way_to_write_it(document: Path) -> None:
    with pytest.raises(AssertionError, match=f"(?s)Asterisk 16.*queue.*hide.*{MISSING}.*{WRITE}=1"):
        note_cell(Way.QUEUE, Column.HIDE, "16", HIDDEN)


def test_a_cell_is_written_where_that_is_asked_for(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = document.read_text(encoding="utf-8")
    monkeypatch.setenv(WRITE, "1")
    note_cell(Way.QUEUE, Column.HIDE, "16", HIDDEN)
    monkeypatch.delenv(WRITE)
    note_cell(Way.QUEUE, Column.HIDE, "22", HIDDEN)
    after = document.read_text(encoding="utf-8")
    assert after.startswith("Before.\n")
    assert after.endswith("\nAfter.\n")
    assert read_table(after) == {(Way.QUEUE, Column.HIDE): HIDDEN}
    assert after != before
