"""`callveil purge --history`: removes what Asterisk kept of calls before Callveil."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from callveil.cli.problems import COULD_NOT_CHECK, FINDING, FINE, echo_json
from callveil.cli.unseen import at_terminal
from callveil.history.clear import clear, look
from callveil.history.machine import Machine
from callveil.history.model import Found, Outcome, State, counted
from callveil.history.places import OUT_OF_REACH, UnknownPlaceError, choose, still_written

HEADINGS: Final = ("PLACE", "WHAT", "HOW MANY", "WHERE")
_HERE: Final = Path("/")


def purge_history(
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    root: Path = _HERE,
    database: Path | None = None,
) -> None:
    """Show what Asterisk kept, and remove it once somebody has said so.

    Args:
        dry_run: show it, and change nothing.
        yes: do not ask.
        as_json: print one JSON object.
        only: names of places; the others are left alone.
        skip: names of places that are left alone.
        root: where the disk of the machine that runs Asterisk is.
        database: how to reach MySQL or MariaDB, as in my.cnf; else FreePBX's own file says it.

    Raises:
        SystemExit: with the command's exit code.
        click.UsageError: if it is not clear what to do; nothing was changed.
    """
    if dry_run and yes:
        raise click.UsageError("Give --dry-run or --yes, not both.")
    machine = Machine(root, database)
    try:
        places = choose(machine, only, skip)
    except UnknownPlaceError as error:
        raise click.UsageError(str(error)) from error
    if not (dry_run or yes or (at_terminal() and not as_json)):
        raise click.UsageError("Nothing was removed. Look with --dry-run first; then give --yes.")
    # First, because Asterisk writes a line into its log when it is asked.
    writing = still_written(machine, places)
    before = [] if yes and as_json else [look(place) for place in places]
    if not as_json:
        _print_found(before)
    if dry_run:
        _end(before, writing, as_json=as_json, removed=False)
    if not as_json and not any(outcome.found for outcome in before):
        _end(before, writing, as_json=as_json, removed=True)
    if not yes and click.prompt('\nThis cannot be undone. To remove it, type "yes"', default="no") != "yes":
        click.echo("Nothing was removed.")
        raise SystemExit(FINDING)
    _end([clear(place, only) for place in places], writing, as_json=as_json, removed=True)


def _end(outcomes: list[Outcome], writing: Mapping[str, str], *, as_json: bool, removed: bool) -> None:
    """Say how it stands, and end the command."""
    # A module may be loaded and write nothing, for want of settings: it matters where something was found.
    again = [
        f"{outcome.key}: Asterisk will write there again: {writing[outcome.key]}."
        for outcome in outcomes
        if outcome.found and outcome.key in writing
    ]
    if as_json:
        echo_json(
            {
                "ok": _exit_code(outcomes) == FINE,
                "places": [_as_data(outcome) for outcome in outcomes],
                "still_written": again,
                "out_of_reach": list(OUT_OF_REACH),
            }
        )
    else:
        _print_result(outcomes, removed=removed)
        for text in again:
            click.echo(text)
        if again:
            click.echo("The README says which of Asterisk's files to change, so that this ends.")
        click.echo("Not reached by this command:")
        for text in OUT_OF_REACH:
            click.echo(f"  - {text}")
        if not removed:
            click.echo("Nothing was changed.")
    raise SystemExit(_exit_code(outcomes))


def _exit_code(outcomes: Iterable[Outcome]) -> int:
    states = {outcome.state for outcome in outcomes}
    if states & {State.FOUND, State.LEFT}:
        return FINDING
    if State.UNSEEN in states or any(outcome.found.unseen for outcome in outcomes):
        return COULD_NOT_CHECK
    return FINE


def _print_found(outcomes: list[Outcome]) -> None:
    rows = [
        (outcome.key, outcome.title, in_numbers(outcome.found), ", ".join(outcome.found.where))
        for outcome in outcomes
        if outcome.found
    ]
    if not rows:
        click.echo("Nothing was found of calls before Callveil.")
        return
    widths = [max(len(cell) for cell in column) for column in zip(HEADINGS, *rows, strict=True)]
    for row in [HEADINGS, *rows]:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
    for outcome in outcomes:
        for note in outcome.found.notes:
            click.echo(f"{outcome.key}: {note}")


def in_numbers(found: Found) -> str:
    """Return how much was found, as ``3 files, 1,204 lines``."""
    return ", ".join(counted(number, what) for what, number in found.counts.items())


def _print_result(outcomes: list[Outcome], *, removed: bool) -> None:
    click.echo()
    for outcome in outcomes:
        if removed and outcome.state is State.REMOVED:
            click.echo(
                f"Removed: {outcome.key}, {in_numbers(outcome.found)}. {' '.join(outcome.notes)}".rstrip()
            )
        elif outcome.state is State.LEFT:
            click.echo(f"NOT removed: {outcome.key}, {in_numbers(outcome.found)}. {' '.join(outcome.why)}")
    for outcome in outcomes:
        if outcome.state is not State.LEFT:
            for why in outcome.why:
                click.echo(f"Could not check: {outcome.key}. {why}")


def _as_data(outcome: Outcome) -> dict[str, Any]:
    return {
        "place": outcome.key,
        "what": outcome.title,
        "state": outcome.state.value,
        "found": dict(outcome.found.counts),
        "where": list(outcome.found.where),
        "notes": [*outcome.found.notes, *outcome.notes],
        "why": list(outcome.why),
    }
