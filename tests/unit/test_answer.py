from __future__ import annotations

import pytest
from callveil.answer import (
    MAX_LENGTH,
    PRESENTED,
    SEPARATOR,
    TOKEN,
    WITHHELD,
    AnswerError,
    pack,
    pack_inbound,
    pack_outbound,
)
from callveil.decision import Decision, Kind

DIAL = ("PJSIP/+12065550199@trunk", "PJSIP/12065550199@backup")


def decision(kind: Kind, **changes: object) -> Decision:
    fields: dict[str, object] = {
        "shown": "+12065550100",
        "beneath": None,
        "name": "Main Office",
        "line": "desk",
        "reason": "a reason",
        "number": "+12065550199",
        "dial": DIAL,
    }
    return Decision(kind, **(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Kind.SHOW, Kind.SUBSTITUTE, Kind.EMERGENCY])
def test_a_shown_call(kind: Kind) -> None:
    assert pack_outbound("id1", decision(kind)).split(SEPARATOR) == [
        TOKEN,
        "id1",
        kind.value,
        PRESENTED,
        "+12065550100",
        "Main Office",
        "desk",
        "",
        "",
        "",
        "",
        *DIAL,
    ]


def test_a_hidden_call_carries_the_number_beneath_and_no_name() -> None:
    hidden = decision(
        Kind.HIDE,
        shown=None,
        beneath="+12065550177",
        line=None,
        prompt="callveil/show-not-allowed",
        confirm="callveil/outside-hours",
        again="callveil/call-again-shown",
    )
    assert pack_outbound("id1", hidden).split(SEPARATOR) == [
        TOKEN,
        "id1",
        "hide",
        WITHHELD,
        "+12065550177",
        "",
        "unlisted",
        "callveil/show-not-allowed",
        "callveil/outside-hours",
        "callveil/call-again-shown",
        "",
        *DIAL,
    ]


def test_a_hidden_call_cannot_carry_what_would_be_shown() -> None:
    muddled = decision(Kind.HIDE, shown="+12065550100", beneath=None)
    assert "+12065550100" not in pack_outbound("id1", muddled)


def test_a_refused_call_is_withheld_and_has_nothing_to_dial() -> None:
    refused = decision(Kind.REFUSE, shown=None, name="", dial=(), number="", prompt="callveil/cannot-dial")
    assert pack_outbound("id1", refused) == f"veil3|id1|refuse|{WITHHELD}|||desk|callveil/cannot-dial|||"


def test_the_reason_does_not_travel() -> None:
    assert "a reason" not in pack_outbound("id1", decision(Kind.SHOW))


def test_an_incoming_call() -> None:
    assert pack_inbound("id1", "hotline", show_caller=False) == "veil3|id1|scrub|hotline|"
    assert pack_inbound("id1", "desk", show_caller=True, party="US") == "veil3|id1|show|desk|US"


@pytest.mark.parametrize("text", ["a|b", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\tb"])
def test_a_field_that_would_split_the_answer_is_an_error(text: str) -> None:
    with pytest.raises(AnswerError) as caught:
        pack(("id1", text))
    assert text not in str(caught.value)


def test_the_length_is_counted_in_bytes() -> None:
    room = MAX_LENGTH - len(TOKEN) - len(SEPARATOR)
    assert len(pack(("x" * room,))) == MAX_LENGTH
    with pytest.raises(AnswerError, match="longer than Asterisk reads"):
        pack(("x" * (room + 1),))
    with pytest.raises(AnswerError):
        pack(("é" * (room // 2 + 1),))
