from __future__ import annotations

import pytest
from callveil.answer import PRESENTED, SEPARATOR, TOKEN, WITHHELD
from callveil.decision import TRUNK_CANNOT_HIDE, Kind, decide
from callveil.facts import Facts
from callveil.own_dialplan import for_trunk, is_named, pack_identity
from callveil.policy.model import Trunk
from callveil.presets import available_countries, load_preset
from callveil.site import emergency_extensions
from callveil_agi.answers import answer_identity
from callveil_agi.protocol import ProtocolError
from unit.policies import program

BACKUP_CANNOT = Facts(cannot_hide=frozenset({"backup"}))


def fields(extension: str, digits: str, trunk: str = "", facts: Facts = BACKUP_CANNOT) -> list[str]:
    """The answer to a question, without token and id."""
    packed = answer_identity(program(), extension, digits, "0123456789", trunk=trunk, facts=facts)
    token, call_id, *rest = packed.split(SEPARATOR)
    assert (token, call_id) == (TOKEN, "0123456789")
    assert len(rest) == 9
    return rest


@pytest.mark.parametrize("trunk", ["carrier", "trunk"])
def test_a_hidden_call_by_a_trunk_that_can_hide(trunk: str) -> None:
    assert fields("201", "*67 (212) 555-0141", trunk) == [
        "hide",
        WITHHELD,
        "+12065550100",
        "",
        "hotline",
        "",
        "",
        "+12125550141",
        "2125550141",
    ]


@pytest.mark.parametrize("trunk", ["backup", "", "no-such-trunk", "PJSIP"])
def test_a_hidden_call_is_refused_where_hiding_is_not_sure(trunk: str) -> None:
    refused = ["refuse", WITHHELD, "", "", "hotline", TRUNK_CANNOT_HIDE, "", "", ""]
    assert fields("201", "2125550141", trunk) == refused


def test_where_every_trunk_can_hide_none_need_be_named() -> None:
    assert fields("201", "2125550141", facts=Facts())[0] == "hide"
    assert fields("201", "2125550141", "no-such-trunk", facts=Facts())[0] == "refuse"


@pytest.mark.parametrize("trunk", ["backup", "", "no-such-trunk"])
def test_a_shown_call_may_leave_by_any_trunk(trunk: str) -> None:
    shown = ["show", PRESENTED, "+12065550100", "Main Office", "desk", "", "", "+12125550141", "12125550141"]
    assert fields("101", "12125550141", trunk) == shown


def test_an_emergency_number_and_a_short_one_are_called_as_they_are() -> None:
    assert fields("201", "*67911")[-2:] == ["911", "911"]
    assert fields("101", "411#")[-2:] == ["411", "411"]


def test_what_cannot_be_called_carries_no_number() -> None:
    assert fields("101", "12") == ["refuse", WITHHELD, "", "", "desk", "callveil/cannot-dial", "", "", ""]


@pytest.mark.parametrize(
    ("extension", "digits", "call_id"),
    [(None, "911", "0123456789"), ("101", "", "0123456789"), ("101", "911", None)],
)
def test_half_a_question_is_not_answered(extension: str | None, digits: str, call_id: str | None) -> None:
    with pytest.raises(ProtocolError):
        answer_identity(program(), extension, digits, call_id, trunk="")


@pytest.mark.parametrize(
    ("dial", "names"),
    [
        ("PJSIP/{number}@carrier", {"key", "carrier"}),
        ("DAHDI/g0/{number}", {"key", "DAHDI/g0"}),
        ("SIP/carrier/{digits}", {"key", "SIP/carrier"}),
        ("Local/{number}@way-out", {"key", "way-out"}),
    ],
)
def test_the_names_of_a_trunk(dial: str, names: set[str]) -> None:
    trunk = Trunk("key", dial)
    candidates = {"key", "carrier", "DAHDI/g0", "SIP/carrier", "way-out", "PJSIP", "DAHDI", "Local", ""}
    assert {name for name in candidates if is_named(trunk, name)} == names


def test_of_two_trunks_of_one_name_both_must_be_able() -> None:
    policy = program(trunks=(Trunk("one", "PJSIP/{number}@same"), Trunk("two", "PJSIP/{digits}@same")))
    decided = decide(policy, "201", "2125550141", Facts(cannot_hide=frozenset({"two"})))
    assert decided.kind is Kind.HIDE
    assert for_trunk(policy, decided, "same").kind is Kind.REFUSE
    assert for_trunk(policy, decided, "one").kind is Kind.HIDE


def test_nothing_of_the_reason_travels() -> None:
    decided = decide(program(), "201", "2125550141")
    assert decided.reason not in pack_identity("id", program(), decided, "2125550141")


@pytest.mark.parametrize("country", available_countries())
def test_the_longest_end_that_is_an_emergency_number_is_the_one_that_was_meant(country: str) -> None:
    """How the dialplan takes the codes off, see callveil-identity.conf."""
    policy = program(preset=load_preset(country))
    for dialled, number in emergency_extensions(policy).items():
        digits = dialled.replace("X", "7")
        ends = (digits[start:] for start in range(len(digits)))
        assert next(end for end in ends if end in policy.preset.emergency) == number, dialled
