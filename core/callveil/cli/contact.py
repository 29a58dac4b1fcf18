"""`callveil contact`: keeps what is agreed with single people, without keeping their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from callveil.cli.options import policy_option, read_settings, settings_option
from callveil.cli.problems import BAD_INPUT, COULD_NOT_CHECK, echo_json, exit_with_problems
from callveil.cli.unseen import at_terminal, read_unseen
from callveil.contacts.hours_text import HoursError, parse_hours, write_hours
from callveil.contacts.model import Contact, ContactsError, Hours
from callveil.dialled import emergency_number
from callveil.numbers import to_e164, without_formatting
from callveil.policy.load import PolicyError, load_policy
from callveil.policy.model import HIDE, NEUTRAL, Policy, Preset
from callveil.policy.problems import mention
from callveil.settings import Settings

NOTHING_AGREED: Final = "Nothing is agreed with this number."
NUMBER_IN_VIEW: Final = (
    "A number must not stand on the command line. It now stands in the history of your shell, and others "
    "could see it in the list of processes: delete it from the history. Then give the command without it; "
    "it asks for the number."
)
_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d")
_MAX_DAYS: Final = 3650
_MANY_DIGITS: Final = 5
_MAX_HOURS: Final = 20

_NO_WORDS: Final = {"ignore_unknown_options": True}
"""So that an unknown option comes to the checks here; click would repeat it, and it may be a number."""


def _has_many_digits(text: str) -> bool:
    return sum(sign.isdigit() for sign in text) >= _MANY_DIGITS


class ContactGroup(click.Group):
    """A group that does not repeat a number that was given where a command belongs."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names."""
        if args and _has_many_digits(args[0]):
            ctx.fail(NUMBER_IN_VIEW)
        return super().resolve_command(ctx, args)


@click.group(
    cls=ContactGroup,
    context_settings=_NO_WORDS,
    epilog="Example: callveil contact add --outbound hide --expires 90d",
)
def contact() -> None:
    """Keep what is agreed with single people, without keeping their numbers.

    The number is typed unseen, or read from one line of standard input. What is kept is a keyed hash of it
    and the rule. Calls obey at once.
    """


def _refuse_words(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> None:
    """Refuse whatever stands behind the options; what looks like a number is not repeated."""
    if any(_has_many_digits(word) for word in words):
        ctx.fail(NUMBER_IN_VIEW)
    if words:
        ctx.fail(f"{mention(words[0], 'One of the words')} has no meaning here. See --help.")


def _shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every one of the commands takes."""
    words: Any = click.argument(
        "words", nargs=-1, type=click.UNPROCESSED, metavar="", expose_value=False, callback=_refuse_words
    )
    return policy_option(settings_option(words(command)))  # type: ignore[no-any-return]


@contact.command(
    context_settings=_NO_WORDS,
    epilog='Example: callveil contact add --outbound hide --hours "mon-fri 09:00-17:00" '
    "--zone America/Los_Angeles --expires 90d",
)
@_shared_options
@click.option(
    "--outbound",
    metavar="RULE",
    default="",
    help="What calls to this person show: hide, neutral (the number that stands beneath hidden calls, for a "
    "telephone that rejects these), or the name of an identity or a pool of the policy.",
)
@click.option(
    "--hours",
    "hours_texts",
    metavar="HOURS",
    multiple=True,
    help='When the person may be called, as "mon-fri 09:00-17:00"; may be given several times. Outside, '
    "staff must press 1 first.",
)
@click.option("--zone", metavar="ZONE", default="", help="Time zone of the hours, as America/Los_Angeles.")
@click.option(
    "--expires", metavar="WHEN", help="When all this is forgotten: 90d, or the last day, 2027-01-31."
)
def add(
    policy_path: Path,
    settings_path: Path | None,
    *,
    outbound: str,
    hours_texts: tuple[str, ...],
    zone: str,
    expires: str | None,
) -> None:
    """Keep what is agreed with a person, in place of anything that was agreed before."""
    policy, settings = _read_files(policy_path, settings_path)
    if not outbound and not hours_texts:
        raise click.UsageError("Say what is agreed: --outbound, --hours, or both.")
    if zone and not hours_texts:
        raise click.UsageError("--zone belongs to --hours.")
    hours = _parse_hours(hours_texts)
    agreed = Contact(
        outbound=_check_outbound(outbound, policy),
        hours=hours,
        zone=_find_zone(zone) if hours else "",
        expires=_parse_expires(expires, date.today()) if expires else None,
    )
    number = _read_number(policy.preset, "Number (not shown)")
    if at_terminal() and _read_number(policy.preset, "Once more") != number:
        _refuse("These were two different numbers.")
    from callveil.contacts.change import forget_expired, keep  # noqa: PLC0415 - SQLite, not for --help
    from callveil.contacts.words import in_words  # noqa: PLC0415

    try:
        # First, so that a rule whose time is over is not said to have been replaced.
        forget_expired(settings.contacts, date.today())
        replaced = keep(settings.contacts, settings.contacts_key, number, agreed)
    except ContactsError as error:
        _fail(f"Nothing was changed. {error}")
    begin = "Kept, in place of what was agreed before." if replaced else "Kept."
    click.echo(f"{begin} {in_words(agreed, policy)}")


@contact.command(context_settings=_NO_WORDS, epilog="Example: callveil contact show --json")
@_shared_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(policy_path: Path, settings_path: Path | None, *, as_json: bool) -> None:
    """Show what is agreed with a person."""
    policy, settings = _read_files(policy_path, settings_path, as_json=as_json)
    number = _read_number(policy.preset, "Number (not shown)")
    from callveil.contacts.book import ContactBook  # noqa: PLC0415
    from callveil.contacts.words import in_words  # noqa: PLC0415

    book = ContactBook(settings.contacts, settings.contacts_key)
    try:
        found = book.contact(number, date.today())
    except ContactsError as error:
        _fail(f"Could not check. {error}")
    finally:
        book.close()
    _forget_quietly(settings)
    if as_json:
        echo_json(_as_data(found))
    else:
        click.echo(in_words(found, policy) if found else NOTHING_AGREED)


@contact.command(context_settings=_NO_WORDS, epilog="Example: callveil contact remove")
@_shared_options
def remove(policy_path: Path, settings_path: Path | None) -> None:
    """Forget what is agreed with a person."""
    policy, settings = _read_files(policy_path, settings_path)
    number = _read_number(policy.preset, "Number (not shown)")
    from callveil.contacts import change  # noqa: PLC0415

    try:
        change.forget_expired(settings.contacts, date.today())
        removed = change.remove(settings.contacts, settings.contacts_key, number)
    except ContactsError as error:
        _fail(f"Nothing was changed. {error}")
    click.echo("Forgotten." if removed else NOTHING_AGREED)


def _refuse(sentence: str) -> NoReturn:
    click.echo(f"{sentence} Nothing was changed.", err=True)
    raise SystemExit(BAD_INPUT)


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    raise SystemExit(COULD_NOT_CHECK)


def _read_files(
    policy_path: Path, settings_path: Path | None, *, as_json: bool = False
) -> tuple[Policy, Settings]:
    try:
        return load_policy(policy_path), read_settings(settings_path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)


def _read_number(preset: Preset, question: str) -> str:
    """Return the number that is typed or piped in, in the spelling that a call to it has."""
    text = read_unseen(question)
    if emergency_number(preset, text) is not None:
        _refuse("This is an emergency number. Calls to it always show the registered number.")
    if without_formatting(text) in preset.services:
        _refuse("This is a service number, not a person's.")
    number = to_e164(text, preset.country)
    if number is None:
        _refuse("This is no telephone number that can be called. Give it alone, without any code in front.")
    return number


def _check_outbound(rule: str, policy: Policy) -> str:
    known = [HIDE, NEUTRAL, *policy.identity_by_key, *policy.pool_by_key]
    if rule and rule not in known:
        _refuse(f"--outbound must be one of these: {', '.join(known)}.")
    return rule


def _parse_hours(texts: tuple[str, ...]) -> tuple[Hours, ...]:
    if len(texts) > _MAX_HOURS:
        _refuse(f"More than {_MAX_HOURS} hours are too many to keep in mind.")
    try:
        return tuple(parse_hours(text) for text in texts)
    except HoursError as error:
        _refuse(str(error))


def _parse_expires(text: str, today: date) -> date:
    match = _DAYS.fullmatch(text)
    if match:
        days = int(match[1])
        if days > _MAX_DAYS:
            _refuse("--expires takes 1 to 3650 days.")
        return today + timedelta(days=days)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        _refuse("--expires takes a number of days, as 90d, or the last day, as 2027-01-31.")
    if day < today:
        _refuse("The last day is over already.")
    return day


def _find_zone(name: str) -> str:
    """Return the name of a time zone that exists: the one named, else this machine's."""
    from callveil.contacts.zone import is_zone, machine_zone  # noqa: PLC0415

    if name and not is_zone(name):
        _refuse("No time zone has this name. Write --zone as America/Los_Angeles.")
    found = name or machine_zone()
    if not found:
        _refuse("The time zone of this machine is not known. Write --zone as America/Los_Angeles.")
    return found


def _forget_quietly(settings: Settings) -> None:
    """Forget who has expired, where this user may; the daemon does it too."""
    from callveil.contacts.change import forget_expired  # noqa: PLC0415

    try:
        forget_expired(settings.contacts, date.today())
    except ContactsError:
        return


def _as_data(found: Contact | None) -> dict[str, object]:
    if found is None:
        return {"agreed": False}
    return {
        "agreed": True,
        "outbound": found.outbound or None,
        "hours": [write_hours(hours) for hours in found.hours],
        "zone": found.zone or None,
        "expires": found.expires.isoformat() if found.expires else None,
    }
