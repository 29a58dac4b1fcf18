"""`callveil explain`: says what would happen to a call, by the very code that decides calls."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option
from callveil.cli.problems import exit_with_problems
from callveil.decision import Decision, Kind, decide
from callveil.policy.load import PolicyError, load_policy
from callveil.policy.model import Policy
from callveil.wording import in_words

FROM_STDIN: Final = "-"
_MAX_READ: Final = 4096
"""Bytes read from standard input: more than any telephone dials, and an end to a file given by mistake."""


@click.command(epilog="Example: callveil explain --from 200 --dial '*6718005550123'")
@policy_option
@click.option("--from", "extension", required=True, metavar="EXT", help="The extension that calls.")
@click.option(
    "--dial",
    "digits",
    required=True,
    metavar="DIGITS",
    help="What it dials, with any codes, in quotes. With - it is read from standard input instead: a "
    "survivor's number belongs in no shell history and no process list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def explain(policy_path: Path, extension: str, digits: str, *, as_json: bool) -> None:
    """Say what the far end of a call would see, and by which rule.

    Nothing is dialled and nothing is kept, and the number dialled is not repeated. A call that would be
    refused is an answer like any other.
    """
    try:
        policy = load_policy(policy_path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)
    decision = decide(policy, extension, _read_digits() if digits == FROM_STDIN else digits)
    click.echo(_as_json(decision) if as_json else _as_text(decision, policy))


def _read_digits() -> str:
    if sys.stdin.isatty():
        # Typed unseen: a screen and its scrollback keep a number as well as a shell history does.
        typed: str = click.prompt("Number to dial (not shown)", hide_input=True, err=True)
        return typed
    return sys.stdin.buffer.readline(_MAX_READ).decode("utf-8", errors="replace").strip()


def _as_json(decision: Decision) -> str:
    return json.dumps(
        {
            "decision": decision.kind.value,
            "shown": decision.shown,
            "beneath": decision.beneath,
            "line": decision.line,
            "reason": decision.reason,
        }
    )


def _as_text(decision: Decision, policy: Policy) -> str:
    lines = [in_words(decision, policy), f"Line: {decision.line or 'none has this extension'}"]
    if decision.kind is not Kind.REFUSE:  # the words of a refusal are its reason
        lines.append(f"Why: {decision.reason}")
    if decision.prompt:
        lines.append("The telephone that calls hears a spoken message about it.")
    return "\n".join(lines)
