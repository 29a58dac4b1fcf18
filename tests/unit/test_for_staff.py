"""The page for staff says what telephones do: the codes of each country, and every prompt word by word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from callveil.policy.model import SUBSTITUTE_CODE
from callveil.presets import load_preset

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "for-staff.md").read_text(encoding="utf-8")

COUNTRIES: Final = {
    "US": "United States, Canada",
    "CA": "United States, Canada",
    "GB": "United Kingdom",
    "DE": "Germany",
    "AU": "Australia",
    "NZ": "New Zealand",
}


def test_every_country_is_there() -> None:
    assert {path.stem for path in (ROOT / "config" / "presets").glob("*.yaml")} == set(COUNTRIES)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_the_codes_are_those_of_the_preset(country: str) -> None:
    preset = load_preset(country)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {COUNTRIES[country]} |"))
    hide, show, other = ([*re.findall(r"`([^`]+)`", cell)] for cell in row.split("|")[2:5])
    assert tuple(hide) == preset.hide_codes
    assert tuple(show) == preset.show_codes
    assert other == [SUBSTITUTE_CODE]


def test_every_prompt_is_there_word_by_word_and_no_other() -> None:
    prompts = (ROOT / "dialplan" / "sounds" / "en" / "callveil" / "prompts.txt").read_text(encoding="utf-8")
    said = [line.split(": ", 1)[1] for line in prompts.splitlines()]
    assert sorted(re.findall(r'^\| "([^"]+)" \|', PAGE, re.MULTILINE)) == sorted(said)


def test_it_fits_on_one_side_of_paper() -> None:
    assert len(PAGE) < 4500


def test_the_time_to_press_a_key_is_the_dialplans() -> None:
    text = (ROOT / "dialplan" / "callveil-outbound.conf").read_text(encoding="utf-8")
    assert set(re.findall(r"Read\(VEIL_KEY,[^,]+,1,n,1,(\d+)\)", text)) == {"8"}
    assert "no key for eight seconds" in PAGE
