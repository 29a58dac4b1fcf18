from __future__ import annotations

from datetime import date

import pytest
from callveil.party import PartyKept, keep_party, limit_party, party_kind
from callveil.pseudonyms import Pseudonyms

NUMBER = "+12065550142"
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("kept", "number", "found"),
    [
        ("none", NUMBER, ""),
        ("full", NUMBER, NUMBER),
        ("full", "411", "411"),
        ("full", "", ""),
        ("full", "anonymous", ""),
        ("full", "+1206555014x", ""),
        ("full", "\u0661\u0662\u0663", ""),
        ("country", NUMBER, "US"),
        ("country", "+14165550142", "CA"),
        ("country", "+442079460142", "GB"),
        ("country", "411", ""),
        ("country", "+999123456789", ""),
        ("repeat", NUMBER, "~of desk"),
        ("repeat", "nobody", ""),
    ],
)
def test_what_is_kept_of_somebody(kept: PartyKept, number: str, found: str) -> None:
    assert keep_party(kept, "desk", number, lambda line, _: f"~of {line}") == found


def test_a_script_for_each_call_keeps_no_pseudonym() -> None:
    assert keep_party("repeat", "desk", NUMBER) == ""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "none"),
        ("US", "country"),
        ("us", None),
        ("~" + "0af3" * 8, "repeat"),
        ("~" + "0AF3" * 8, None),
        ("0af3" * 8, None),
        (NUMBER, "full"),
        ("411", "full"),
        ("2065550142", None),
        ("US\n", None),
    ],
)
def test_what_is_kept_is_told_apart_by_its_form(text: str, kind: PartyKept | None) -> None:
    assert party_kind(text) == kind


def test_only_what_the_line_keeps_stays() -> None:
    assert limit_party("US", "country") == "US"
    assert limit_party("US", "full") == ""
    assert limit_party(NUMBER, "country") == ""
    assert limit_party(NUMBER, "none") == ""


def test_the_same_number_has_the_same_pseudonym_on_a_line_and_day_and_another_elsewhere() -> None:
    pseudonyms = Pseudonyms()
    first = pseudonyms.of("desk", NUMBER, TODAY)
    assert pseudonyms.of("desk", NUMBER, TODAY) == first
    assert party_kind(first) == "repeat"
    others = {
        pseudonyms.of("desk", "+12065550143", TODAY),
        pseudonyms.of("clinic", NUMBER, TODAY),
        Pseudonyms().of("desk", NUMBER, TODAY),
        pseudonyms.of("desk", NUMBER, date(2026, 11, 25)),
        pseudonyms.of("desk", NUMBER, TODAY),  # the clock was set back: the key of that day is gone
    }
    assert len(others) == 5
    assert first not in others


def test_a_line_and_a_number_cannot_be_taken_for_another_pair() -> None:
    pseudonyms = Pseudonyms()
    assert pseudonyms.of("desk1", "2", TODAY) != pseudonyms.of("desk", "12", TODAY)
