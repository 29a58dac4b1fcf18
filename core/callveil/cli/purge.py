"""`callveil purge`: deletes what is kept no longer, and says what must not be deleted."""

from __future__ import annotations

from pathlib import Path

import click

from callveil.cli.options import policy_option, settings_option


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
    help="Delete what Asterisk kept before Callveil: logs, tables, old voicemail. First shows what; see --yes.",
)
@click.option("--yes", is_flag=True, help="With --history: delete, without asking.")
@click.option(
    "--only", metavar="KIND", multiple=True, help="With --history: only this kind; may be repeated."
)
@click.option("--skip", metavar="KIND", multiple=True, help="With --history: not this kind; may be repeated.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("/"),
    metavar="DIR",
    help="With --history: where the disk of the machine that runs Asterisk is mounted.",
)
@click.option(
    "--database",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="With --history: how to reach MySQL or MariaDB, as in my.cnf; else FreePBX's own file.",
)
@click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The record store; else the one that the settings name.",
)
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
    if history:
        from callveil.cli.purge_history import purge_history  # noqa: PLC0415 - rarely needed

        purge_history(
            dry_run=dry_run, yes=yes, as_json=as_json, only=only, skip=skip, root=root, database=database
        )
