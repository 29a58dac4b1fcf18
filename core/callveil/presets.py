"""What each country's telephones do, from ``config/presets/``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import phonenumbers
from pydantic import AfterValidator, Field

from callveil.data_files import DataFilesError, config_dir
from callveil.policy.fields import fault
from callveil.policy.model import Preset
from callveil.policy.problems import PolicyError, Problem
from callveil.policy.schema import Part
from callveil.policy.sentences import validate
from callveil.policy.source import SourceError, read_source
from callveil.policy.tree import Tree, parse_tree

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_CODE: Final = re.compile(r"[0-9*#]{2,8}")
_SHORT: Final = re.compile(r"[0-9]{2,8}")
_PREFIX: Final = re.compile(r"\+[0-9]{3,12}")
_MIN_NATIONAL: Final = 3
"""Digits after the country code: with fewer, ordinary numbers would pass for toll-free ones."""


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise fault('Write a dial code in digits, * and #, as "*67".')
    return text


def _short(text: str) -> str:
    if not _SHORT.fullmatch(text):
        raise fault('Write a short number in digits, as "911".')
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise fault('Write how these numbers begin with + and the country code, as "+1800".')
    return text


CodeText = Annotated[str, AfterValidator(_code)]
ShortText = Annotated[str, AfterValidator(_short)]
PrefixText = Annotated[str, AfterValidator(_prefix)]


class PresetPart(Part):
    """A preset file."""

    hide_codes: Annotated[list[CodeText], Field(min_length=1)]
    show_codes: Annotated[list[CodeText], Field(min_length=1)]
    emergency: Annotated[list[ShortText], Field(min_length=1)]
    services: list[ShortText] = Field(default_factory=list)
    toll_free: list[PrefixText] = Field(default_factory=list)


def available_countries() -> tuple[str, ...]:
    """Return the countries that have a preset, in alphabetical order.

    Raises:
        PolicyError: if the presets are nowhere.
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml") if _COUNTRY.fullmatch(path.stem)))


def load_preset(country: str) -> Preset:
    """Return the preset of a country.

    Args:
        country: one of `available_countries`.

    Raises:
        PolicyError: if it is missing or says something that cannot work.
    """
    if not _COUNTRY.fullmatch(country):
        raise ValueError("a country is two capital letters")
    path = _folder() / f"{country}.yaml"
    try:
        tree = parse_tree(read_source(path))
    except SourceError as error:
        raise PolicyError([error.problem]) from None
    part = validate(PresetPart, tree)
    _check_toll_free(tree, country)
    problems = [Problem(str(path), flaw.mark.line, flaw.mark.column, flaw.text) for flaw in tree.flaws]
    if part is None or problems:
        raise PolicyError(problems)
    preset = Preset(
        country,
        tuple(part.hide_codes),
        tuple(part.show_codes),
        tuple(part.emergency),
        tuple(part.services),
        tuple(part.toll_free),
    )
    # The substitute code is the policy's, and checked there.
    clashes = find_clashes(replace(preset, substitute_code=""))
    if clashes:
        raise PolicyError([Problem(str(path), 1, 1, clash) for clash in clashes])
    return preset


def alike(preset: Preset, code: str) -> list[str]:
    """Return the codes and short numbers of a preset that begin with a code, or that it begins with."""
    known = (
        *preset.hide_codes,
        *preset.show_codes,
        *filter(None, (preset.substitute_code,)),
        *preset.emergency,
        *preset.services,
    )
    return [other for other in known if other.startswith(code) or code.startswith(other)]


def _check_toll_free(tree: Tree, country: str) -> None:
    code = f"+{phonenumbers.country_code_for_region(country)}"
    for path, prefix in tree.texts(("toll_free",)):
        if not prefix.startswith(code) or len(prefix) - len(code) < _MIN_NATIONAL:
            tree.add(
                tree.value_mark(path),
                f"Toll-free numbers of this country begin with {code} and at least 3 digits more. "
                "Write them so, with the plus sign.",
            )


def find_clashes(preset: Preset) -> list[str]:
    """Return a sentence for each two entries of a preset that a dialplan could not tell apart.

    A code that begins an emergency number would swallow its first digits; an emergency number that begins a
    code would place an emergency call when somebody dials the code.
    """
    codes = [*preset.hide_codes, *preset.show_codes]
    shorts = [*preset.emergency, *preset.services]
    clashes = [
        f'The code "{code}" and the number "{short}" begin alike. Take one of them away.'
        for code in codes
        for short in shorts
        if code.startswith(short) or short.startswith(code)
    ]
    clashes += [
        f'The substitute code "{preset.substitute_code}" and "{other}" begin alike. Take one of them away.'
        for other in alike(replace(preset, substitute_code=""), preset.substitute_code)
        if preset.substitute_code
    ]
    clashes += [
        f'The codes "{hide}" and "{show}" begin alike. Take one of them away.'
        for hide in preset.hide_codes
        for show in preset.show_codes
        if hide.startswith(show) or show.startswith(hide)
    ]
    return clashes


def _folder() -> Path:
    try:
        return config_dir() / "presets"
    except DataFilesError as error:
        raise PolicyError([Problem("presets", 0, 0, str(error))]) from None
