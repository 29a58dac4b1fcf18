from __future__ import annotations

from dataclasses import replace

import pytest
from callveil.dialled import Dialled, Wish, emergency_number, is_emergency, read_dialled, substitute_codes
from callveil.policy.model import Preset

US = Preset("US", ("*67",), ("*82",), ("911", "933", "988", "711"), ("411", "211"))
GB = Preset("GB", ("141",), ("1470",), ("999", "112"), ("116123",))
AU = Preset("AU", ("1831", "#31#"), ("1832", "*31#"), ("000", "112"))
NZ = Preset("NZ", ("0197",), ("0196",), ("111",))


@pytest.mark.parametrize(
    ("preset", "digits", "wish", "rest"),
    [
        (US, "2065550123", None, "2065550123"),
        (US, "*672065550123", Wish.HIDE, "2065550123"),
        (US, "*822065550123", Wish.SHOW, "2065550123"),
        (US, "*67+12065550123", Wish.HIDE, "+12065550123"),
        (US, "*67011442079460123", Wish.HIDE, "011442079460123"),
        (US, "*67 2065550123", Wish.HIDE, "2065550123"),
        (US, "*67,,2065550123", Wish.HIDE, "2065550123"),
        (US, "*67p2065550123", Wish.HIDE, "2065550123"),
        (US, "*67W;-(206) 555-0123", Wish.HIDE, "206) 555-0123"),
        (US, " *67 *67 2065550123 ", Wish.HIDE, "2065550123"),
        (US, "*67*822065550123", Wish.HIDE, "2065550123"),
        (US, "*82*672065550123", Wish.HIDE, "2065550123"),
        (US, "*82*82,*672065550123", Wish.HIDE, "2065550123"),
        (US, "*82,*822065550123", Wish.SHOW, "2065550123"),
        (US, "*67", Wish.HIDE, ""),
        (US, "*67,", Wish.HIDE, ""),
        (US, "*672", Wish.HIDE, "2"),
        (US, "*6", None, "*6"),
        (US, "*692065550123", None, "*692065550123"),
        (US, "20655*6750123", None, "20655*6750123"),
        (US, "1412065550123", None, "1412065550123"),
        (US, "*67411", Wish.HIDE, "411"),
        (US, "", None, ""),
        (GB, "14102079460123", Wish.HIDE, "02079460123"),
        (GB, "147002079460123", Wish.SHOW, "02079460123"),
        (GB, "14114702079460123", Wish.HIDE, "2079460123"),
        (GB, "147014102079460123", Wish.HIDE, "02079460123"),
        (GB, "141", None, "141"),
        (GB, "141,", None, "141"),
        (GB, "141141", Wish.HIDE, "141"),
        (GB, "1470", None, "1470"),
        (GB, "141116123", Wish.HIDE, "116123"),
        (AU, "18310412345678", Wish.HIDE, "0412345678"),
        (AU, "#31#0412345678", Wish.HIDE, "0412345678"),
        (AU, "*31#0412345678", Wish.SHOW, "0412345678"),
        (AU, "*31##31#0412345678", Wish.HIDE, "0412345678"),
        (NZ, "0197021234567", Wish.HIDE, "021234567"),
        (NZ, "0196021234567", Wish.SHOW, "021234567"),
        (NZ, "021970123", None, "021970123"),
    ],
)
def test_codes_become_a_wish(preset: Preset, digits: str, wish: Wish | None, rest: str) -> None:
    assert read_dialled(preset, digits) == Dialled(wish, rest)


@pytest.mark.parametrize(
    ("digits", "wish", "rest", "digit"),
    [
        ("*6832065550123", Wish.SUBSTITUTE, "2065550123", "3"),
        ("*680,2065550123", Wish.SUBSTITUTE, "2065550123", "0"),
        ("*683*684 2065550123", Wish.SUBSTITUTE, "2065550123", "3"),
        ("*683*822065550123", Wish.SUBSTITUTE, "2065550123", "3"),
        ("*82*683p2065550123", Wish.SUBSTITUTE, "2065550123", "3"),
        ("*683*672065550123", Wish.HIDE, "2065550123", ""),
        ("*67*6832065550123", Wish.HIDE, "2065550123", ""),
        ("*683", Wish.SUBSTITUTE, "", "3"),
        ("*68", None, "*68", ""),
        ("*68,3", None, "*68,3", ""),
        ("*68*32065550123", None, "*68*32065550123", ""),
        ("*68\u06632065550123", None, "*68\u06632065550123", ""),
    ],
)
def test_the_substitute_code_brings_a_digit(digits: str, wish: Wish | None, rest: str, digit: str) -> None:
    assert read_dialled(US, digits) == Dialled(wish, rest, digit)


def test_without_a_substitute_code_there_is_none() -> None:
    preset = replace(US, substitute_code="")
    assert substitute_codes(preset) == ()
    assert read_dialled(preset, "*6832065550123") == Dialled(None, "*6832065550123")


def test_the_longest_code_is_taken_first() -> None:
    preset = Preset("GB", ("14",), ("1470",), ("999",))
    assert read_dialled(preset, "147002079460123") == Dialled(Wish.SHOW, "02079460123")


def test_a_code_that_would_hide_and_show_hides() -> None:
    preset = Preset("PL", ("*31#",), ("*31#",), ("112",))
    assert read_dialled(preset, "*31#123456789").wish is Wish.HIDE


def test_a_short_number_is_not_taken_for_a_code() -> None:
    preset = Preset("GB", ("141",), (), ("999",), ("1411",))
    assert read_dialled(preset, "1411") == Dialled(None, "1411")


def test_an_empty_code_takes_nothing_off() -> None:
    preset = Preset("US", ("",), ("",), ("911",))
    assert read_dialled(preset, "2065550123") == Dialled(None, "2065550123")


@pytest.mark.parametrize(
    ("preset", "digits", "number"),
    [
        (US, "911", "911"),
        (US, "*67911", "911"),
        (US, "*82911", "911"),
        (US, "*67*82*67911", "911"),
        (US, "*67 911", "911"),
        (US, "*67,911", "911"),
        (US, "*67pw911", "911"),
        (US, " 911 ", "911"),
        (US, "911,", "911"),
        (US, "9-1-1", "911"),
        (US, "*67988", "988"),
        (US, "*68911", "911"),
        (US, "*683911", "911"),
        (US, "*689911", "911"),
        (US, "*68,3 911", "911"),
        (US, "*683*67*68911#", "911"),
        (AU, "*68000", "000"),
        (AU, "*680000", "000"),
        (US, "911#", "911"),
        (US, "*67 911 #", "911"),
        (AU, "#31#000#", "000"),
        (GB, "999", "999"),
        (GB, "141999", "999"),
        (GB, "1470112", "112"),
        (GB, "1411470,999", "999"),
        (AU, "000", "000"),
        (AU, "1831000", "000"),
        (AU, "#31#000", "000"),
        (NZ, "0197111", "111"),
    ],
)
def test_an_emergency_number_is_found_behind_any_codes(preset: Preset, digits: str, number: str) -> None:
    assert emergency_number(preset, digits) == number
    assert is_emergency(preset, digits)


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "*67",
        "91",
        "9111",
        "9110",
        "1911",
        "0911",
        "+911",
        "911911",
        "*679111",
        "*69911",
        "*6833911",
        "*6891",
        "68911",
        "*683",
        "67911",
        "911*67",
        "911##",
        "91#1",
        "#911",
        "2065550911",
        "\u0669\u0661\u0661",
        "\uff19\uff11\uff11",
        "*67\u0669\u0661\u0661",
        "911\n",
        "${911}",
    ],
)
def test_nothing_else_is_an_emergency_number(digits: str) -> None:
    assert not is_emergency(US, digits)


def test_every_reading_that_reaches_help_counts() -> None:
    # Longest code first alone would take 141 off and leave a 2.
    preset = Preset("GB", ("14", "141"), (), ("12",))
    assert is_emergency(preset, "1412")


def test_a_hostile_length_is_read_in_no_time() -> None:
    preset = Preset("GB", ("1", "11", "111"), (), ("999",))
    assert not is_emergency(preset, "1" * 50_000)
