from __future__ import annotations

import dataclasses

import pytest
from callveil.decision import CALL_AGAIN_SHOWN, CANNOT_DIAL, SHOW_NOT_ALLOWED, Decision, Kind, decide
from callveil.policy.model import HIDE, DestinationRule, Identity, Line, Policy, Preset, Trunk
from callveil.wording import in_words

REGISTERED = "+12065550111"
OFFICE = Identity("office", "+12065550100", "Main Office")
CLINIC = Identity("clinic", "+12065550177", "Westside Clinic")
BARE = Identity("bare", "+12065550188")
SURVIVOR = "2065550199"
SURVIVOR_E164 = "+12065550199"

POLICY = Policy(
    preset=Preset("US", ("*67",), ("*82",), ("911", "933", "988", "711"), ("411", "611")),
    emergency_callerid=REGISTERED,
    identities=(OFFICE, CLINIC, BARE),
    trunks=(Trunk("carrier", "PJSIP/{number}@trunk"), Trunk("second", "PJSIP/{digits}@backup")),
    lines=(
        Line("hotline", "Crisis calls", True, HIDE, "office", extensions=("200", "201")),
        Line("outreach", "Follow-up", True, HIDE, "clinic", allow_show=True, extensions=("300",)),
        Line("desk", "Agencies", False, "office", "office", extensions=("100",)),
        Line("plain", "No name", False, "bare", "bare", extensions=("150",)),
    ),
    destinations=(
        DestinationRule("+1800*", "clinic"),
        DestinationRule("+18*", HIDE),
        DestinationRule("+12065550150", HIDE),
        DestinationRule("+1206555016*", "office"),
        DestinationRule("+44*", "office"),
    ),
)


def dials(number: str) -> tuple[str, str]:
    return (f"PJSIP/{number}@trunk", f"PJSIP/{number.removeprefix('+')}@backup")


@pytest.mark.parametrize("extension", ["200", "300", "100", "999", ""])
@pytest.mark.parametrize("codes", ["", "*67", "*82", "*67*82", "*82,*67 "])
@pytest.mark.parametrize("number", ["911", "988"])
def test_emergency_shows_the_registered_number_whatever_else_is_said(
    extension: str, codes: str, number: str
) -> None:
    decision = decide(POLICY, extension, codes + number)
    assert decision.kind is Kind.EMERGENCY
    assert decision.shown == REGISTERED
    assert decision.beneath is None
    assert decision.number == number
    assert decision.dial == dials(number)
    assert decision.prompt == ""
    assert in_words(decision, POLICY) == f"Emergency: shows {REGISTERED}"


def test_emergency_names_the_line_where_there_is_one() -> None:
    assert decide(POLICY, "200", "911").line == "hotline"
    assert decide(POLICY, "999", "911").line is None


def test_a_line_that_hides() -> None:
    assert decide(POLICY, "200", SURVIVOR) == Decision(
        kind=Kind.HIDE,
        shown=None,
        beneath=OFFICE.number,
        name="",
        line="hotline",
        reason="the line hotline hides its calls",
        number=SURVIVOR_E164,
        dial=dials(SURVIVOR_E164),
        again=CALL_AGAIN_SHOWN,
    )


def test_a_line_that_shows() -> None:
    assert decide(POLICY, "100", SURVIVOR) == Decision(
        kind=Kind.SHOW,
        shown=OFFICE.number,
        beneath=None,
        name="Main Office",
        line="desk",
        reason="the line desk shows office",
        number=SURVIVOR_E164,
        dial=dials(SURVIVOR_E164),
    )


def test_an_extension_of_no_line_hides_with_the_neutral_number_beneath() -> None:
    decision = decide(POLICY, "999", SURVIVOR)
    assert (decision.kind, decision.beneath, decision.line) == (Kind.HIDE, OFFICE.number, None)
    assert "no line" in decision.reason


@pytest.mark.parametrize("extension", ["200", "300", "100", "999"])
@pytest.mark.parametrize("number", [SURVIVOR, "18005550123", "00", "411"])
@pytest.mark.parametrize("codes", ["*67", "*67*82", "*82*67", "*67,"])
def test_the_hide_code_never_shows(extension: str, number: str, codes: str) -> None:
    decision = decide(POLICY, extension, codes + number)
    assert decision.kind in (Kind.HIDE, Kind.REFUSE)
    assert decision.shown is None


def test_the_hide_code_on_a_line_that_shows_leaves_its_own_number_beneath() -> None:
    decision = decide(POLICY, "100", f"*67{SURVIVOR}")
    assert (decision.kind, decision.beneath, decision.prompt) == (Kind.HIDE, OFFICE.number, "")
    assert decision.dial == dials(SURVIVOR_E164)


def test_the_show_code_where_it_is_allowed() -> None:
    decision = decide(POLICY, "300", f"*82{SURVIVOR}")
    assert (decision.kind, decision.shown, decision.name) == (Kind.SHOW, CLINIC.number, CLINIC.name)
    assert decision.reason == "*82 was dialled and is allowed on line outreach"


def test_the_show_code_where_it_is_not_allowed_goes_out_hidden() -> None:
    decision = decide(POLICY, "200", f"*82{SURVIVOR}")
    assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, OFFICE.number)
    assert decision.prompt == SHOW_NOT_ALLOWED == "callveil/show-not-allowed"
    assert decision.reason == "*82 is not allowed on line hotline; the call goes out hidden"
    assert decision.dial == dials(SURVIVOR_E164)


def test_the_show_code_on_an_extension_of_no_line_goes_out_hidden() -> None:
    decision = decide(POLICY, "999", f"*82{SURVIVOR}")
    assert (decision.kind, decision.beneath, decision.line) == (Kind.HIDE, OFFICE.number, None)
    assert decision.prompt == SHOW_NOT_ALLOWED


def test_the_show_code_on_a_line_that_shows_comes_before_the_destination() -> None:
    decision = decide(POLICY, "100", "*8218885550123")
    assert (decision.kind, decision.shown) == (Kind.SHOW, OFFICE.number)


@pytest.mark.parametrize("extension", ["200", "100", "999"])
def test_the_first_destination_rule_that_matches_decides(extension: str) -> None:
    decision = decide(POLICY, extension, "18005550123")
    assert (decision.kind, decision.shown, decision.name) == (Kind.SUBSTITUTE, CLINIC.number, CLINIC.name)
    assert decision.reason == "destination rule +1800*"
    hidden = decide(POLICY, extension, "18885550123")
    assert (hidden.kind, hidden.beneath, hidden.reason) == (
        Kind.HIDE,
        OFFICE.number,
        "destination rule +18*",
    )


def test_a_destination_rule_that_names_the_lines_own_identity_shows_it() -> None:
    assert decide(POLICY, "100", "+442079460123").kind is Kind.SHOW
    assert decide(POLICY, "200", "+442079460123").kind is Kind.SUBSTITUTE
    assert decide(POLICY, "300", "011442079460123").kind is Kind.SUBSTITUTE


@pytest.mark.parametrize(("digits", "position"), [("2065550150", 3), ("2065550165", 4)])
def test_a_reason_does_not_repeat_the_number_through_a_narrow_pattern(digits: str, position: int) -> None:
    decision = decide(POLICY, "100", digits)
    assert decision.reason == f"destination rule number {position} of the policy"


def test_a_pattern_without_a_star_matches_the_whole_number_only() -> None:
    policy = dataclasses.replace(POLICY, destinations=(DestinationRule("+1206555", "clinic"),))
    assert decide(policy, "200", SURVIVOR).kind is Kind.HIDE


@pytest.mark.parametrize(
    ("extension", "digits", "kind"),
    [
        ("200", "411", Kind.HIDE),
        ("100", "411", Kind.SHOW),
        ("100", "*67 411", Kind.HIDE),
        ("200", "*82411", Kind.HIDE),
        ("100", "4-1-1", Kind.SHOW),
    ],
)
def test_service_numbers_go_out_as_dialled_under_the_ordinary_rules(
    extension: str, digits: str, kind: Kind
) -> None:
    decision = decide(POLICY, extension, digits)
    assert (decision.kind, decision.number, decision.dial) == (kind, "411", dials("411"))


def test_destination_patterns_do_not_match_service_numbers() -> None:
    policy = dataclasses.replace(
        POLICY, destinations=(DestinationRule("*", "clinic"), DestinationRule("411", "clinic"))
    )
    assert decide(policy, "100", "411").shown == OFFICE.number


@pytest.mark.parametrize(
    "digits",
    [
        "",
        " ",
        "*67",
        "*82",
        "*67*82",
        "5550123",
        "9111",
        "411411",
        "1-800-FLOWERS",
        "*692065550123",
        "2065550123&PJSIP/evil",
        "2065550123|veil1",
        "${EXTEN}",
        "\u0669\u0661\u0661",
        "*67\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
        "911\n",
        "\x00",
        "\ud83d",
        "*67" * 26 + "2065550123",
        "2" * 81,
    ],
)
@pytest.mark.parametrize("extension", ["200", "100", "999"])
def test_what_cannot_be_called_is_refused_without_being_repeated(extension: str, digits: str) -> None:
    decision = decide(POLICY, extension, digits)
    assert decision.kind is Kind.REFUSE
    assert decision.prompt == CANNOT_DIAL == "callveil/cannot-dial"
    assert (decision.shown, decision.beneath, decision.number, decision.dial) == (None, None, "", ())
    if digits.strip():
        assert digits not in decision.reason
    assert in_words(decision, POLICY) == f"Refused: {decision.reason}"


def test_eighty_characters_are_still_read() -> None:
    digits = "*67" * 23 + "1" + SURVIVOR
    assert len(digits) == 80
    assert decide(POLICY, "200", digits).kind is Kind.HIDE
    assert decide(POLICY, "200", " " + digits).kind is Kind.REFUSE


def test_an_emergency_is_heard_through_any_number_of_codes() -> None:
    assert decide(POLICY, "200", "*67" * 100 + "911").kind is Kind.EMERGENCY


@pytest.mark.parametrize(
    ("extension", "digits", "words"),
    [
        ("200", SURVIVOR, "Hidden (Main Office +12065550100 stands beneath)"),
        ("150", f"*67{SURVIVOR}", "Hidden (+12065550188 stands beneath)"),
        ("200", "18005550123", "Shows +12065550177 (Westside Clinic)"),
        ("100", SURVIVOR, "Shows +12065550100 (Main Office)"),
        ("150", SURVIVOR, "Shows +12065550188"),
        ("100", "abc", "Refused: what was dialled is no number that can be called"),
    ],
)
def test_plain_words(extension: str, digits: str, words: str) -> None:
    assert in_words(decide(POLICY, extension, digits), POLICY) == words


@pytest.mark.parametrize("digits", ["12065550199#", "*6712065550199#", "206-555-0199 #", "411#"])
def test_the_key_that_ends_dialling_is_no_part_of_the_number(digits: str) -> None:
    decision = decide(POLICY, "200", digits)
    assert decision.kind is Kind.HIDE
    assert decision.number in (SURVIVOR_E164, "411")


@pytest.mark.parametrize("digits", ["#", "12065550199##", "#12065550199", "*67#"])
def test_that_key_anywhere_else_is_no_number(digits: str) -> None:
    assert decide(POLICY, "200", digits).kind is Kind.REFUSE
