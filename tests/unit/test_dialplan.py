"""What can be known of the dialplan without an Asterisk; the rest is in integration/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callveil import answer, channel_variables
from callveil.record import BUCKETS

ROOT = Path(__file__).resolve().parents[2]
SNIPPETS = sorted((ROOT / "dialplan").glob("callveil-*.conf"))


def steps(path: Path) -> list[str]:
    """The lines of a dialplan file without comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith(";")]


def test_the_snippets_are_all_included() -> None:
    text = (ROOT / "dialplan" / "extensions.conf").read_text(encoding="utf-8")
    included = set(re.findall(r"^#include callveil/(\S+)$", text, re.MULTILINE))
    assert included == {path.name for path in SNIPPETS} | {"callveil-site.conf"}


def test_variables_that_code_and_dialplan_share_have_the_same_names() -> None:
    dialplan = " ".join(line for path in SNIPPETS for line in steps(path))
    names = [value for key, value in vars(channel_variables).items() if key.isupper()]
    missing = [name for name in names if name not in dialplan]
    assert not missing


def test_the_answer_token_and_presentations_are_the_ones_the_dialplan_expects() -> None:
    text = (ROOT / "dialplan" / "callveil-outbound.conf").read_text(encoding="utf-8")
    assert f'"{answer.TOKEN}"' in text
    assert f'"{answer.WITHHELD}"' in text
    assert f'"{answer.PRESENTED}"' in text


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.name)
def test_caller_controlled_text_only_ever_passes_a_filter(path: Path) -> None:
    """Asterisk expands a variable before it splits arguments, so a name may hold an application."""
    for line in steps(path):
        bare = re.sub(r"\$\{FILTER\([^}]*\$\{(EXTEN|CALLERID\(num\)|VEIL_EXTENSION)\}\)\}", "", line)
        bare = re.sub(r"\$\{LEN\(\$\{(EXTEN|VEIL_EXTENSION)\}\)\}", "", bare)
        assert "${CALLERID(name)}" not in bare
        if "callveil-outbound" in path.name or "callveil-inbound" in path.name:
            first = "exten => _[0-9" in line
            assert not (first and "${EXTEN}" in bare)


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.name)
def test_no_dial_option_undoes_the_withholding(path: Path) -> None:
    """Dial's f() presents the number again, unless u() says otherwise."""
    for line in steps(path):
        if "Dial(" in line:
            assert not re.search(r",[a-zA-Z]*f", line.split("Dial(", 1)[1])


def test_the_journal_has_the_duration_bands_of_the_record() -> None:
    text = (ROOT / "config" / "cdr_custom.conf").read_text(encoding="utf-8")
    bands = re.findall(r"\?([0-9a-z+-]+):", text)
    last = re.search(r":([0-9a-z+]+)\)\}\)", text)
    assert last is not None
    assert (*bands, last[1]) == BUCKETS


def test_the_journal_names_nothing_that_could_hold_a_number() -> None:
    text = (ROOT / "config" / "cdr_custom.conf").read_text(encoding="utf-8").split("[mappings]")[1]
    allowed = {
        "veil_id",
        "veil_line",
        "veil_direction",
        "veil_decision",
        "sequence",
        "start,u",
        "billsec",
        "disposition",
    }
    assert set(re.findall(r"CDR\(([^)]*)\)", text)) == allowed
