from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest
from callveil.dialled import emergency_number, substitute_codes
from callveil.policy.load import PolicyError
from callveil.policy.model import Policy, Preset
from callveil.presets import available_countries, load_preset
from callveil.settings import AgiSettings
from callveil.site import ask_daemon, ask_script, did_forms, emergency_extensions, render_site
from hypothesis import example, given
from hypothesis import strategies as st
from unit.policies import DESK, HOTLINE, US, program
from unit.policy_texts import GOOD, read

ASK = ask_daemon(AgiSettings())


def contexts(text: str) -> dict[str, list[str]]:
    """The lines of each context of a dialplan file, without comments."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if header := re.fullmatch(r"\[([a-z-]+)\]", line):
            found[header[1]] = []
        elif line and not line.startswith(";"):
            found[list(found)[-1]].append(line)
    return found


def test_every_emergency_number_is_dialled_on_every_trunk_in_order() -> None:
    lines = contexts(render_site(program(), ASK))["callveil-emergency"]
    for number in US.emergency:
        at = lines.index(f"exten => {number},1,Set(VEIL_DIALS=PJSIP/{number}@trunk|PJSIP/{number}@backup)")
        assert lines[at + 1] == " same => n,Goto(callveil-emergency-call,emergency,1)"


@pytest.mark.parametrize("codes", ["*67", "*82", "*67*82", "*82*67", "*67*67"])
def test_codes_in_front_of_an_emergency_number_lead_to_it(codes: str) -> None:
    lines = contexts(render_site(program(), ASK))["callveil-emergency"]
    assert f"exten => {codes}911,1,Goto(callveil-emergency,911,1)" in lines


def emergency_names(policy: Policy) -> dict[str, str]:
    """Every extension of the emergency context as the dialplan names it, and the number it leads to."""
    found: dict[str, str] = {}
    for line in contexts(render_site(policy, ASK))["callveil-emergency"]:
        if line.startswith("exten"):
            name, _, step = line.removeprefix("exten => ").split(",", 2)
            assert name not in found
            found[name] = step.split(",")[1] if step.startswith("Goto(callveil-emergency,") else name
    return found


def is_matched(name: str, dialled: str) -> bool:
    """Return what Asterisk finds: a name with `_` in front is a pattern, in which X is any digit."""
    if not name.startswith("_"):
        return name == dialled
    return re.fullmatch(re.escape(name[1:]).replace("X", "[0-9]"), dialled) is not None


def test_no_emergency_extension_stands_twice_and_patterns_leave_a_digit_open_only() -> None:
    names = emergency_names(program())
    assert len(names) == len(emergency_extensions(program()))
    for name in names:
        assert re.fullmatch(r"[0-9*#]+|_[0-9*#]*(?:\*68X[0-9*#]*){1,2}", name), name


@pytest.mark.parametrize("country", available_countries())
def test_every_way_to_dial_an_emergency_number_is_covered(country: str) -> None:
    preset = load_preset(country)
    names = emergency_names(program(preset=preset))
    exact = {name for name in names if not name.startswith("_")}
    patterns = [name for name in names if name not in exact]
    codes = ("", *preset.hide_codes, *preset.show_codes, *substitute_codes(preset), preset.substitute_code)
    for first, second, number in product(codes, codes, preset.emergency):
        dialled = first + second + number
        matching = {name for name in patterns if is_matched(name, dialled)} | ({dialled} & exact)
        assert {names[name] for name in matching} == {number}, dialled


@pytest.mark.parametrize("country", available_countries())
def test_nothing_else_is_an_emergency_call(country: str) -> None:
    preset = load_preset(country)
    for name, number in emergency_names(program(preset=preset)).items():
        bare = name.removeprefix("_")
        for first, last in product("059", "059"):
            dialled = bare.replace("X", first, 1).replace("X", last, 1)
            assert emergency_number(preset, dialled) == number, dialled


def test_without_a_substitute_code_no_emergency_extension_is_a_pattern() -> None:
    names = emergency_names(program(preset=replace(US, substitute_code="")))
    assert not [name for name in names if name.startswith("_") or "*68" in name]
    assert "*67911" in names


def test_codes_made_of_digits_work_too() -> None:
    preset = Preset("GB", ("141",), ("1470",), ("999", "112"))
    found = emergency_extensions(program(preset=preset))
    assert found["141999"] == "999"
    assert found["1470112"] == "112"
    assert found["999"] == "999"


def test_a_called_number_is_known_in_the_forms_that_carriers_send() -> None:
    assert did_forms("+18005550100") == ("+18005550100", "18005550100", "8005550100")
    assert did_forms("+442079460000") == ("+442079460000", "442079460000", "2079460000", "02079460000")


def test_a_flagged_line_is_never_shown_its_caller() -> None:
    careless = replace(HOTLINE, show_caller=True)
    lines = contexts(render_site(program(lines=(careless, DESK)), ASK))["callveil-dids"]
    shown: dict[str, str] = {}
    for line in lines:
        if line.startswith("exten"):
            number = line.split(" => ")[1].split(",")[0]
        elif "VEIL_TAKES_CALLER" in line:
            shown[number] = line.rsplit("=", 1)[1].rstrip(")")
    assert shown["+18005550100"] == shown["8005550100"] == "no"
    assert shown["+12065550100"] == "yes"


def test_a_line_rings_where_the_policy_says() -> None:
    lines = contexts(render_site(program(), ASK))["callveil-dids"]
    at = lines.index("exten => +18005550100,1,Set(VEIL_LINE=hotline)")
    assert lines[at + 1] == " same => n,Set(VEIL_RING=hotline-ring,s,1)"


def test_the_question_goes_to_the_daemon_or_to_a_script() -> None:
    assert "Set(VEIL_ASK_OUTBOUND=agi://127.0.0.1:4573/outbound)" in render_site(program(), ASK)
    script = render_site(program(), ask_script("/usr/local/bin/callveil-agi"))
    assert "Set(VEIL_ASK_INBOUND=/usr/local/bin/callveil-agi,inbound)" in script


def rejections(policy: Policy) -> list[str]:
    """The steps of the context that tells whether an answer means that no hidden calls are taken."""
    lines = contexts(render_site(policy, ASK))["callveil-rejections"]
    assert lines[0].startswith("exten => s,1,")
    assert all(line.startswith(" same => n") for line in lines[1:])
    return [re.sub(r"^(?:exten => s,1,| same => n,?)", "", line) for line in lines]


IS_CODE = re.compile(r'GotoIf\(\$\["\$\{VEIL_SAID\}" = "([456][0-9][0-9])"\]\?yes\)')
HAS_WORD = re.compile(r'GotoIf\(\$\{REGEX\("([a-z]{4,30})" \$\{VEIL_REASON\}\)\}\?yes\)')


def is_rejected(policy: Policy, code: str, reason: str) -> bool:
    """Return what the context makes of an answer, its reason in small letters as the dialplan has it."""
    *steps, no, yes = rejections(policy)
    assert (no, yes) == ("Return(no)", "(yes),Return(yes)")
    for step in steps:
        if match := IS_CODE.fullmatch(step):
            if code == match[1]:
                return True
        else:
            match = HAS_WORD.fullmatch(step)
            assert match, step
            if match[1] in reason:
                return True
    return False


@pytest.mark.parametrize(
    ("code", "reason", "rejected"),
    [
        ("433", "anonymity disallowed", True),
        ("433", "", True),
        ("403", "anonymous calls are not accepted", True),
        ("403", "forbidden", False),
        ("486", "busy here", False),
        ("480", "433", False),
    ],
)
def test_an_answer_that_means_no_hidden_calls_is_recognised(code: str, reason: str, rejected: bool) -> None:
    assert is_rejected(program(), code, reason) is rejected


def test_answers_of_the_policys_own_and_none_at_all() -> None:
    own = program(rejected=("699", "withheld"))
    assert is_rejected(own, "699", "")
    assert is_rejected(own, "403", "withheld number")
    assert not is_rejected(own, "433", "anonymity disallowed")
    assert rejections(program(rejected=())) == ["Return(no)", "(yes),Return(yes)"]


_HOSTILE = st.sampled_from(
    [
        '")',
        "}",
        "]?yes)",
        "${SHELL(id)}",
        "|",
        ".*",
        "\n same => n,System(id)",
        ";",
        "(?:",
        "[",
        "^$",
        "\\",
        ",",
    ]
)


@given(st.lists(st.text(max_size=4) | _HOSTILE | st.sampled_from(["433", "anonym"]), max_size=4).map("".join))
@example("anonym")
@example("604")
def test_nothing_that_a_policy_file_may_hold_breaks_out_of_the_rejections(text: str) -> None:
    quoted = "".join(f"\\U{ord(character):08x}" for character in text)
    try:
        policy = read(GOOD + f'rejected: ["{quoted}"]\n').policy
    except PolicyError:
        return
    assert is_rejected(policy, text, text)
    assert len(rejections(policy)) == 3
