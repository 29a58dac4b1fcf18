"""`callveil purge`: deletes what is kept no longer, and says what must not be deleted."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option, settings_option
from callveil.cli.problems import exit_with_problems
from callveil.cli.store import ChosenStore, store_option
from callveil.policy.load import PolicyError, load_policy
from callveil.policy.model import Policy

ROOT: Final = Path("/")


@click.command(epilog="Example: callveil purge --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option(
    "--hold",
    "reason",
    metavar="REASON",
    help="Delete no records from now on, for a court or a lawyer; say why. Nothing more is kept than before.",
)
@click.option("--release", is_flag=True, help="Take a hold away; the next purge deletes again.")
@click.option("--line", metavar="LINE", help="Hold or release this line only, not all.")
@click.option("--holds", "list_holds", is_flag=True, help="List what is held, and why.")
@click.option(
    "--history",
    is_flag=True,
    help="Delete what Asterisk kept before Callveil: logs, tables, voicemail. Shows what first; see --yes.",
)
@click.option("--yes", is_flag=True, help="With --history: delete, without asking.")
@click.option(
    "--only", metavar="KIND", multiple=True, help="With --history: only this kind; may be repeated."
)
@click.option("--skip", metavar="KIND", multiple=True, help="With --history: not this kind; may be repeated.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT,
    metavar="DIR",
    help="With --history: where the disk of the machine that runs Asterisk is mounted.",
)
@click.option(
    "--database",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="With --history: how to reach MySQL or MariaDB, as in my.cnf; else FreePBX's own file.",
)
@store_option
@policy_option
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def purge(
    store_path: Path | None,
    policy_path: Path,
    settings_path: Path | None,
    *,
    dry_run: bool,
    reason: str | None,
    release: bool,
    line: str | None,
    list_holds: bool,
    history: bool,
    yes: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    root: Path,
    database: Path | None,
    as_json: bool,
) -> None:
    """Delete the records whose days are over, by each line's `keep`. Monthly counts stay.

    `callveil serve` does the same by itself every day.
    """
    modes = {
        "--hold": reason is not None,
        "--release": release,
        "--holds": list_holds,
        "--history": history,
    }
    asked = [name for name, given in modes.items() if given]
    if len(asked) > 1:
        raise click.UsageError(f"Give one of {' and '.join(asked)}.")
    mode = asked[0] if asked else ""
    _refuse_elsewhere(mode, ("", "--history"), {"--dry-run": dry_run})
    _refuse_elsewhere(mode, ("--hold", "--release"), {"--line": line})
    _refuse_elsewhere(
        mode,
        ("--history",),
        {"--yes": yes, "--only": only, "--skip": skip, "--root": root != ROOT, "--database": database},
    )
    chosen = ChosenStore.of(store_path, settings_path)
    from callveil.cli import holds  # noqa: PLC0415 - nor is any of these needed for --help

    today = date.today()
    if mode == "--holds":
        holds.list_holds(chosen, as_json=as_json)
    elif mode == "--release":
        holds.release_hold(chosen, line, as_json=as_json)
    elif mode == "--history":
        from callveil.cli.purge_history import purge_history  # noqa: PLC0415

        if not dry_run:
            holds.refuse_if_held(chosen)
        purge_history(
            dry_run=dry_run, yes=yes, as_json=as_json, only=only, skip=skip, root=root, database=database
        )
    elif reason is not None:
        policy = _read_policy(policy_path, as_json=as_json)
        holds.add_hold(chosen, policy, line, reason, today, as_json=as_json)
    else:
        from callveil.cli.purge_records import purge_records  # noqa: PLC0415

        policy = _read_policy(policy_path, as_json=as_json)
        journal = chosen.settings.journal
        raise SystemExit(purge_records(chosen, policy, journal, today, dry_run=dry_run, as_json=as_json))


def _refuse_elsewhere(mode: str, modes: tuple[str, ...], given: dict[str, object]) -> None:
    """Refuse options that mean nothing in a mode: somebody who gives them expects something else."""
    for option, value in given.items():
        if value and mode not in modes:
            belongs = " or ".join(name for name in modes if name)
            raise click.UsageError(f"{option} belongs to {belongs}.")


def _read_policy(path: Path, *, as_json: bool) -> Policy:
    try:
        return load_policy(path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)
