"""`callveil records`: shows what is remembered of calls."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import settings_option
from callveil.cli.problems import COULD_NOT_CHECK, echo_json
from callveil.cli.records_in_words import LEGEND, in_words, needs_legend
from callveil.cli.store import ChosenStore, store_option
from callveil.record import Record
from callveil.store.interface import Month, StoreError

MOST: Final = 1000
"""Records that are shown unless it is said how many."""

_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records are shown.

    Attributes:
        line: of this line only.
        since: that began on this day or later.
        until: that began before this day.
        most: at most so many, the latest.
    """

    line: str | None = None
    since: date | None = None
    until: date | None = None
    most: int = MOST


@dataclass(slots=True)
class Found:
    """What was found.

    Attributes:
        records: in the order in which they are shown.
        more: whether there are earlier ones that are not shown.
    """

    records: list[Record] = field(default_factory=list)
    more: bool = False


@click.command(epilog="Example: callveil records --line hotline --month 2026-10")
@store_option
@settings_option
@click.option("--line", metavar="LINE", help="Only the records of this line.")
@click.option("--month", metavar="MONTH", help="Only those of a month, as 2026-10.")
@click.option("--day", metavar="DAY", help="Only those of a day, as 2026-10-03.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MOST,
    show_default=True,
    metavar="NUMBER",
    help="Show at most so many, the latest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def records(
    store_path: Path | None,
    settings_path: Path | None,
    line: str | None,
    month: str | None,
    day: str | None,
    *,
    most: int,
    as_json: bool,
) -> None:
    """Show what is remembered of calls: this is all of it.

    Within a day, or within the hour or second where a line keeps that, records stand in no order of time.
    Nobody can be searched for by number. Nothing is changed or created.
    """
    since, until = _period(month, day)
    chosen = ChosenStore.of(store_path, settings_path)
    try:
        found = asyncio.run(_read(chosen, Choice(line, since, until, most)))
    except StoreError as error:
        click.echo(f"Could not check. {error}", err=True)
        raise SystemExit(COULD_NOT_CHECK) from error
    if as_json:
        echo_json({"records": [_as_data(record) for record in found.records], "more": found.more})
        return
    if not found.records:
        click.echo(f"No records of line {line}." if line else "No records.")
        return
    _print_table(in_words(found.records))
    if needs_legend(found.records):
        click.echo(LEGEND)
    if found.more:
        click.echo(f"There are more, of the same days or earlier: these are the latest {most}. See --most.")


def _period(month: str | None, day: str | None) -> tuple[date | None, date | None]:
    """Return the first day that is asked for and the one after the last."""
    if month and day:
        raise click.UsageError("Give --month or --day, not both.")
    if month:
        try:
            asked = Month.read(month)
        except ValueError:
            raise click.UsageError("--month takes a month as 2026-10.") from None
        return asked.first, asked.after
    if day:
        try:
            first = date.fromisoformat(day) if _DAY.fullmatch(day) else None
        except ValueError:
            first = None
        if first is None:
            raise click.UsageError("--day takes a day as 2026-10-03.")
        return first, first + timedelta(days=1)
    return None, None


async def _read(chosen: ChosenStore, choice: Choice) -> Found:
    store = await chosen.open(read_only=True)
    try:
        rows = store.records(line=choice.line, since=choice.since, until=choice.until, most=choice.most + 1)
        found = [record async for record in rows]
    finally:
        await store.close()
    return Found(found[-choice.most :], more=len(found) > choice.most)


def _as_data(record: Record) -> dict[str, object]:
    queue = record.queue
    return {
        "day": record.day.isoformat(),
        "began": record.began,
        "line": record.line,
        "direction": record.direction,
        "decision": record.decision,
        "spoken": record.spoken,
        "disposition": record.disposition,
        "party": record.party or None,
        "queue": {"name": queue.name, "outcome": queue.outcome, "waited": queue.waited} if queue else None,
    }


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
