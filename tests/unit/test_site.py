from __future__ import annotations

import re
from dataclasses import replace

import pytest
from callveil.policy.model import Preset
from callveil.settings import AgiSettings
from callveil.site import ask_daemon, ask_script, did_forms, emergency_extensions, render_site
from unit.policies import DESK, HOTLINE, US, program

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


def test_no_emergency_extension_is_a_pattern_or_stands_twice() -> None:
    lines = contexts(render_site(program(), ASK))["callveil-emergency"]
    names = [line.split(" => ")[1].split(",")[0] for line in lines if line.startswith("exten")]
    assert len(names) == len(set(names)) == len(emergency_extensions(program()))
    assert not [name for name in names if name.startswith("_")]


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
        elif "VEIL_MAY_SHOW" in line:
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
