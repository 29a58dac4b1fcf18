"""`callveil explain`: says what would happen to a call, by the very code that decides calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option, read_settings, settings_option
from callveil.cli.problems import COULD_NOT_CHECK, exit_with_problems
from callveil.cli.unseen import read_unseen
from callveil.contacts.model import Contact, ContactsError
from callveil.decision import Decision, Kind, decide
from callveil.policy.load import PolicyError, load_policy
from callveil.policy.model import Policy
from callveil.wording import in_words
from callveil.world import facts_from_files

FROM_STDIN: Final = "-"


@click.command(epilog="Example: callveil explain --from 200 --dial '*6718005550123'")
@policy_option
@settings_option
@click.option("--from", "extension", required=True, metavar="EXT", help="The extension that calls.")
@click.option(
    "--dial",
    "digits",
    required=True,
    metavar="DIGITS",
    help="What it dials, with any codes, in quotes. With - it is read from standard input instead: a "
    "survivor's number belongs in no shell history and no process list.",
)
@click.option(
    "--at",
    "at",
    metavar="TIME",
    help="Decide for this moment instead of now, as 2027-01-31T22:30, by this machine's clock; or with an "
    "offset, as 2027-01-31T22:30-08:00.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
def explain(
    policy_path: Path,
    settings_path: Path | None,
    *,
    extension: str,
    digits: str,
    at: str | None,
    as_json: bool,
) -> None:
    """Say what the far end of a call would see, and by which rule.

    Nothing is dialled and nothing is kept, and the number dialled is not repeated. A call that would be
    refused is an answer like any other.
    """
    try:
        policy = load_policy(policy_path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)
    facts = facts_from_files(read_settings(settings_path), policy, _parse_moment(at) if at else None)
    asking = _Asking(facts.contact)
    dialled = read_unseen("Number to dial (not shown)") if digits == FROM_STDIN else digits
    decision = decide(policy, extension, dialled, replace(facts, contact=asking.contact))
    if asking.trouble:
        click.echo(f"Could not check. {asking.trouble}", err=True)
        raise SystemExit(COULD_NOT_CHECK)
    click.echo(_as_json(decision) if as_json else _as_text(decision, policy))


class _Asking:
    """Asks for contacts and remembers why one could not be asked for: a call is only told that it is refused.

    Args:
        ask: asks for the contact of a number.
    """

    def __init__(self, ask: Callable[[str], Contact | None]) -> None:
        self._ask = ask
        self.trouble = ""

    def contact(self, number: str) -> Contact | None:
        try:
            return self._ask(number)
        except ContactsError as error:
            self.trouble = str(error)
            raise


def _parse_moment(text: str) -> datetime:
    try:
        # One without an offset is by this machine's clock.
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter("write it as 2027-01-31T22:30.", param_hint="--at") from None


def _as_json(decision: Decision) -> str:
    return json.dumps(
        {
            "decision": decision.kind.value,
            "shown": decision.shown,
            "beneath": decision.beneath,
            "line": decision.line,
            "reason": decision.reason,
            "confirm": bool(decision.confirm),
            "again": bool(decision.again),
        }
    )


def _as_text(decision: Decision, policy: Policy) -> str:
    lines = [in_words(decision, policy), f"Line: {decision.line or 'none has this extension'}"]
    if decision.kind is not Kind.REFUSE:  # the words of a refusal are its reason
        lines.append(f"Why: {decision.reason}")
    if decision.prompt:
        lines.append("The telephone that calls hears a spoken message about it.")
    if decision.confirm:
        lines.append("Outside the hours agreed with this contact: staff must press 1 first.")
    if decision.again:
        names = {identity.number: f" ({identity.name})" for identity in policy.identities if identity.name}
        shown = f"{decision.beneath}{names.get(decision.beneath or '', '')}"
        lines.append(f"If the far end rejects hidden calls, staff may press 1 to call again showing {shown}.")
    return "\n".join(lines)
