"""The command ``callveil``."""

from __future__ import annotations

import sys
import traceback
from typing import Final

import click

from callveil import __version__
from callveil.cli.lazy import Lazy, LazyGroup
from callveil.cli.problems import COULD_NOT_CHECK, exit_with_problems
from callveil.policy.problems import ConfigError

COMMANDS: Final = {
    "check": Lazy("callveil.cli.check:check", "Check the policy file and say what it means."),
    "contact": Lazy("callveil.cli.contact:contact", "Keep what is agreed with single people."),
    "explain": Lazy("callveil.cli.explain:explain", "Say what the far end of a call would see."),
    "install": Lazy("callveil.cli.install:install", "Put Callveil's files where Asterisk reads them."),
    "purge": Lazy("callveil.cli.purge:purge", "Delete what is kept no longer; monthly counts stay."),
    "records": Lazy("callveil.cli.records:records", "Show what is remembered of calls."),
    "report": Lazy("callveil.cli.report:report", "Say how many calls a month had, few calls protected."),
    "serve": Lazy("callveil.cli.serve:serve", "Run Callveil beside Asterisk."),
    "status": Lazy("callveil.cli.status:status", "Say what is wrong now, and which trunks hide calls."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog="Example: callveil check --policy /etc/callveil/policy.yaml",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="callveil", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep survivors' phone numbers off far ends and off disks.

    Exit codes: 0 all is fine; 1 something was found; 2 bad input, and nothing was changed; 3 it could not
    be checked.
    """


def main() -> None:
    """Run the command line."""
    try:
        cli(prog_name="callveil")
    except ConfigError as error:
        exit_with_problems(error)
    except Exception as error:
        # The message of an exception that nobody expected may hold anything, a phone number too: say
        # where it happened, and no more.
        _say_where(error)
        sys.exit(COULD_NOT_CHECK)


def _say_where(error: Exception) -> None:
    click.echo(f"Callveil failed ({type(error).__name__}). Please report these lines:", err=True)
    for frame in traceback.extract_tb(error.__traceback__):
        click.echo(f"  {frame.filename}:{frame.lineno} in {frame.name}", err=True)
