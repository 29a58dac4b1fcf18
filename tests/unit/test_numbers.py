from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from callveil.numbers import to_e164, without_formatting


@pytest.mark.parametrize(
    ("digits", "region", "expected"),
    [
        ("2065550123", "US", "+12065550123"),
        ("12065550123", "US", "+12065550123"),
        ("(206) 555-0123", "US", "+12065550123"),
        ("206.555.0123", "US", "+12065550123"),
        ("+1 206 555 0123", "GB", "+12065550123"),
        ("18005550100", "US", "+18005550100"),
        ("011442079460123", "US", "+442079460123"),
        ("00 1 206 555 0123", "GB", "+12065550123"),
        ("0012065550123", "NZ", "+12065550123"),
        ("0011 1 206 555 0123", "AU", "+12065550123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("+44 (0)20 7946 0123", "US", "+442079460123"),
        ("0412 345 678", "AU", "+61412345678"),
        ("030 123456", "DE", "+4930123456"),
        ("021 234 567", "NZ", "+6421234567"),
        ("+39 06 1234567", "US", "+39061234567"),
    ],
)
def test_every_usual_spelling_becomes_e164(digits: str, region: str, expected: str) -> None:
    assert to_e164(digits, region) == expected


@pytest.mark.parametrize("digits", ["5550123", "555-0123"])
def test_a_number_complete_only_within_its_area_cannot_be_called(digits: str) -> None:
    assert to_e164(digits, "US") is None


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "+",
        "0",
        "911",
        "+911",
        "1",
        "206555012",
        "206555012345",
        "+1206555012345678",
        "+0112065550123",
        "011",
        "1-800-FLOWERS",
        "2065550123x12",
        "2065550123;ext=12",
        "tel:+12065550123",
        "*672065550123",
        "2065550123#",
        "2065550123\n",
        "2065550123@trunk",
        "206+5550123",
        "++12065550123",
        "${EXTEN}",
        "206,555,0123",
        "\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
        "\uff12\uff10\uff16\uff15\uff15\uff15\uff10\uff11\uff12\uff13",
        "206555012³",
        "2065550123\x00",
        "\ud800",
        " " * 31 + "2065550123",
        "9" * 10_000,
    ],
)
def test_what_is_no_number_cannot_be_called(digits: str) -> None:
    assert to_e164(digits, "US") is None


def test_an_unknown_region_still_takes_international_spelling() -> None:
    assert to_e164("+12065550123", "XX") == "+12065550123"
    assert to_e164("2065550123", "XX") is None


def test_a_number_that_the_library_reads_differently_the_second_time_cannot_be_called() -> None:
    assert to_e164("0002065550123", "DE") is None


def test_never_longer_than_fifteen_digits() -> None:
    assert to_e164("+49" + "3" * 15, "DE") is None


def test_formatting_is_taken_off() -> None:
    assert without_formatting("(206)\t555-01.23 ") == "2065550123"


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    to_e164("2065550123", "US")
    to_e164("206555012345678901", "US")
    assert not caplog.records


def test_the_number_library_is_loaded_only_when_a_number_needs_it() -> None:
    program = (
        "import sys\n"
        "from callveil.policy.model import *\n"
        "from callveil.decision import decide\n"
        "preset = Preset('US', ('*67',), ('*82',), ('911',), ('411',))\n"
        "office = Identity('office', '+12065550100')\n"
        "policy = Policy(preset, '+12065550100', (office,), (), ())\n"
        "for digits in ('911', '*67911', '411', 'abc'):\n"
        "    decide(policy, '200', digits)\n"
        "assert 'phonenumbers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
