"""What must hold of the decision for every policy, every extension and everything that can be dialled."""

from __future__ import annotations

import re

from callveil.answer import SEPARATOR, pack_outbound
from callveil.decision import Decision, Kind, decide
from callveil.dialled import Wish, is_emergency, read_dialled
from callveil.numbers import to_e164
from callveil.policy.model import HIDE, DestinationRule, Identity, Line, Policy, Preset, Trunk
from callveil.wording import in_words
from hypothesis import example, given
from hypothesis import strategies as st

E164 = re.compile(r"\+[1-9][0-9]{1,14}")

# Codes of a preset never begin one another here, so that only one reading of what was dialled is right.
PRESETS = (
    Preset("US", ("*67",), ("*82",), ("911", "933", "988", "711"), ("211", "411", "611")),
    Preset("GB", ("141",), ("1470",), ("999", "112"), ("101", "111", "116123")),
    Preset("AU", ("1831", "#31#"), ("1832", "*31#"), ("000", "112"), ("131114",)),
    Preset("DE", ("*31#",), ("#31#",), ("110", "112"), ("116117",)),
    Preset("NZ", ("0197",), ("0196",), ("111",), ()),
    Preset("PL", ("*31#",), (), ("112",), ()),
    Preset("IE", (), (), ("112", "999"), ("50808",)),
)

CALLABLE = (
    "2065550123",
    "+12065550123",
    "18005550123",
    "011442079460123",
    "02079460123",
    "+442079460123",
    "0412345678",
    "0011 1 206 555 0123",
    "030123456",
    "021234567",
)

HOSTILE = (
    "\u0669\u0661\u0661",
    "\uff19\uff11\uff11",
    "*67\u0669\u0661\u0661",
    "²⁶",
    "\n",
    "\r\nSet: x",
    "\x00",
    "\x7f",
    "|veil1|",
    "${EXTEN}",
    "${SHELL(id)}",
    "&PJSIP/evil",
    ",,,",
    "@trunk",
    "9111",
    "1911",
    "+",
    "*",
    "#",
    "p",
    "w",
    " ",
    "-",
    "\ud800",
    "\u202e",
    "x" * 100,
    "1" * 100,
)

owned_numbers = st.integers(0, 99).map(lambda last: f"+120655501{last:02}")
keys = st.sampled_from(("office", "clinic", "annex", "partner"))
# A checked policy has neither the separator nor control characters in a name.
names = st.text(
    st.characters(exclude_characters=SEPARATOR, exclude_categories=("Cc", "Cs")),
    max_size=20,
)
separators = st.sampled_from(("", "", "", " ", ",", ",,", "p", "w", "-", " , ", ";"))
patterns = st.one_of(
    st.sampled_from(
        ("*", "+*", "+1*", "+1800*", "+1206*", "+44*", "+61*", "+12065550123", "411", "", "**", "+1*0*")
    ),
    st.text(max_size=6),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    identity_keys = draw(st.lists(keys, min_size=1, max_size=4, unique=True))
    identities = tuple(Identity(key, draw(owned_numbers), draw(names)) for key in identity_keys)
    rules = st.sampled_from((HIDE, *identity_keys))
    lines = []
    for number, key in enumerate(draw(st.lists(st.sampled_from("abcd"), max_size=3, unique=True)), start=1):
        outbound = draw(rules)
        beneath = outbound if outbound != HIDE else draw(st.sampled_from(identity_keys))
        lines.append(
            Line(
                key=key,
                purpose="a purpose",
                flagged=draw(st.booleans()),
                outbound=outbound,
                beneath=beneath,
                allow_show=draw(st.booleans()),
                extensions=(f"{number}00", f"{number}01"),
            )
        )
    return Policy(
        preset=draw(st.sampled_from(PRESETS)),
        emergency_callerid=draw(owned_numbers),
        identities=identities,
        trunks=tuple(
            Trunk(f"trunk{number}", template)
            for number, template in enumerate(
                draw(
                    st.lists(
                        st.sampled_from(("PJSIP/{number}@t", "PJSIP/{digits}@t", "DAHDI/g1/{digits}")),
                        min_size=1,
                        max_size=3,
                    )
                )
            )
        ),
        lines=tuple(lines),
        destinations=tuple(
            DestinationRule(draw(patterns), draw(rules)) for _ in range(draw(st.integers(0, 4)))
        ),
    )


extensions = st.one_of(st.sampled_from(("100", "101", "200", "300", "900", "")), st.text(max_size=8))


@st.composite
def code_prefixes(draw: st.DrawFn, preset: Preset, *, with_hide: bool = False) -> str:
    """Draw any number of codes, repeated and mixed, with what telephones store between them."""
    codes = [*preset.hide_codes, *preset.show_codes]
    drawn = draw(st.lists(st.sampled_from(codes), max_size=4)) if codes else []
    if with_hide:
        drawn.insert(draw(st.integers(0, len(drawn))), draw(st.sampled_from(preset.hide_codes)))
    return draw(separators) + "".join(code + draw(separators) for code in drawn)


@st.composite
def dialled(draw: st.DrawFn) -> str:
    """Draw anything: from what staff dial every day to what no telephone sends."""
    preset = draw(st.sampled_from(PRESETS))
    pieces = st.one_of(
        code_prefixes(preset),
        st.sampled_from((*CALLABLE, *HOSTILE, *preset.emergency, *preset.services)),
        st.text("0123456789*#+ ,pw", max_size=14),
        st.text(max_size=6),
    )
    return "".join(draw(st.lists(pieces, max_size=4)))


def shows_only_what_is_owned(policy: Policy, decision: Decision) -> bool:
    owned = {identity.number for identity in policy.identities}
    if decision.kind is Kind.EMERGENCY:
        return decision.shown == policy.emergency_callerid and decision.beneath is None
    if decision.kind is Kind.HIDE:
        return decision.shown is None and decision.beneath in owned and decision.name == ""
    if decision.kind is Kind.REFUSE:
        return (decision.shown, decision.beneath, decision.name) == (None, None, "")
    shown = {(identity.number, identity.name) for identity in policy.identities}
    return (decision.shown, decision.name) in shown and decision.beneath is None


@given(policies(), extensions, dialled())
def test_only_owned_numbers_are_shown_and_the_answer_can_be_packed(
    policy: Policy, extension: str, digits: str
) -> None:
    decision = decide(policy, extension, digits)
    assert shows_only_what_is_owned(policy, decision)
    line = policy.line_by_extension.get(extension)
    assert decision.line == (line.key if line else None)
    packed = pack_outbound("0f1e2d3c4b5a6978", decision)
    assert packed.count(SEPARATOR) == 7 + len(decision.dial)
    assert in_words(decision, policy)


@given(policies(), extensions, dialled())
def test_what_is_dialled_is_a_whole_number_or_a_short_one_and_never_a_code(
    policy: Policy, extension: str, digits: str
) -> None:
    decision = decide(policy, extension, digits)
    if decision.kind is Kind.REFUSE:
        assert (decision.number, decision.dial) == ("", ())
        assert decision.prompt
        return
    short = policy.preset.emergency if decision.kind is Kind.EMERGENCY else policy.preset.services
    assert decision.number in short or E164.fullmatch(decision.number)
    assert decision.dial == tuple(trunk.dial_string(decision.number) for trunk in policy.trunks)
    for dial in decision.dial:
        assert not set(dial) & set("*#|&$\n\r")


@given(policies(), extensions, dialled())
def test_the_reason_never_repeats_the_number(policy: Policy, extension: str, digits: str) -> None:
    decision = decide(policy, extension, digits)
    if len(decision.number) > 4:
        assert decision.number.removeprefix("+") not in decision.reason
        assert decision.number[-7:] not in decision.reason


@given(st.data(), policies(), extensions)
def test_a_hide_code_anywhere_among_the_codes_never_shows(
    data: st.DataObject, policy: Policy, extension: str
) -> None:
    if not policy.preset.hide_codes:
        return
    codes = data.draw(code_prefixes(policy.preset, with_hide=True))
    number = data.draw(st.one_of(st.sampled_from((*CALLABLE, *policy.preset.services)), dialled()))
    decision = decide(policy, extension, codes + number)
    assert decision.kind in (Kind.HIDE, Kind.REFUSE, Kind.EMERGENCY)
    assert (decision.kind is Kind.EMERGENCY) == is_emergency(policy.preset, codes + number)


@given(policies(), extensions, dialled())
def test_a_wish_that_is_read_is_kept(policy: Policy, extension: str, digits: str) -> None:
    decision = decide(policy, extension, digits)
    wish = read_dialled(policy.preset, digits).wish
    if wish is Wish.HIDE:
        assert decision.kind not in (Kind.SHOW, Kind.SUBSTITUTE)
    if wish is Wish.SHOW:
        assert decision.kind is not Kind.SUBSTITUTE
        line = policy.line_by_extension.get(extension)
        if line is None or (line.outbound == HIDE and not line.allow_show):
            assert decision.kind is not Kind.SHOW


@given(st.data(), policies(), extensions)
def test_an_emergency_number_behind_any_codes_is_always_an_emergency(
    data: st.DataObject, policy: Policy, extension: str
) -> None:
    number = data.draw(st.sampled_from(policy.preset.emergency))
    codes = data.draw(code_prefixes(policy.preset))
    decision = decide(policy, extension, codes + number)
    assert decision.kind is Kind.EMERGENCY
    assert decision.shown == policy.emergency_callerid
    assert decision.number == number
    assert decision.dial == tuple(trunk.dial_string(number) for trunk in policy.trunks)


@given(
    policies(),
    extensions,
    st.text("0123456789\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669", min_size=1, max_size=3),
)
@example(
    Policy(PRESETS[0], "+12065550100", (Identity("office", "+12065550100"),), (), ()),
    "100",
    "\u0669\u0661\u0661",
)
def test_digits_of_other_scripts_are_no_digits(policy: Policy, extension: str, digits: str) -> None:
    decision = decide(policy, extension, digits)
    if not digits.isascii():
        assert decision.kind is Kind.REFUSE
    elif digits not in (*policy.preset.emergency, *policy.preset.services):
        assert decision.kind is not Kind.EMERGENCY


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


@given(dialled(), st.sampled_from([preset.country for preset in PRESETS]))
def test_e164_is_stable(digits: str, region: str) -> None:
    number = to_e164(digits, region)
    if number is not None:
        assert E164.fullmatch(number)
        assert to_e164(number, region) == number
        assert to_e164(number, "US") == number
