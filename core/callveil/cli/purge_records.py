"""Deletes the records that are over, for `callveil purge`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import click

from callveil import journal_days
from callveil.cli.holds import as_data, describe
from callveil.cli.problems import COULD_NOT_CHECK, FINE, echo_json
from callveil.cli.store import ChosenStore
from callveil.policy.model import Policy
from callveil.retention import cutoffs
from callveil.store.interface import Cutoffs, Hold, Store, StoreError

_SETTLE_ATTEMPTS: Final = 10
_BETWEEN_ATTEMPTS: Final = 1.0  # seconds

IN_THE_JOURNAL: Final = (
    "The journal in {journal} still has records of days that are over. Start `callveil serve`, which brings"
    " them in within a minute, and give the command again. Nothing was deleted."
)
NOT_SETTLED: Final = (
    "The records are deleted, but the store's files may still tell of them, because another program is using"
    " them: {error} `callveil serve` tries again by itself; without it, give the command again."
)


@dataclass
class Outcome:
    """What a purge found and did.

    Attributes:
        lines: how many records of each line were deleted, or would be.
        holds: what is held.
        unsettled: why the store could not be settled; empty where it was.
    """

    lines: dict[str, int] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    unsettled: str = ""


def purge_records(
    chosen: ChosenStore, policy: Policy, journal: Path, today: date, *, dry_run: bool, as_json: bool
) -> int:
    """Delete what is over, say so, and return the exit code."""
    over = cutoffs(policy, today)
    try:
        outcome = asyncio.run(_look(chosen, over))
        if not dry_run:
            if outcome.lines and not journal_days.is_past(journal, over.latest):
                return _could_not(IN_THE_JOURNAL.format(journal=journal), as_json=as_json)
            outcome = asyncio.run(_delete(chosen, over, outcome))
    except StoreError as error:
        ending = "" if dry_run else " Not everything that is over was deleted."
        return _could_not(f"{error}{ending}", as_json=as_json)
    except OSError as error:
        text = f"The journal in {journal} cannot be read ({error.strerror}): run this as root."
        return _could_not(f"{text} Nothing was deleted.", as_json=as_json)
    if as_json:
        echo_json(
            {
                "ok": not outcome.unsettled,
                "today": today.isoformat(),
                "dry_run": dry_run,
                "lines": outcome.lines,
                "holds": as_data(outcome.holds),
                "problem": outcome.unsettled,
            }
        )
    else:
        for sentence in _sentences(outcome, policy, today, dry_run=dry_run):
            click.echo(sentence)
        if outcome.unsettled:
            click.echo(outcome.unsettled, err=True)
    return COULD_NOT_CHECK if outcome.unsettled else FINE


async def _look(chosen: ChosenStore, over: Cutoffs) -> Outcome:
    # Only to read: a store that does not exist is not made, and nobody who writes is kept waiting.
    store = await chosen.open(read_only=True)
    try:
        return Outcome(await store.due(over), await store.holds())
    finally:
        await store.close()


async def _delete(chosen: ChosenStore, over: Cutoffs, before: Outcome) -> Outcome:
    store = await chosen.open()
    try:
        while await store.purge(over):
            pass
        left = await store.due(over)
        deleted = {line: most - left.get(line, 0) for line, most in before.lines.items()}
        unsettled = await _settle(store)
        return Outcome(
            {line: number for line, number in deleted.items() if number > 0}, before.holds, unsettled
        )
    finally:
        await store.close()


async def _settle(store: Store) -> str:
    """Settle the store, and return why that could not be done, or nothing."""
    for attempt in range(_SETTLE_ATTEMPTS):
        try:
            await store.settle()
        except StoreError as error:
            problem = NOT_SETTLED.format(error=error)
            if attempt < _SETTLE_ATTEMPTS - 1:
                await asyncio.sleep(_BETWEEN_ATTEMPTS)
        else:
            return ""
    return problem


def _sentences(outcome: Outcome, policy: Policy, today: date, *, dry_run: bool) -> list[str]:
    lines = [f"Today is {today.isoformat()}."]
    for line, number in sorted(outcome.lines.items()):
        records = "1 record is" if number == 1 else f"{number} records are"
        name = line if line in policy.line_by_key else f"{line} (not a line of the policy)"
        ending = "over" if dry_run else "deleted; monthly counts stay"
        lines.append(f"{name}: {records} {ending}.")
    if not outcome.lines:
        lines.append(f"No records are over{', but for any that are held' if outcome.holds else ''}.")
    elif dry_run:
        lines.append("Nothing was deleted. Without --dry-run these records are; monthly counts stay.")
    return lines + [describe(hold) for hold in outcome.holds]


def _could_not(text: str, *, as_json: bool) -> int:
    if as_json:
        echo_json({"ok": False, "problem": text})
    else:
        click.echo(f"Could not check. {text}", err=True)
    return COULD_NOT_CHECK
