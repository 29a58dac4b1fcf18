from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import phonenumbers
import pytest
from callveil.data_files import DataFilesError, config_dir, data_dir, dialplan_dir
from callveil.policy.model import SUBSTITUTE_CODE, Preset
from callveil.policy.problems import PolicyError
from callveil.presets import alike, available_countries, find_clashes, load_preset
from unit.policy_texts import GOOD, complaints

COUNTRIES = ("AU", "CA", "DE", "GB", "NZ", "US")


def test_countries() -> None:
    assert available_countries() == COUNTRIES


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_code_begins_like_an_emergency_number(country: str) -> None:
    preset = load_preset(country)
    assert preset.country == country
    for code in (*preset.hide_codes, *preset.show_codes):
        for number in (*preset.emergency, *preset.services):
            assert not code.startswith(number)
            assert not number.startswith(code)
    assert find_clashes(preset) == []


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_emergency_number_is_no_service_and_stands_once(country: str) -> None:
    preset = load_preset(country)
    numbers = preset.emergency + preset.services
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_emergency_number_that_the_numbering_plan_names_is_there(country: str) -> None:
    named = [f"{n:03}" for n in range(1000) if phonenumbers.is_emergency_number(f"{n:03}", country)]
    assert set(named) <= set(load_preset(country).emergency)


@pytest.mark.parametrize(
    ("country", "hide", "show", "emergency"),
    [
        ("US", "*67", "*82", "933"),
        ("CA", "*67", "*82", "988"),
        ("GB", "141", "1470", "18000"),
        ("AU", "1831", "1832", "106"),
        ("AU", "#31#", "*31#", "000"),
        ("DE", "*31#", "#31#", "110"),
        ("NZ", "0197", "0196", "111"),
    ],
)
def test_codes(country: str, hide: str, show: str, emergency: str) -> None:
    preset = load_preset(country)
    assert hide in preset.hide_codes
    assert show in preset.show_codes
    assert emergency in preset.emergency


@pytest.mark.parametrize("country", COUNTRIES)
def test_toll_free_numbers_are_known(country: str) -> None:
    toll_free = load_preset(country).toll_free
    number = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.TOLL_FREE)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert e164.startswith(toll_free)
    assert len(set(toll_free)) == len(toll_free)


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_ordinary_number_is_taken_for_a_toll_free_one(country: str) -> None:
    for prefix in load_preset(country).toll_free:
        tails = ("2345678", "123", "000123", "234567", "0001234")
        numbers = [phonenumbers.parse(prefix + tail) for tail in tails]
        kinds = {phonenumbers.number_type(number) for number in numbers}
        kinds.discard(phonenumbers.PhoneNumberType.UNKNOWN)
        assert kinds == {phonenumbers.PhoneNumberType.TOLL_FREE}, prefix


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_substitute_code_begins_like_nothing_else(country: str) -> None:
    preset = load_preset(country)
    assert preset.substitute_code == SUBSTITUTE_CODE == "*68"
    assert alike(replace(preset, substitute_code=""), "*68") == []


def test_clashes_are_found() -> None:
    preset = Preset("XX", ("11",), ("1832", "183"), ("112",), ("1",))
    assert len(find_clashes(preset)) == 1 + 3


@pytest.mark.parametrize(
    ("code", "clashes"), [("", 0), ("*68", 0), ("*6", 1), ("*671", 1), ("11", 1), ("9", 1), ("1832", 1)]
)
def test_clashes_of_the_substitute_code_are_found(code: str, clashes: int) -> None:
    found = find_clashes(Preset("XX", ("*67",), ("1832",), ("911",), ("112",), substitute_code=code))
    assert len(found) == clashes
    assert all(f'The substitute code "{code}" and "' in clash for clash in found)


def test_whatever_a_code_is_alike_to_is_named() -> None:
    preset = Preset("XX", ("*67",), ("*82",), ("911",), ("*6",))
    assert alike(preset, "*68") == ["*68", "*6"]
    assert alike(preset, "*") == ["*67", "*82", "*68", "*6"]
    assert alike(preset, "7") == []


def _presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "XX.yaml").write_text(text)
    (folder / "notes.yaml").write_text("not a preset")
    monkeypatch.setenv("CALLVEIL_DATA", str(tmp_path))


def test_preset_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _presets(tmp_path, monkeypatch, 'hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: ["112"]\n')
    assert available_countries() == ("XX",)
    assert load_preset("XX") == Preset("XX", ("*1",), ("*2",), ("112",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: [112]\n', "XX.yaml:3:13: Put this item"),
        (
            'hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: ["+112"]\n',
            "XX.yaml:3:13: Write a short number",
        ),
        ('hide_codes: ["x"]\nshow_codes: ["*2"]\nemergency: ["112"]\n', "XX.yaml:1:14: Write a dial code"),
        ('hide_codes: ["11"]\nshow_codes: ["*2"]\nemergency: ["112"]\n', "begin alike"),
        ('hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: []\n', "at least one entry"),
        (
            'hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: ["112"]\ntoll_free: ["1800"]\n',
            "XX.yaml:4:13: Write how these numbers begin",
        ),
        (
            'hide_codes: ["*1"]\nshow_codes: ["*2"]\nemergency: ["112"]\ntoll_free: ["+18*"]\n',
            "XX.yaml:4:13: Write how these numbers begin",
        ),
    ],
)
def test_bad_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    _presets(tmp_path, monkeypatch, text)
    with pytest.raises(PolicyError) as caught:
        load_preset("XX")
    assert said in str(caught.value)


@pytest.mark.parametrize(("prefix", "fine"), [("+49800", True), ("+44800", False), ("+4980", False)])
def test_toll_free_numbers_are_those_of_the_country(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, fine: bool
) -> None:
    text = (config_dir() / "presets" / "DE.yaml").read_text().replace("+49800", prefix)
    _presets(tmp_path, monkeypatch, None)
    (tmp_path / "config" / "presets" / "DE.yaml").write_text(text)
    if fine:
        assert load_preset("DE").toll_free == (prefix,)
        return
    with pytest.raises(PolicyError) as caught:
        load_preset("DE")
    (problem,) = caught.value.problems
    assert problem.text == (
        "Toll-free numbers of this country begin with +49 and at least 3 digits more. Write them so, with "
        "the plus sign."
    )
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith(f'"{prefix}"')


def test_a_code_of_the_preset_may_be_the_usual_substitute_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy of that country names another one then, or none."""
    _presets(tmp_path, monkeypatch, 'hide_codes: ["*6"]\nshow_codes: ["*2"]\nemergency: ["112"]\n')
    assert load_preset("XX").hide_codes == ("*6",)
    policy = GOOD.replace("country: US", "country: XX")
    (found,) = complaints(policy)
    assert found.startswith('policy.yaml:2:10: The substitute code "*68" begins like "*6", which')
    assert complaints(policy + 'substitute_code: "*7"\n') == []
    assert complaints(policy + 'substitute_code: ""\n') == []


def test_preset_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _presets(tmp_path, monkeypatch, None)
    with pytest.raises(PolicyError, match="There is no such file"):
        load_preset("XX")


@pytest.mark.parametrize("country", ["../US", "us", "", "USA"])
def test_names_that_are_no_country(country: str) -> None:
    with pytest.raises(ValueError, match="two capital letters"):
        load_preset(country)


def test_data_of_this_checkout() -> None:
    assert config_dir() == data_dir() / "config"
    assert dialplan_dir().is_dir()


def test_data_variable_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLVEIL_DATA", str(tmp_path))
    with pytest.raises(DataFilesError):
        data_dir()


def test_data_of_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import callveil.data_files

    installed = tmp_path / "share" / "callveil"
    (installed / "config" / "presets").mkdir(parents=True)
    monkeypatch.delenv("CALLVEIL_DATA", raising=False)
    monkeypatch.setattr(callveil.data_files, "__file__", str(tmp_path / "lib" / "site" / "callveil" / "x.py"))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert data_dir() == installed


def test_data_that_is_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLVEIL_DATA", raising=False)
    monkeypatch.setattr("callveil.data_files._candidates", lambda: (tmp_path,))
    with pytest.raises(DataFilesError, match="missing"):
        data_dir()
