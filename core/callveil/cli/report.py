"""`callveil report`: numbers of calls in a month, for a board or a funder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import settings_option
from callveil.cli.problems import BAD_INPUT, COULD_NOT_CHECK
from callveil.cli.store import ChosenStore, store_option
from callveil.report.as_csv import as_csv
from callveil.report.as_html import as_html
from callveil.report.as_json import as_json
from callveil.report.as_table import as_table
from callveil.report.month import Report, UnknownLineError, make_report, only
from callveil.report.words import RUNNING
from callveil.store.interface import Count, Month, StoreError
from callveil.whole_files import write_whole

FORMATS: Final[dict[str, Callable[[Report], str]]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
    "html": as_html,
}


def today() -> date:
    """Return the day it is, by this machine's clock."""
    return date.today()


def read_month(_: click.Context, __: click.Parameter, text: str) -> Month:
    """Return a month that is written as ``2026-10``.

    Raises:
        click.BadParameter: it is not, or the month has not begun.
    """
    try:
        month = Month.read(text)
    except ValueError:
        raise click.BadParameter("write it as 2026-10.") from None
    if month.first > today():
        raise click.BadParameter(f"{month} has not begun.")
    return month


@click.command(epilog="Example: callveil report --month 2026-10 --format html --output october.html")
@click.option("--month", required=True, callback=read_month, metavar="YYYY-MM", help="The month, as 2026-10.")
@click.option("--line", metavar="LINE", help="Only what the report says of this line.")
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    default="table",
    show_default=True,
    help="html is a page that stands by itself; csv is for spreadsheets.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write this file, whole or not at all, instead of printing.",
)
@store_option
@settings_option
def report(
    *,
    month: Month,
    line: str | None,
    form: str,
    output: Path | None,
    store_path: Path | None,
    settings_path: Path | None,
) -> None:
    """Say how many calls a month had: by line, direction, outcome and rough duration.

    The total is exact. Numbers from 1 to 10 below it are not shown, nor is what would give one of them back.
    """
    chosen = ChosenStore.of(store_path, settings_path)
    try:
        counts = asyncio.run(_count(chosen, month))
    except StoreError as error:
        click.echo(f"Could not check. {error}", err=True)
        raise SystemExit(COULD_NOT_CHECK) from error
    made = make_report(month, counts, today())
    if line is not None:
        try:
            made = only(made, line)
        except UnknownLineError as error:
            raise click.BadParameter(str(error), param_hint="--line") from error
    _deliver(FORMATS[form](made), output)
    if not made.over:
        click.echo(RUNNING, err=True)


async def _count(chosen: ChosenStore, month: Month) -> list[Count]:
    store = await chosen.open(read_only=True)
    try:
        return await store.counts(month)
    finally:
        await store.close()


def _deliver(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_whole(output, text)
    except OSError as error:
        click.echo(f"Not written: {output} cannot be used ({error.strerror}).", err=True)
        raise SystemExit(BAD_INPUT) from error
