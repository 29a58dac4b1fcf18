from __future__ import annotations

from pathlib import Path

import phonenumbers
import pytest
from callveil.data_files import DataFilesError, config_dir, data_dir, dialplan_dir
from callveil.policy.model import Preset
from callveil.policy.problems import PolicyError
from callveil.presets import available_countries, find_clashes, load_preset

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


def test_clashes_are_found() -> None:
    preset = Preset("XX", ("11",), ("1832", "183"), ("112",), ("1",))
    assert len(find_clashes(preset)) == 1 + 3


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
    ],
)
def test_bad_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    _presets(tmp_path, monkeypatch, text)
    with pytest.raises(PolicyError) as caught:
        load_preset("XX")
    assert said in str(caught.value)


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
