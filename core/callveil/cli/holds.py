"""Holds: what must not be deleted, for `callveil purge`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterable
from datetime import date
from typing import Any, Final, NoReturn, TypeVar

import click

from callveil.answer import UNLISTED_LINE
from callveil.cli.problems import BAD_INPUT, COULD_NOT_CHECK, echo_json
from callveil.cli.store import ChosenStore
from callveil.policy.model import Policy
from callveil.policy.problems import mention
from callveil.store.interface import ALL_LINES, Cutoffs, EarlierLayoutError, Hold, Store, StoreError

_MOST: Final = 200
_NUMBER: Final = re.compile(r"\+[0-9](?:[ ().-]*[0-9]){6}|[0-9](?:[ ().-]{0,2}[0-9]){9}")
_OTHERS: Final = (UNLISTED_LINE, "emergency")
"""What records name that belong to no line of a policy."""

_Result = TypeVar("_Result")


def describe(hold: Hold) -> str:
    """Return what a hold does, in a sentence."""
    return f"Held since {hold.since.isoformat()}, {_named(hold.line)}: {hold.reason}"


def as_data(holds: Iterable[Hold]) -> list[dict[str, object]]:
    """Return holds as JSON writes them; the line of a hold on all is null."""
    return [
        {"line": hold.line or None, "since": hold.since.isoformat(), "reason": hold.reason} for hold in holds
    ]


def add_hold(
    chosen: ChosenStore, policy: Policy, line: str | None, reason: str, today: date, *, as_json: bool
) -> None:
    """Hold a line, or all, and say so."""
    reason = _check_reason(reason)
    holds = _run(_add(chosen, policy, Hold(line or ALL_LINES, today, reason)))
    if as_json:
        echo_json({"ok": True, "holds": as_data(holds)})
        return
    again = f"callveil purge --release{f' --line {line}' if line else ''}"
    click.echo(f"Held, {_named(line)}: no records are deleted until you give `{again}`.")


def release_hold(chosen: ChosenStore, line: str | None, *, as_json: bool) -> None:
    """Take the hold of a line, or of all, away, and say so."""
    was_held, holds = _run(_release(chosen, line or ALL_LINES))
    if as_json:
        echo_json({"ok": True, "released": was_held, "holds": as_data(holds)})
        return
    click.echo(
        f"No longer held, {_named(line)}: the next purge deletes what is over."
        if was_held
        else f"There was no hold like that, {_named(line)}."
    )
    for hold in holds:
        click.echo(describe(hold))


def list_holds(chosen: ChosenStore, *, as_json: bool) -> None:
    """Say what is held."""
    holds = read_holds(chosen)
    if as_json:
        echo_json({"ok": True, "holds": as_data(holds)})
        return
    for sentence in [describe(hold) for hold in holds] or ["Nothing is held."]:
        click.echo(sentence)


def read_holds(chosen: ChosenStore) -> list[Hold]:
    """Return what is held; end the command if that cannot be known."""
    return _run(_read(chosen))


def refuse_if_held(chosen: ChosenStore) -> None:
    """End the command if anything is held: what Asterisk kept is not told apart by lines."""
    if chosen.is_missing():
        return
    if holds := read_holds(chosen):
        click.echo(
            "A hold stands, and what Asterisk kept may belong to it. Nothing was deleted. `callveil purge"
            " --history --dry-run` says what is there.",
            err=True,
        )
        for hold in holds:
            click.echo(describe(hold), err=True)
        raise SystemExit(BAD_INPUT)


async def _read(chosen: ChosenStore) -> list[Hold]:
    store = await chosen.open(read_only=True)
    try:
        return await store.holds()
    finally:
        await store.close()


async def _add(chosen: ChosenStore, policy: Policy, hold: Hold) -> list[Hold]:
    # A store that does not exist is not made. One of an earlier version can be held before `callveil serve`
    # has it, which deletes what is over as soon as it has brought it up to date.
    with contextlib.suppress(EarlierLayoutError):
        await _read(chosen)
    store = await chosen.open()
    try:
        if hold.line != ALL_LINES:
            await _check_line(store, policy, hold.line, await store.holds())
        await store.hold(hold)
        return await store.holds()
    finally:
        await store.close()


async def _check_line(store: Store, policy: Policy, line: str, holds: list[Hold]) -> None:
    # A line that the policy no longer has may still have records: all of them are due before the last day.
    of_records = await store.due(Cutoffs(others=date.max))
    known = dict.fromkeys(
        [*policy.line_by_key, *_OTHERS, *of_records, *(hold.line for hold in holds if hold.line != ALL_LINES)]
    )
    if line not in known:
        _refuse(f"{mention(line, 'This')} is no line. Known are: {', '.join(known)}.")


async def _release(chosen: ChosenStore, line: str) -> tuple[bool, list[Hold]]:
    await _read(chosen)
    store = await chosen.open()
    try:
        return await store.release(line), await store.holds()
    finally:
        await store.close()


def _check_reason(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason:
        _refuse("Say why, in a few words: who has asked for it, and when.")
    if len(reason) > _MOST or not reason.isprintable():
        _refuse(f"The reason must be one line of at most {_MOST} characters.")
    if _NUMBER.search(reason):
        _refuse("The reason looks as if a telephone number were in it. Write it without.")
    return reason


def _named(line: str | None) -> str:
    return f"line {line}" if line else "all lines"


def _refuse(sentence: str) -> NoReturn:
    click.echo(f"{sentence} Nothing was changed.", err=True)
    raise SystemExit(BAD_INPUT)


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    try:
        return asyncio.run(work)
    except StoreError as error:
        click.echo(f"Could not check. {error}", err=True)
        raise SystemExit(COULD_NOT_CHECK) from error
