from __future__ import annotations

from dataclasses import replace

import pytest
from callveil.answer import AnswerError
from callveil_agi.answers import answer_inbound, answer_outbound
from callveil_agi.protocol import ProtocolError
from harness.agi_peer import CALL_ID, policy

NUMBER = "2065550111"


@pytest.mark.parametrize(
    ("extension", "digits", "starts"),
    [
        (
            "200",
            NUMBER,
            f"veil3|{CALL_ID}|hide|prohib_passed_screen|+12065550100||hotline|||callveil/call-again-shown||",
        ),
        ("100", NUMBER, f"veil3|{CALL_ID}|show|allowed_passed_screen|+12065550100|Main Office|desk|||||"),
        (
            "100",
            f"*67{NUMBER}",
            f"veil3|{CALL_ID}|hide|prohib_passed_screen|+12065550100||desk|||callveil/call-again-shown||",
        ),
        ("999", NUMBER, f"veil3|{CALL_ID}|hide|prohib_passed_screen|+12065550100||unlisted|||||"),
        ("", NUMBER, f"veil3|{CALL_ID}|hide|prohib_passed_screen|+12065550100||unlisted|||||"),
        ("200", "nonsense", f"veil3|{CALL_ID}|refuse|prohib_passed_screen|||hotline|callveil/cannot-dial|||"),
    ],
)
def test_outbound(extension: str, digits: str, starts: str) -> None:
    assert answer_outbound(policy(), extension, digits, CALL_ID).startswith(starts)


@pytest.mark.parametrize(
    ("extension", "digits", "call_id"),
    [
        (None, NUMBER, CALL_ID),
        ("200", None, CALL_ID),
        ("200", "", CALL_ID),
        ("200", NUMBER, None),
        ("200", NUMBER, ""),
        ("200", NUMBER, "0af3-5b"),
        ("200", NUMBER, "0" * 65),
        ("200", NUMBER, "0AF3-5B1C"),
        ("200", NUMBER, f"{CALL_ID}|show"),
        ("200", NUMBER, f"{CALL_ID}\n"),
        ("200", NUMBER, "\u0660" * 8),
    ],
)
def test_outbound_refuses_what_no_dialplan_asks(
    extension: str | None, digits: str | None, call_id: str | None
) -> None:
    with pytest.raises(ProtocolError):
        answer_outbound(policy(), extension, digits, call_id)


@pytest.mark.parametrize(
    ("line", "shown"), [("hotline", "scrub"), ("desk", "show"), ("quiet", "scrub"), ("unknown", "scrub")]
)
def test_inbound_shows_the_caller_only_where_the_policy_says_so(line: str, shown: str) -> None:
    assert answer_inbound(policy(), line, CALL_ID) == f"veil3|{CALL_ID}|{shown}|{line}|"


def test_records_keep_of_people_called_what_the_line_says() -> None:
    def answer(extension: str, digits: str, **changes: str) -> str:
        lines = tuple(replace(line, **changes) for line in policy().lines)  # type: ignore[arg-type]
        fields = answer_outbound(
            replace(policy(), lines=lines), extension, digits, CALL_ID, pseudonym=lambda line, _: f"~{line}"
        ).split("|")
        return fields[10]

    assert answer("100", NUMBER, called="full") == "+12065550111"
    assert answer("100", NUMBER, called="country") == "US"
    assert answer("100", NUMBER, called="repeat") == "~desk"
    assert answer("100", "nonsense", called="full") == ""  # refused: nobody is called
    assert answer("100", "911", called="full") == ""  # a call for help keeps nothing
    assert answer("100", NUMBER, caller="full") == ""
    assert answer("200", NUMBER, called="full") == ""  # flagged
    assert answer("999", NUMBER, called="full") == ""  # on no line


@pytest.mark.parametrize(
    ("line", "call_id"), [(None, CALL_ID), ("", CALL_ID), ("desk", None), ("desk", "x" * 9)]
)
def test_inbound_refuses_what_no_dialplan_asks(line: str | None, call_id: str | None) -> None:
    with pytest.raises(ProtocolError):
        answer_inbound(policy(), line, call_id)


def test_inbound_refuses_a_line_that_would_split_the_answer() -> None:
    with pytest.raises(AnswerError):
        answer_inbound(policy(), "x|show", CALL_ID)
