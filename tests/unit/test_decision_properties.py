"""What must hold of the decision for every policy, every extension and everything that can be dialled."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
from callveil.answer import pack_outbound
from callveil.contacts.hours import may_be_called
from callveil.contacts.model import Contact
from callveil.data_files import dialplan_dir
from callveil.decision import (
    CALL_AGAIN_SHOWN,
    CANNOT_CHECK,
    CANNOT_DIAL,
    MAX_DIALLED,
    OUTSIDE_HOURS,
    SHOW_NOT_ALLOWED,
    TRUNK_CANNOT_HIDE,
    Decision,
    Kind,
    decide,
)
from callveil.dialled import is_emergency, read_dialled
from callveil.facts import NO_FACTS
from callveil.numbers import to_e164
from callveil.policy.model import Identity, Line, Policy, Pool, Preset, Trunk
from callveil.pools import choose
from callveil.wording import in_words
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit import reference, strategies
from unit.reference import Expected, expected, meaning_of
from unit.strategies import EXTENSIONS, PRESETS, SPELLED, Call, World

E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
ID: Final = "0f1e2d3c4b5a6978"


def examples(number: int) -> settings:
    """So many examples, the same each time: what fails now and then is run again instead of being read."""
    return settings(max_examples=number, derandomize=True, deadline=None)


Situation = tuple[Policy, World, str, Call]

data = st.data()


def told(decision: Decision) -> str | None:
    """The one number that a decision puts on the call."""
    return decision.beneath if decision.kind is Kind.HIDE else decision.shown


def holds(decision: Decision, wanted: Expected, number: str | None) -> None:
    """Compare a decision with what must come of the call."""
    assert decision.kind == wanted.kind
    if wanted.kind == reference.REFUSE:
        assert (decision.shown, decision.beneath, decision.name) == (None, None, "")
        assert (decision.number, decision.dial, decision.confirm, decision.again) == ("", (), "", "")
        sounds = {"number": CANNOT_DIAL, "contacts": CANNOT_CHECK, "trunks": TRUNK_CANNOT_HIDE}
        assert decision.prompt == sounds[wanted.because]
        return
    assert decision.number == number
    assert told(decision) in wanted.numbers
    assert (decision.shown is None) == (wanted.kind == reference.HIDE)
    assert (decision.beneath is None) == (wanted.kind != reference.HIDE)
    assert decision.dial == wanted.trunks
    assert decision.prompt == (SHOW_NOT_ALLOWED if wanted.because == "wish refused" else "")
    assert decision.confirm == (OUTSIDE_HOURS if wanted.confirm else "")
    assert decision.again == (CALL_AGAIN_SHOWN if wanted.again else "")


def each_call(drawn: st.DataObject, kind: Callable[[Preset], st.SearchStrategy[Call]]) -> list[Situation]:
    """Draw a program and the world, and several calls in them."""
    policy = drawn.draw(strategies.policies())
    world = drawn.draw(strategies.worlds(policy))
    some = st.lists(st.tuples(EXTENSIONS, kind(policy.preset)), min_size=1, max_size=6)
    return [(policy, world, extension, call) for extension, call in drawn.draw(some)]


@examples(800)
@given(data)
def test_calls_come_out_as_the_rules_say_and_show_only_what_is_allowed(data: st.DataObject) -> None:
    for situation in each_call(data, strategies.calls):
        policy, world, extension, call = situation
        decision = decide(policy, extension, call.text, world.facts())
        follows_the_order_of_the_rules(situation, decision)
        shows_only_an_identity_that_is_allowed_there(situation, decision)
        keeps_the_wish_to_hide_and_what_is_agreed(situation, decision)
        leaves_hidden_only_by_trunks_that_can_hide(situation, decision)


def follows_the_order_of_the_rules(situation: Situation, decision: Decision) -> None:
    policy, world, extension, call = situation
    meaning = meaning_of(policy.preset, call.codes, call.number)
    holds(decision, expected(policy, world, extension, meaning), call.number)


def shows_only_an_identity_that_is_allowed_there(situation: Situation, decision: Decision) -> None:
    policy, _, extension, _ = situation
    if decision.kind is Kind.HIDE:
        assert decision.shown is None
        assert decision.name == ""
    if decision.kind in (Kind.SHOW, Kind.SUBSTITUTE):
        assert decision.shown in may_be_shown(situation)
        assert decision.name in [one.name for one in policy.identities if one.number == decision.shown]
    if decision.again:
        (line,) = (line for line in policy.lines if extension in line.extensions)
        assert decision.beneath == policy.identity_by_key[line.beneath].number


def may_be_shown(situation: Situation) -> set[str]:
    """Every number that some rule allows on this call, whichever decides."""
    policy, world, extension, call = situation
    line = next((line for line in policy.lines if extension in line.extensions), None)
    names = {rule.outbound for rule in policy.destinations if fits(rule.match, call.number)}
    digits = {code[-1] for code in call.codes if code not in policy.preset.hide_codes}
    if line is not None:
        names |= {line.outbound}
        names |= {line.beneath} if line.allow_show else set()
        names |= {one.key for one in policy.identities if one.digit in digits and one.key in line.substitutes}
        if line.outbound != "hide" and any(
            (call.number or "").startswith(x) for x in policy.preset.toll_free
        ):
            names |= {policy.identities[0].key}
    if world.everybody is not None:
        names |= {world.everybody.outbound}
        if world.everybody.outbound == "neutral":
            names |= {line.beneath if line is not None else policy.identities[0].key}
    return {number for name in names for number in reference.named(policy, name)}


def fits(match: str, number: str | None) -> bool:
    return number is not None and (
        number == match if not match.endswith("*") else number.startswith(match.removesuffix("*"))
    )


def keeps_the_wish_to_hide_and_what_is_agreed(situation: Situation, decision: Decision) -> None:
    policy, world, extension, call = situation
    if any(code in policy.preset.hide_codes for code in call.codes):
        assert decision.kind in (Kind.HIDE, Kind.REFUSE)
    protected = world.everybody is not None and world.everybody.outbound in ("hide", strategies.GONE)
    if protected and (call.number or "").startswith("+"):
        assert not decision.again
        if decision.kind in (Kind.SHOW, Kind.SUBSTITUTE):
            # Only a code that this line allows comes before what is agreed.
            assert call.codes
            line = policy.line_by_extension[extension]
            assert line.allow_show or line.outbound != "hide" or line.substitutes


def leaves_hidden_only_by_trunks_that_can_hide(situation: Situation, decision: Decision) -> None:
    policy, world, _, _ = situation
    if decision.kind is not Kind.HIDE:
        assert decision.again == ""
        return
    assert decision.dial
    left = list(decision.dial)
    for trunk in policy.trunks:
        if left and is_dial(trunk, left[0], decision.number):
            safe = trunk.dial.startswith("PJSIP/") and trunk.key not in world.cannot_hide
            if trunk.trusted_to_hide or safe:
                left.pop(0)
    assert left == []


def is_dial(trunk: Trunk, dial: str, number: str) -> bool:
    """Whether a dial string is this trunk's own signs, with the number called in one of its two forms."""
    before, _, after = trunk.dial.partition("{")
    word, _, after = after.partition("}")
    return dial == before + {"number": number, "digits": number.removeprefix("+")}[word] + after


@examples(300)
@given(data)
def test_an_emergency_number_is_never_touched(data: st.DataObject) -> None:
    for policy, world, extension, call in each_call(data, strategies.emergencies):
        for facts in (world.facts(), replace(world, readable=False).facts(), NO_FACTS):
            decision = decide(policy, extension, call.text, facts)
            assert decision.kind is Kind.EMERGENCY
            assert (decision.shown, decision.beneath) == (policy.emergency_callerid, None)
            assert decision.number == call.number
            assert len(decision.dial) == len(policy.trunks)
            assert all(map(is_dial, policy.trunks, decision.dial, [decision.number] * len(decision.dial)))
            assert (decision.prompt, decision.confirm, decision.again) == ("", "", "")


@examples(200)
@given(data)
def test_what_is_no_number_is_refused_whatever_stands_in_front(data: st.DataObject) -> None:
    for policy, world, extension, call in each_call(data, strategies.not_calls):
        decision = decide(policy, extension, call.text, world.facts())
        holds(decision, Expected(reference.REFUSE, because="number"), None)


@dataclass(frozen=True)
class Dialplan:
    """Which field of the answer the dialplan takes for which variable: read from its own file."""

    places: dict[str, int]
    rest: int

    @classmethod
    def read(cls, path: Path) -> Dialplan:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"Set\(_{0,2}(VEIL_\w+)=\$\{CUT\(VEIL_ANSWER,\|,(\d+)(-?)\)\}\)", text)
        (rest,) = (int(place) for name, place, more in found if name == "VEIL_DIALS" and more)
        return cls({name: int(place) for name, place, more in found if not more}, rest)

    def cut(self, packed: str, name: str) -> str:
        """``${CUT(VEIL_ANSWER,|,N)}``: from the Nth sign of separation to the next."""
        return packed.split("|")[self.places[name] - 1]

    def trunk(self, packed: str, number: int) -> str:
        """``${CUT(VEIL_DIALS,|,N)}``, which is empty behind the last one and so ends the attempts."""
        dials = packed.split("|")[self.rest - 1 :]
        return dials[number - 1] if number <= len(dials) else ""


@pytest.fixture(scope="module")
def dialplan() -> Dialplan:
    read = Dialplan.read(dialplan_dir() / "callveil-outbound.conf")
    assert {"VEIL_PRES", "VEIL_NUMBER", "VEIL_NAME", "VEIL_DECISION", "VEIL_LINE"} <= set(read.places)
    assert {"VEIL_PROMPT", "VEIL_CONFIRM", "VEIL_AGAIN"} <= set(read.places)
    return read


@examples(500)
@given(data, EXTENSIONS | st.text(max_size=8))
def test_anything_dialled_is_read_as_the_reference_reads_it_and_as_the_dialplan_takes_it(
    dialplan: Dialplan, data: st.DataObject, extension: str
) -> None:
    policy = data.draw(strategies.policies())
    world = data.draw(strategies.worlds(policy))
    for text in data.draw(st.lists(strategies.anything(policy.preset), min_size=1, max_size=6)):
        decision = decide(policy, extension, text, world.facts())
        assert decision == decide(policy, extension, text, world.facts())
        is_what_the_reference_reads(policy, world, extension, text, decision)
        line = policy.line_by_extension.get(extension)
        assert decision.line == (line.key if line else None)
        assert in_words(decision, policy)
        sends_a_number_down_the_trunks_and_never_a_code(policy, decision)
        is_read_out_of_the_answer(dialplan, decision)


def is_what_the_reference_reads(
    policy: Policy, world: World, extension: str, text: str, decision: Decision
) -> None:
    helps = reference.emergency_numbers(policy.preset, text)
    assert (decision.kind is Kind.EMERGENCY) == bool(helps)
    if helps:
        assert decision.number in helps
        assert decision.shown == policy.emergency_callerid
    elif len(text) > MAX_DIALLED:
        holds(decision, Expected(reference.REFUSE, because="number"), None)
    else:
        meaning = reference.read(policy.preset, text)
        holds(decision, expected(policy, world, extension, meaning), meaning.number)


def sends_a_number_down_the_trunks_and_never_a_code(policy: Policy, decision: Decision) -> None:
    if decision.kind is Kind.REFUSE:
        return
    short = policy.preset.emergency if decision.kind is Kind.EMERGENCY else policy.preset.services
    assert decision.number in short or E164.fullmatch(decision.number)
    for dial in decision.dial:
        assert any(is_dial(trunk, dial, decision.number) for trunk in policy.trunks)
        assert not set(dial) & set("*#|&$,;()\n\r")
    if len(decision.number) > 4:
        assert decision.number.removeprefix("+") not in decision.reason
        assert decision.number[-7:] not in decision.reason


def is_read_out_of_the_answer(dialplan: Dialplan, decision: Decision) -> None:
    packed = pack_outbound(ID, decision, "US")
    assert packed.startswith(f"veil3|{ID}|")
    assert not set(packed) & set('\n\r\0"\\${}')
    said = {name: dialplan.cut(packed, name) for name in dialplan.places}
    assert said["VEIL_DECISION"] == decision.kind
    assert said["VEIL_LINE"] == (decision.line or "unlisted")
    assert said["VEIL_PROMPT"] == decision.prompt
    assert said["VEIL_PARTY"] == "US"
    if decision.kind is Kind.REFUSE:
        return
    hidden = decision.kind is Kind.HIDE
    assert said["VEIL_PRES"] == ("prohib_passed_screen" if hidden else "allowed_passed_screen")
    assert said["VEIL_NUMBER"] == told(decision)
    assert said["VEIL_NAME"] == decision.name
    assert said["VEIL_CONFIRM"] == decision.confirm
    assert said["VEIL_AGAIN"] == decision.again
    for number, dial in enumerate((*decision.dial, "", ""), start=1):
        assert dialplan.trunk(packed, number) == dial


def test_the_longest_answer_that_a_policy_can_make_can_be_packed() -> None:
    name = "Ж" * 40
    dial = "PJSIP/{number}@" + "x" * 90 + "{number}"
    policy = Policy(
        preset=PRESETS[0],
        emergency_callerid="+12065550199",
        identities=(Identity("o" * 32, "+12065550100", name),),
        trunks=tuple(Trunk(f"t{number}", dial + "y" * 6) for number in range(10)),
        lines=(Line("l" * 32, "a purpose", True, "o" * 32, "o" * 32, extensions=("100",)),),
    )
    assert all(len(trunk.dial) <= 120 for trunk in policy.trunks)
    decision = decide(policy, "100", "+442079460123")
    assert (decision.name, len(decision.dial)) == (name, 10)
    assert pack_outbound(ID, decision)


@examples(600)
@given(data, st.sampled_from(strategies.ZONES))
def test_hours_are_kept_to_the_minute(data: st.DataObject, zone: str) -> None:
    contact = Contact(hours=tuple(data.draw(st.lists(strategies.hours(), max_size=2))), zone=zone)
    now = data.draw(strategies.moments((zone,)))
    assert may_be_called(contact, now) == reference.within_hours(contact, now)


NUMBERS: Final = st.integers(0, 10**6).map(lambda last: f"+1206555{last:07}")


@examples(150)
@given(st.lists(st.sampled_from(strategies.KEYS), min_size=2, max_size=6, unique=True), NUMBERS, st.binary())
def test_a_person_keeps_a_pools_number_whatever_else_the_pool_gains_or_loses(
    keys: list[str], number: str, secret: bytes
) -> None:
    chosen = choose(Pool("pool", tuple(keys)), number, secret)
    assert chosen in keys
    assert choose(Pool("pool", tuple(reversed(keys))), number, secret) == chosen
    for lost in keys:
        if lost != chosen:
            left = tuple(key for key in keys if key != lost)
            assert choose(Pool("pool", left), number, secret) == chosen


@examples(150)
@given(data, st.binary(min_size=1))
def test_a_pool_shows_the_same_person_the_same_number_however_it_is_dialled(
    data: st.DataObject, secret: bytes
) -> None:
    policy = data.draw(strategies.policies())
    keys = tuple(policy.identity_by_key)
    line = Line("pools", "a purpose", False, "all", keys[0], extensions=("700", "701"))
    policy = replace(policy, pools=(Pool("all", keys),), lines=(line,), destinations=())
    facts = World(pool_key=secret).facts()
    shown: dict[str, set[str | None]] = {}
    for spelled, number in SPELLED[policy.preset.country]:
        if not number.startswith(policy.preset.toll_free):
            for extension in ("700", "701"):
                decision = decide(policy, extension, spelled, facts)
                assert decision.kind is Kind.SHOW
                shown.setdefault(number, set()).add(decision.shown)
    assert all(len(one) == 1 for one in shown.values())


def test_a_pool_is_spread_over_its_numbers_and_the_key_decides() -> None:
    pool = Pool("pool", strategies.KEYS[:4])
    numbers = [f"+12065550{last:03}" for last in range(400)]
    first, second = ([choose(pool, number, key) for number in numbers] for key in (b"a" * 32, b"b" * 32))
    for chosen in (first, second):
        assert all(60 < chosen.count(key) < 140 for key in pool.identities)
    assert first != second


def test_the_contacts_are_not_asked_about_short_numbers_or_emergencies() -> None:
    asked: list[str] = []

    def contact(number: str) -> Contact | None:
        asked.append(number)
        return None

    policy = Policy(
        PRESETS[-1],
        "+12065550199",
        (Identity("office", "+12065550100"),),
        (Trunk("t", "PJSIP/{number}@t"),),
        (),
    )
    assert policy.preset.country == "US"
    facts = replace(NO_FACTS, contact=contact)
    for text in ("911", "*67911", "411", "*82411", "no number", "*67", "206555012", "1" * 81):
        decide(policy, "100", text, facts)
    assert asked == []
    decide(policy, "100", "*67 (206) 555-0123", facts)
    assert asked == ["+12065550123"]


@examples(150)
@given(
    strategies.policies(),
    EXTENSIONS,
    st.text("0123456789\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", min_size=1, max_size=3),
)
@example(
    Policy(PRESETS[-1], "+12065550100", (Identity("office", "+12065550100"),), (), ()),
    "100",
    "\u0669\u0661\u0661",
)
def test_digits_of_other_scripts_are_no_digits(policy: Policy, extension: str, digits: str) -> None:
    decision = decide(policy, extension, digits)
    if not digits.isascii():
        assert decision.kind is Kind.REFUSE
    elif digits not in (*policy.preset.emergency, *policy.preset.services):
        assert decision.kind is not Kind.EMERGENCY


@examples(150)
@given(
    st.lists(st.text("0123456789*#", max_size=3), max_size=4).map(tuple),
    st.lists(st.text("0123456789*#", max_size=3), max_size=4).map(tuple),
    st.lists(st.text("0123456789", min_size=2, max_size=3), min_size=1, max_size=3).map(tuple),
    st.text("0123456789*# ", max_size=30),
    st.data(),
)
def test_even_codes_that_begin_one_another_keep_the_emergency_numbers(
    hide: tuple[str, ...], show: tuple[str, ...], emergency: tuple[str, ...], text: str, data: st.DataObject
) -> None:
    preset = Preset("US", hide, show, emergency)
    codes = data.draw(st.lists(st.sampled_from((*hide, *show)), max_size=4)) if hide or show else []
    assert is_emergency(preset, "".join(codes) + data.draw(st.sampled_from(emergency)))
    read = read_dialled(preset, text)
    assert text.rstrip().endswith(read.rest)


@examples(150)
@given(data, st.sampled_from(PRESETS))
def test_e164_is_stable(data: st.DataObject, preset: Preset) -> None:
    number = to_e164(data.draw(strategies.anything(preset)), preset.country)
    if number is not None:
        assert E164.fullmatch(number)
        assert to_e164(number, preset.country) == number
        assert to_e164(number, "US") == number
