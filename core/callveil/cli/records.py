"""`callveil records`: shows what is remembered of calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import read_settings, settings_option
from callveil.cli.problems import COULD_NOT_CHECK, echo_json
from callveil.record import Record
from callveil.store.interface import StoreError

HEADINGS: Final = ("DAY", "LINE", "DIRECTION", "CALLER ID", "SPOKE FOR", "OUTCOME")

_DIRECTIONS: Final = {"in": "call in", "out": "call out"}
_DECISIONS: Final = {
    ("out", "emergency"): "Emergency number shown",
    ("out", "hide"): "Hidden",
    ("out", "show"): "Shown",
    ("out", "substitute"): "Substitute shown",
    ("out", "refuse"): "Refused",
    ("in", "scrub"): "Not kept",
    ("in", "show"): "Shown to the phones, not kept",
}
_SPOKEN: Final = {
    "0": "did not speak",
    "1-59s": "under 1 minute",
    "1-4min": "1 to 4 minutes",
    "5-14min": "5 to 14 minutes",
    "15-29min": "15 to 29 minutes",
    "30-59min": "30 to 59 minutes",
    "60min+": "1 hour or more",
}
_OUTCOMES: Final = {
    "ANSWERED": "answered",
    "NO ANSWER": "no answer",
    "BUSY": "busy",
    "FAILED": "failed",
    "CONGESTION": "network busy",
}


@click.command(epilog="Example: callveil records --line hotline")
@click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The record store; else the one that the settings name.",
)
@settings_option
@click.option("--line", metavar="LINE", help="Only the records of this line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def records(store_path: Path | None, settings_path: Path | None, line: str | None, *, as_json: bool) -> None:
    """Show what is remembered of calls: this is all of it.

    Within a day, records stand in no order of time. Nothing is changed or created.
    """
    if store_path and settings_path:
        raise click.UsageError("Give --store or --settings, not both.")
    path = store_path or read_settings(settings_path).store
    try:
        found = asyncio.run(_read(path, line))
    except StoreError as error:
        click.echo(f"Could not check. {error}", err=True)
        raise SystemExit(COULD_NOT_CHECK) from error
    if as_json:
        echo_json({"records": [_as_data(record) for record in found]})
    else:
        _print_table([in_words(record) for record in found])


async def _read(path: Path, line: str | None) -> list[Record]:
    from callveil.store.sqlite import SqliteStore  # noqa: PLC0415 - nor is it needed for --help

    store = await SqliteStore.open(path, read_only=True)
    try:
        return [record async for record in store.records(line=line)]
    finally:
        await store.close()


def in_words(record: Record) -> tuple[str, ...]:
    """Return a record in plain words, in the order of `HEADINGS`."""
    return (
        record.day.isoformat(),
        record.line,
        _DIRECTIONS.get(record.direction, record.direction),
        _DECISIONS.get((record.direction, record.decision), record.decision),
        _SPOKEN.get(record.spoken, record.spoken),
        _OUTCOMES.get(record.disposition, record.disposition.lower()),
    )


def _as_data(record: Record) -> dict[str, str]:
    return {
        "day": record.day.isoformat(),
        "began": record.began,
        "line": record.line,
        "direction": record.direction,
        "decision": record.decision,
        "spoken": record.spoken,
        "disposition": record.disposition,
        "party": record.party,
    }


def _print_table(rows: list[tuple[str, ...]]) -> None:
    if not rows:
        click.echo("No records.")
        return
    widths = [max(len(cell) for cell in column) for column in zip(HEADINGS, *rows, strict=True)]
    for row in [HEADINGS, *rows]:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
