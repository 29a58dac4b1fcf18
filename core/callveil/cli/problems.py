"""Prints what is wrong with a file, for every command alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import NoReturn

import click

from callveil.policy.problems import ConfigError, Problem

FINE = 0
FINDING = 1
BAD_INPUT = 2
COULD_NOT_CHECK = 3


def exit_with_problems(error: ConfigError, *, as_json: bool = False) -> NoReturn:
    """Print every problem and end the command: the input is bad, and nothing was changed.

    Args:
        error: what is wrong.
        as_json: print one JSON object on standard output, not lines on standard error.
    """
    if as_json:
        echo_json({"ok": False, "problems": as_data(error.problems)})
    else:
        for problem in error.problems:
            click.echo(str(problem), err=True)
    raise SystemExit(BAD_INPUT)


def as_data(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """Return problems as JSON writes them."""
    return [asdict(problem) for problem in problems]


def echo_json(data: object) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))
