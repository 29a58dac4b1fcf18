"""What is wrong with a file that an admin wrote: a list of places, each with a plain sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MAX_SHOWN: Final = 32
_MAX_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file.

    Attributes:
        file: the file, as the caller named it.
        line: counted from 1; 0 where the file as a whole is meant.
        column: counted from 1; 0 where the file as a whole is meant.
        text: what is wrong and what to do, in one or two sentences.
    """

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        if not self.line:
            return f"{self.file}: {self.text}"
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class ConfigError(Exception):
    """A file that cannot be used, with everything that is wrong with it.

    Attributes:
        problems: every mistake found, in the order of the file.
    """

    def __init__(self, problems: list[Problem]) -> None:
        ordered = sorted(set(problems), key=lambda problem: (problem.line, problem.column, problem.text))
        self.problems: tuple[Problem, ...] = tuple(ordered)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PolicyError(ConfigError):
    """A policy (or a country preset that it names) that cannot be used."""


class SettingsError(ConfigError):
    """Settings that cannot be used."""


def mention(text: str, otherwise: str) -> str:
    """Return `text` in quotes, or `otherwise` where it is long or might be somebody's phone number.

    Error messages end up in terminals, tickets and logs, so that only short words may be repeated in them.
    """
    digits = len(re.findall(r"\d", text))
    if not text or len(text) > _MAX_SHOWN or digits > _MAX_DIGITS or not text.isprintable():
        return otherwise
    return f'"{text}"'
