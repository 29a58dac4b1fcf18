"""What can be known of the dialplan without an Asterisk; the rest is in integration/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callveil import answer, channel_variables
from callveil.coarse import BUCKETS

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
            options = line.split("Dial(", 1)[1]
            assert not re.search(r",[a-zA-Z]*f", options) or "u(allowed_passed_screen)" in options
            # What is shown whatever was decided is the registered number alone.
            assert not re.search(r",[a-zA-Z]*f", options) or "If(<${VEIL_EMERGENCY_CALLERID}>)" in options


def steps_of(name: str, context: str) -> list[str]:
    """The steps of one context of a dialplan file."""
    text = (ROOT / "dialplan" / name).read_text(encoding="utf-8")
    body = text.split(f"\n[{context}]\n", 1)[1].split("\n[", 1)[0]
    return [line.strip() for line in body.splitlines() if line.strip() and not line.lstrip().startswith(";")]


def test_a_far_ends_words_are_only_ever_read_through_a_filter() -> None:
    """HANGUPCAUSE(channel,tech) is whatever a carrier wrote."""
    for path in SNIPPETS:
        for line in steps(path):
            if "${HANGUPCAUSE(" in line:
                assert "${FILTER(0-9A-Za-z ,${HANGUPCAUSE(${VEIL_ENDED},tech)})}" in line


def test_what_one_trunk_said_is_forgotten_before_the_next_is_dialled() -> None:
    leg = steps_of("callveil-outbound.conf", "callveil-leg")
    dial = next(number for number, line in enumerate(leg) if "Dial(" in line)
    assert "HangupCauseClear()" in leg[dial - 1]


def test_no_call_is_made_before_the_identity_has_been_read_back() -> None:
    for name, context in (
        ("callveil-outbound.conf", "callveil-leg"),
        ("callveil-outbound.conf", "callveil-call"),
    ):
        lines = steps_of(name, context)
        dial = next(number for number, line in enumerate(lines) if "Dial(" in line)
        check = next(number for number, line in enumerate(lines) if '"${VEIL_SET}" != "yes"' in line)
        assert check < dial
        assert not any("CALLERID" in line for line in lines[check:dial])


def test_a_telephone_is_never_answered_to_play_it_a_prompt() -> None:
    for line in steps(ROOT / "dialplan" / "callveil-outbound.conf"):
        if "Playback(" in line:
            assert line.endswith(",noanswer)")
        if "Read(" in line:
            assert re.search(r"Read\(VEIL_KEY,[^,]+,1,n,1,\d\)", line)
        assert "Answer(" not in line


def test_an_emergency_call_asks_nobody_and_waits_for_nothing() -> None:
    lines = steps_of("callveil-emergency.conf", "callveil-emergency-call")
    assert not [line for line in lines if re.search(r"AGI|Playback|Read\(|Wait|DB\(|CURL|SHELL", line)]


def test_the_journal_has_the_duration_bands_of_the_record() -> None:
    text = (ROOT / "config" / "cdr_custom.conf").read_text(encoding="utf-8")
    bands = re.findall(r" < [0-9]+\]\?([0-9a-z+-]+):", text)
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
        "veil_party",
        "veil_time",
        "veil_duration",
    }
    assert set(re.findall(r"CDR\(([^)]*)\)", text)) == allowed


def test_a_record_never_begins_without_its_values() -> None:
    """They are set in one step, of which the last thing switches the record on."""
    text = (ROOT / "dialplan" / "callveil-safety.conf").read_text(encoding="utf-8")
    section = text[text.index("[callveil-record]") : text.index("[callveil-id]")]
    (step,) = [line for line in section.splitlines() if "CDR_PROP(disable)=0" in line]
    assert step.endswith(",CDR_PROP(disable)=0)")
    assert re.findall(r"CDR\((\w+)\)=", step) == [
        f"veil_{name}" for name in ("id", "line", "direction", "decision", "party", "time", "duration")
    ]


@pytest.mark.parametrize("where", ["outbound", "inbound"])
def test_what_follows_a_call_has_no_record_of_its_own(where: str) -> None:
    """It would say of a call that a carrier could not carry that nobody answered it."""
    lines = steps(ROOT / "dialplan" / f"callveil-{where}.conf")
    dialled = [
        place for place, line in enumerate(lines) if re.search(r"Dial\(Local/(out|nobody|number)@", line)
    ]
    assert len(dialled) == {"outbound": 1, "inbound": 2}[where]
    for place in dialled:
        assert "CDR_PROP(disable)=1" in lines[place + 1] or "Goto(scrub,over)" in lines[place + 1]
