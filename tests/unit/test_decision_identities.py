"""What the decision makes of codes, contacts, hours, toll-free numbers, trunks and pools: each branch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from callveil.contacts.model import Contact, ContactsError, Hours
from callveil.decision import (
    CALL_AGAIN_SHOWN,
    CANNOT_CHECK,
    CANNOT_DIAL,
    OUTSIDE_HOURS,
    SHOW_NOT_ALLOWED,
    TRUNK_CANNOT_HIDE,
    Decision,
    Kind,
    can_hide,
    decide,
)
from callveil.facts import Facts
from callveil.policy.model import HIDE, DestinationRule, Identity, Line, Pool, Trunk
from callveil.pools import choose
from unit.policies import CLINIC, DESK, HOTLINE, OFFICE, US, program

PERSON = "2065550142"
PERSON_E164 = "+12065550142"
TOLL_FREE = "8885550123"

ANNEX = Identity("annex", "+12065550178", "Annex", "4")
POOL = Pool("callbacks", ("clinic", "annex"))
CARRIER = Trunk("carrier", "PJSIP/{number}@trunk")
BACKUP = Trunk("backup", "PJSIP/{digits}@backup")
GATEWAY = Trunk("gateway", "DAHDI/g0/{digits}")

PROGRAM = program(
    preset=replace(US, toll_free=("+1800", "+1888")),
    identities=(OFFICE, replace(CLINIC, digit="3"), ANNEX),
    trunks=(CARRIER, BACKUP),
    pools=(POOL,),
    lines=(
        replace(HOTLINE, substitutes=("clinic",)),
        replace(DESK, substitutes=("clinic", "office")),
        Line("followup", "Calls back", True, "callbacks", "office", extensions=("300",)),
        Line("stern", "Never shown", True, HIDE, "clinic", show_after_rejection=False, extensions=("400",)),
    ),
    destinations=(
        DestinationRule("+12065550150", "clinic", "County Court"),
        DestinationRule("+1800555*", HIDE),
        DestinationRule("+1360*", "callbacks"),
    ),
)

NOON = datetime(2026, 1, 5, 20, 0, tzinfo=UTC)
"""A Monday; noon in Seattle."""


def knowing(contact: Contact | None = None, **facts: object) -> Facts:
    """Facts in which a rule holds for `PERSON` alone."""
    rules = {PERSON_E164: contact}
    return Facts(contact=rules.get, **({"now": NOON} | facts))  # type: ignore[arg-type]


def agreed(outbound: str) -> Facts:
    return knowing(Contact(outbound))


def dials(number: str, *trunks: Trunk) -> tuple[str, ...]:
    return tuple(trunk.dial_string(number) for trunk in trunks or (CARRIER, BACKUP))


class TestSubstituteCode:
    def test_shows_the_identity_of_its_digit(self) -> None:
        assert decide(PROGRAM, "200", f"*683{PERSON}") == Decision(
            kind=Kind.SUBSTITUTE,
            shown=CLINIC.number,
            beneath=None,
            name=CLINIC.name,
            line="hotline",
            reason="*683 was dialled and is allowed on line hotline",
            number=PERSON_E164,
            dial=dials(PERSON_E164),
        )

    def test_of_the_lines_own_identity_is_no_substitute(self) -> None:
        policy = replace(PROGRAM, identities=(replace(OFFICE, digit="1"), replace(CLINIC, digit="3"), ANNEX))
        decision = decide(policy, "100", f"*681{PERSON}")
        assert (decision.kind, decision.shown) == (Kind.SHOW, OFFICE.number)

    @pytest.mark.parametrize(
        ("extension", "line", "beneath", "again"),
        [
            ("200", "line hotline", OFFICE, CALL_AGAIN_SHOWN),
            ("100", "line desk", OFFICE, CALL_AGAIN_SHOWN),
            ("400", "line stern", CLINIC, ""),
            ("999", "an extension that belongs to no line", OFFICE, ""),
        ],
    )
    def test_that_is_not_allowed_hides(
        self, extension: str, line: str, beneath: Identity, again: str
    ) -> None:
        decision = decide(PROGRAM, extension, f"*684{PERSON}")
        assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, beneath.number)
        assert decision.prompt == SHOW_NOT_ALLOWED
        assert decision.reason == f"*684 is not allowed on {line}; the call goes out hidden"
        assert decision.number == PERSON_E164
        assert decision.again == again

    @pytest.mark.parametrize("extension", ["200", "100", "300", "999"])
    def test_with_a_digit_that_nothing_has_hides(self, extension: str) -> None:
        decision = decide(PROGRAM, extension, f"*689{PERSON}")
        assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, OFFICE.number)
        assert decision.prompt == SHOW_NOT_ALLOWED
        assert decision.reason == "no identity has the code *689; the call goes out hidden"

    @pytest.mark.parametrize("codes", ["*67*683", "*683*67", "*683,*67 ", "*82*67*683", "*684*67"])
    def test_with_the_hide_code_hides(self, codes: str) -> None:
        decision = decide(PROGRAM, "200", codes + PERSON)
        assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, OFFICE.number)
        assert decision.reason == "the code that hides this call was dialled"

    @pytest.mark.parametrize("codes", ["*82*683", "*683*82"])
    def test_comes_before_the_show_code(self, codes: str) -> None:
        decision = decide(PROGRAM, "100", codes + PERSON)
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, CLINIC.number)

    def test_twice_means_the_first(self) -> None:
        decision = decide(PROGRAM, "200", f"*683*684{PERSON}")
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, CLINIC.number)

    @pytest.mark.parametrize("extension", ["200", "100", "300", "400", "999", ""])
    @pytest.mark.parametrize("codes", ["*68", "*683", "*684", "*689", "*68*683", "*67*68", "*683*68"])
    def test_before_an_emergency_number_changes_nothing(self, extension: str, codes: str) -> None:
        decision = decide(PROGRAM, extension, f"{codes}911", agreed(HIDE))
        assert (decision.kind, decision.number) == (Kind.EMERGENCY, "911")
        assert decision.shown == PROGRAM.emergency_callerid
        assert decision.dial == dials("911")
        assert (decision.prompt, decision.confirm, decision.again) == ("", "", "")

    @pytest.mark.parametrize("digits", ["*68", "*683", "*68,", "*68#", f"*68{PERSON[0]}", "*683*68"])
    def test_with_no_number_behind_it_is_no_call(self, digits: str) -> None:
        decision = decide(PROGRAM, "200", digits)
        assert (decision.kind, decision.prompt, decision.dial) == (Kind.REFUSE, CANNOT_DIAL, ())

    def test_comes_before_what_is_agreed_and_before_the_destination(self) -> None:
        decision = decide(PROGRAM, "200", f"*683{PERSON}", agreed("annex"))
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, CLINIC.number)
        decision = decide(PROGRAM, "200", "*6838005550123")
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, CLINIC.number)

    def test_that_the_policy_has_not_is_no_code(self) -> None:
        policy = replace(PROGRAM, preset=replace(PROGRAM.preset, substitute_code=""))
        assert decide(policy, "200", f"*683{PERSON}").kind is Kind.REFUSE
        assert decide(policy, "200", f"*67{PERSON}").kind is Kind.HIDE
        assert decide(policy, "200", "*68911").kind is Kind.REFUSE

    def test_of_the_policys_own_choice(self) -> None:
        policy = replace(PROGRAM, preset=replace(PROGRAM.preset, substitute_code="#7"))
        assert decide(policy, "200", f"#73{PERSON}").shown == CLINIC.number
        assert decide(policy, "200", f"*683{PERSON}").kind is Kind.REFUSE
        assert decide(policy, "200", "#79911").kind is Kind.EMERGENCY


class TestContact:
    @pytest.mark.parametrize(("extension", "beneath"), [("100", OFFICE), ("400", CLINIC), ("999", OFFICE)])
    def test_hide(self, extension: str, beneath: Identity) -> None:
        decision = decide(PROGRAM, extension, PERSON, agreed(HIDE))
        assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, beneath.number)
        assert decision.reason == "agreed with this contact: hide"
        assert (decision.again, decision.prompt) == ("", "")

    @pytest.mark.parametrize("codes", ["", "*67", "*82", "*684", "*689"])
    def test_hide_is_never_followed_by_an_offer_to_show(self, codes: str) -> None:
        decision = decide(PROGRAM, "200", codes + PERSON, agreed(HIDE))
        assert (decision.kind, decision.again) == (Kind.HIDE, "")

    @pytest.mark.parametrize(
        ("extension", "kind", "shown"),
        [
            ("200", Kind.SUBSTITUTE, OFFICE),
            ("100", Kind.SHOW, OFFICE),
            ("400", Kind.SUBSTITUTE, CLINIC),
            ("999", Kind.SUBSTITUTE, OFFICE),
        ],
    )
    def test_neutral_shows_the_number_beneath(self, extension: str, kind: Kind, shown: Identity) -> None:
        decision = decide(PROGRAM, extension, PERSON, agreed("neutral"))
        assert (decision.kind, decision.shown, decision.beneath) == (kind, shown.number, None)
        assert decision.name == shown.name
        assert decision.reason == "this contact's telephone rejects hidden calls"
        assert decision.again == ""

    def test_an_identity(self) -> None:
        decision = decide(PROGRAM, "200", PERSON, agreed("annex"))
        assert (decision.kind, decision.shown, decision.name) == (
            Kind.SUBSTITUTE,
            ANNEX.number,
            ANNEX.name,
        )
        assert decision.reason == "agreed with this contact: annex"
        assert decide(PROGRAM, "100", PERSON, agreed("office")).kind is Kind.SHOW

    def test_a_pool(self) -> None:
        decision = decide(PROGRAM, "200", PERSON, replace(agreed("callbacks"), pool_key=b"k"))
        chosen = PROGRAM.identity_by_key[choose(POOL, PERSON_E164, b"k")]
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, chosen.number)
        assert decision.reason == "agreed with this contact: callbacks"
        assert decide(PROGRAM, "300", PERSON, agreed("callbacks")).kind is Kind.SHOW

    @pytest.mark.parametrize("codes", ["", "*67", "*684"])
    @pytest.mark.parametrize(("extension", "beneath"), [("100", OFFICE), ("400", CLINIC)])
    def test_a_name_that_is_gone_hides(self, extension: str, beneath: Identity, codes: str) -> None:
        decision = decide(PROGRAM, extension, codes + PERSON, agreed("gone"))
        assert (decision.kind, decision.shown, decision.beneath) == (Kind.HIDE, None, beneath.number)
        assert decision.again == ""
        if not codes:
            assert decision.reason == (
                'agreed with this contact: "gone", which the policy no longer has; the call goes out hidden'
            )

    @pytest.mark.parametrize("contact", [None, Contact(), Contact(hours=(Hours(frozenset({0}), 0, 1439),))])
    def test_where_nothing_is_agreed_about_it_the_line_decides(self, contact: Contact | None) -> None:
        assert decide(PROGRAM, "100", PERSON, knowing(contact)).reason == "the line desk shows office"
        decision = decide(PROGRAM, "200", PERSON, knowing(contact))
        assert (decision.reason, decision.again) == ("the line hotline hides its calls", CALL_AGAIN_SHOWN)

    @pytest.mark.parametrize(("codes", "kind"), [("*67", Kind.HIDE), ("*82", Kind.SHOW)])
    def test_a_wish_that_the_line_allows_comes_first(self, codes: str, kind: Kind) -> None:
        decision = decide(PROGRAM, "100", codes + PERSON, agreed("annex"))
        assert decision.kind is kind
        assert decision.shown == (OFFICE.number if kind is Kind.SHOW else None)

    def test_comes_before_the_destination(self) -> None:
        facts = Facts(contact={"+13605550142": Contact("annex")}.get)
        decision = decide(PROGRAM, "200", "3605550142", facts)
        assert (decision.shown, decision.reason) == (ANNEX.number, "agreed with this contact: annex")

    def test_comes_before_toll_free(self) -> None:
        facts = Facts(contact={f"+1{TOLL_FREE}": Contact(HIDE)}.get)
        assert decide(PROGRAM, "100", TOLL_FREE, facts).kind is Kind.HIDE

    def test_is_asked_for_in_e164_and_for_whole_numbers_only(self) -> None:
        asked: list[str] = []

        def ask(number: str) -> None:
            asked.append(number)

        for digits in ("(206) 555-0142", "*6712065550142#", "411", "911", "*68911", "nonsense"):
            decide(PROGRAM, "200", digits, Facts(contact=ask))
        assert asked == [PERSON_E164, PERSON_E164]

    @pytest.mark.parametrize("extension", ["200", "100", "300", "999"])
    @pytest.mark.parametrize("codes", ["", "*67", "*82", "*683"])
    def test_that_cannot_be_read_is_no_call(self, extension: str, codes: str) -> None:
        decision = decide(PROGRAM, extension, codes + PERSON, Facts(contact=unreadable))
        assert (decision.kind, decision.prompt) == (Kind.REFUSE, CANNOT_CHECK)
        assert CANNOT_CHECK == "callveil/cannot-check"
        assert (decision.shown, decision.beneath, decision.dial, decision.again) == (None, None, (), "")
        assert "could not be read" in decision.reason
        assert "damaged" not in decision.reason

    def test_that_cannot_be_read_keeps_nobody_from_help(self) -> None:
        assert decide(PROGRAM, "200", "911", Facts(contact=unreadable)).kind is Kind.EMERGENCY
        assert decide(PROGRAM, "200", "411", Facts(contact=unreadable)).kind is Kind.HIDE


def unreadable(_: str) -> None:
    raise ContactsError("damaged")


class TestHours:
    WORK = Contact(hours=(Hours(frozenset(range(5)), 9 * 60, 17 * 60),), zone="America/Los_Angeles")
    NIGHT = replace(WORK, hours=(Hours(frozenset(range(7)), 22 * 60, 6 * 60),))

    @pytest.mark.parametrize("digits", [PERSON, f"*67{PERSON}", f"*683{PERSON}"])
    def test_within_them_nobody_is_asked(self, digits: str) -> None:
        decision = decide(PROGRAM, "200", digits, knowing(self.WORK))
        assert (decision.confirm, len(decision.dial)) == ("", 2)

    @pytest.mark.parametrize("digits", [PERSON, f"*67{PERSON}", f"*683{PERSON}"])
    def test_outside_them_staff_are_asked_and_nothing_else_changes(self, digits: str) -> None:
        within = decide(PROGRAM, "200", digits, knowing(self.WORK))
        outside = decide(PROGRAM, "200", digits, knowing(self.NIGHT))
        assert outside == replace(within, confirm=OUTSIDE_HOURS)
        assert OUTSIDE_HOURS == "callveil/outside-hours"

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "No/Such_Zone", ""])
    def test_where_it_is_not_known_staff_are_asked(self, zone: str) -> None:
        now = None if zone.startswith("America") else NOON
        decision = decide(PROGRAM, "200", PERSON, knowing(replace(self.WORK, zone=zone), now=now))
        assert decision.confirm == OUTSIDE_HOURS

    def test_nobody_asks_about_others_or_about_contacts_without_hours(self) -> None:
        assert decide(PROGRAM, "200", "2065550143", knowing(self.NIGHT)).confirm == ""
        assert decide(PROGRAM, "200", PERSON, knowing(Contact(HIDE), now=None)).confirm == ""

    @pytest.mark.parametrize("digits", ["911", "*67911", "*683911", "911#"])
    def test_nobody_is_asked_before_an_emergency_call(self, digits: str) -> None:
        facts = Facts(contact=lambda _: self.NIGHT, now=NOON)
        assert decide(PROGRAM, "200", digits, facts).confirm == ""

    def test_a_call_that_is_refused_is_not_asked_about(self) -> None:
        facts = knowing(replace(self.NIGHT, outbound=HIDE), cannot_hide=frozenset(("carrier", "backup")))
        assert decide(PROGRAM, "200", PERSON, facts).confirm == ""


class TestTollFree:
    def test_a_line_that_shows_shows_the_neutral_number(self) -> None:
        policy = replace(PROGRAM, lines=(replace(DESK, outbound="clinic", beneath="clinic"),))
        decision = decide(policy, "100", TOLL_FREE)
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, OFFICE.number)
        assert decision.reason == "toll-free numbers see who calls in any case"

    def test_a_line_of_a_pool_shows_the_neutral_number(self) -> None:
        assert decide(PROGRAM, "300", TOLL_FREE).shown == OFFICE.number

    def test_a_line_that_shows_the_neutral_number_shows_it(self) -> None:
        assert decide(PROGRAM, "100", TOLL_FREE).kind is Kind.SHOW

    @pytest.mark.parametrize(
        ("extension", "line", "beneath"), [("200", "hotline", OFFICE), ("400", "stern", CLINIC)]
    )
    def test_a_line_that_hides_hides_with_its_own_number_beneath(
        self, extension: str, line: str, beneath: Identity
    ) -> None:
        decision = decide(PROGRAM, extension, TOLL_FREE)
        assert (decision.kind, decision.beneath) == (Kind.HIDE, beneath.number)
        assert decision.reason == (
            f"the line {line} hides its calls; this toll-free number may see the number beneath"
        )

    def test_an_extension_of_no_line_hides(self) -> None:
        decision = decide(PROGRAM, "999", TOLL_FREE)
        assert (decision.kind, decision.reason) == (
            Kind.HIDE,
            "the extension belongs to no line, so its calls are hidden",
        )

    def test_a_destinations_rule_comes_first(self) -> None:
        assert decide(PROGRAM, "100", "8005550123").kind is Kind.HIDE

    def test_a_wish_comes_first(self) -> None:
        assert decide(PROGRAM, "100", f"*67{TOLL_FREE}").kind is Kind.HIDE
        assert decide(PROGRAM, "100", f"*683{TOLL_FREE}").shown == CLINIC.number

    @pytest.mark.parametrize("digits", ["2065550188", "+18605550123"])
    def test_other_numbers_are_not_toll_free(self, digits: str) -> None:
        assert decide(PROGRAM, "300", digits).shown in (CLINIC.number, ANNEX.number)

    def test_a_country_without_any(self) -> None:
        policy = replace(PROGRAM, preset=US)
        assert decide(policy, "300", TOLL_FREE).shown in (CLINIC.number, ANNEX.number)


class TestTrunks:
    MIXED = replace(PROGRAM, trunks=(GATEWAY, CARRIER, BACKUP))

    @pytest.mark.parametrize("digits", [PERSON, f"*67{PERSON}", f"*684{PERSON}"])
    def test_a_hidden_call_leaves_by_those_that_can_hide(self, digits: str) -> None:
        decision = decide(self.MIXED, "200", digits)
        assert (decision.kind, decision.dial) == (Kind.HIDE, dials(PERSON_E164, CARRIER, BACKUP))
        decision = decide(self.MIXED, "200", digits, Facts(cannot_hide=frozenset(("carrier",))))
        assert (decision.kind, decision.dial) == (Kind.HIDE, dials(PERSON_E164, BACKUP))

    @pytest.mark.parametrize("digits", [PERSON, f"*67{PERSON}", f"*684{PERSON}", "411"])
    def test_a_hidden_call_is_refused_where_none_can(self, digits: str) -> None:
        facts = Facts(cannot_hide=frozenset(("carrier", "backup")))
        decision = decide(self.MIXED, "200", digits, facts)
        assert (decision.kind, decision.prompt, decision.line) == (
            Kind.REFUSE,
            TRUNK_CANNOT_HIDE,
            "hotline",
        )
        assert (decision.shown, decision.beneath, decision.dial, decision.again) == (None, None, (), "")
        assert decision.reason == "this call must be hidden, and no trunk can hide it"
        assert TRUNK_CANNOT_HIDE == "callveil/trunk-cannot-hide"

    def test_a_trunk_that_shows_a_number_of_its_own_carries_no_shown_call(self):
        facts = Facts(cannot_show=frozenset(("carrier",)))
        assert decide(PROGRAM, "100", PERSON, facts).dial == ("PJSIP/12065550142@backup",)
        assert len(decide(PROGRAM, "100", "911", facts).dial) == 2
        both = Facts(cannot_show=frozenset(("carrier", "backup")))
        refused = decide(PROGRAM, "100", PERSON, both)
        assert (refused.kind, refused.prompt, refused.dial) == (Kind.REFUSE, TRUNK_CANNOT_HIDE, ())
        assert decide(PROGRAM, "100", "911", both).kind is Kind.EMERGENCY
        assert decide(PROGRAM, "200", PERSON, both).kind is Kind.HIDE

    def test_a_shown_call_leaves_by_all(self) -> None:
        facts = Facts(cannot_hide=frozenset(("carrier", "backup")))
        for extension, digits in (("100", PERSON), ("200", f"*683{PERSON}"), ("300", PERSON)):
            decision = decide(self.MIXED, extension, digits, facts)
            assert decision.kind in (Kind.SHOW, Kind.SUBSTITUTE)
            assert decision.dial == dials(PERSON_E164, GATEWAY, CARRIER, BACKUP)

    def test_an_emergency_call_leaves_by_all(self) -> None:
        facts = Facts(cannot_hide=frozenset(("carrier", "backup")))
        assert decide(self.MIXED, "200", "911", facts).dial == dials("911", GATEWAY, CARRIER, BACKUP)

    @pytest.mark.parametrize(
        ("dial", "trusted", "seen", "can"),
        [
            ("PJSIP/{number}@trunk", "", False, True),
            ("PJSIP/{number}@trunk", "", True, False),
            ("PJSIP/{number}@trunk", "Tested in May.", True, True),
            ("SIP/trunk/{digits}", "", False, False),
            ("SIP/trunk/{digits}", "Tested in May.", False, True),
            ("DAHDI/g0/{digits}", "", False, False),
            ("IAX2/peer/{digits}", "", False, False),
            ("Local/{digits}@out/n", "", False, False),
            ("Local/{digits}@out/n", "Tested in May.", False, True),
            ("XPJSIP/{digits}", "", False, False),
        ],
    )
    def test_which_can_hide(self, dial: str, trusted: str, seen: bool, can: bool) -> None:
        facts = Facts(cannot_hide=frozenset(("one",) if seen else ("another",)))
        assert can_hide(Trunk("one", dial, trusted), facts) is can


class TestAgain:
    @pytest.mark.parametrize(
        ("extension", "digits", "offered"),
        [
            ("200", PERSON, True),
            ("200", f"*67{PERSON}", True),
            ("200", f"*82{PERSON}", True),
            ("200", "411", True),
            ("200", TOLL_FREE, True),
            ("100", f"*67{PERSON}", True),
            ("300", f"*67{PERSON}", True),
            ("400", PERSON, False),
            ("400", f"*67{PERSON}", False),
            ("999", PERSON, False),
            ("100", PERSON, False),
            ("300", PERSON, False),
            ("200", f"*683{PERSON}", False),
            ("200", "911", False),
            ("200", "nonsense", False),
        ],
    )
    def test_is_offered_after_hidden_calls_of_lines_that_allow_it(
        self, extension: str, digits: str, offered: bool
    ) -> None:
        decision = decide(PROGRAM, extension, digits)
        assert decision.again == (CALL_AGAIN_SHOWN if offered else "")
        assert CALL_AGAIN_SHOWN == "callveil/call-again-shown"
        if offered:
            assert decision.beneath is not None


class TestPools:
    PEOPLE = tuple(f"206555{number:04}" for number in range(100, 200))

    def shown(self, extension: str, key: bytes, digits: str) -> str | None:
        return decide(PROGRAM, extension, digits, Facts(pool_key=key)).shown

    def test_the_line_shows_the_number_that_the_pool_has_for_the_person(self) -> None:
        decision = decide(PROGRAM, "300", PERSON, Facts(pool_key=b"k"))
        chosen = PROGRAM.identity_by_key[choose(POOL, PERSON_E164, b"k")]
        assert (decision.kind, decision.shown, decision.name) == (Kind.SHOW, chosen.number, chosen.name)
        assert decision.reason == "the line followup shows callbacks"

    def test_a_person_always_sees_the_same_however_dialled_and_by_whatever_rule(self) -> None:
        facts = replace(agreed("callbacks"), pool_key=b"k")
        ways = [f"1{PERSON}", f"+1{PERSON}", "(206) 555-0142", f"{PERSON}#", f"*82{PERSON}"]
        seen = {self.shown("300", b"k", digits) for digits in ways}
        seen |= {decide(PROGRAM, extension, PERSON, facts).shown for extension in ("100", "200", "999")}
        assert len(seen) == 1

    def test_people_are_spread_over_it(self) -> None:
        seen = [self.shown("300", b"k", person) for person in self.PEOPLE]
        assert set(seen) == {CLINIC.number, ANNEX.number}
        assert 30 < seen.count(CLINIC.number) < 70

    def test_the_key_settles_who_sees_what(self) -> None:
        one = [self.shown("300", b"k", person) for person in self.PEOPLE]
        other = [self.shown("300", b"other", person) for person in self.PEOPLE]
        assert 30 < sum(first != second for first, second in zip(one, other, strict=True)) < 70

    def test_beneath_a_hidden_call_of_its_line_stands_the_lines_number(self) -> None:
        seen = {decide(PROGRAM, "300", f"*67{person}").beneath for person in self.PEOPLE}
        assert seen == {OFFICE.number}

    def test_a_destination_may_show_one(self) -> None:
        decision = decide(PROGRAM, "200", "3605550142", Facts(pool_key=b"k"))
        assert decision.kind is Kind.SUBSTITUTE
        assert decision.shown == PROGRAM.identity_by_key[choose(POOL, "+13605550142", b"k")].number
        assert decision.reason == "destination rule +1360*"


class TestOrganisation:
    def test_its_rule_is_named_by_its_name(self) -> None:
        decision = decide(PROGRAM, "200", "2065550150")
        assert (decision.kind, decision.shown) == (Kind.SUBSTITUTE, CLINIC.number)
        assert decision.reason == "destination rule for County Court"

    def test_only_its_whole_number_is_meant(self) -> None:
        assert decide(PROGRAM, "200", "2065550151").kind is Kind.HIDE
