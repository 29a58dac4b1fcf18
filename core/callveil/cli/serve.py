"""`callveil serve`: runs Callveil beside Asterisk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from callveil.cli.options import policy_option, read_settings, settings_option
from callveil.cli.problems import exit_with_problems
from callveil.policy.problems import ConfigError
from callveil.serve import ServeError, find_services, new_live
from callveil.serve import serve as run_services


@click.command(epilog="Example: callveil serve --policy /etc/callveil/policy.yaml")
@policy_option
@settings_option
@click.option("--debug", is_flag=True, help="Say more of what it does; still no number is ever logged.")
def serve(policy_path: Path, settings_path: Path | None, *, debug: bool) -> None:
    """Answer calls' questions and keep their records, until it is told to stop.

    SIGHUP reads the policy again: a policy with mistakes is refused and the one before it stays in force.
    SIGTERM ends it after the calls that are being decided.
    """
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        live = new_live(read_settings(settings_path), policy_path)
        asyncio.run(run_services(live, policy_path, find_services()))
    except ConfigError as error:
        exit_with_problems(error)
    except ServeError as error:
        click.echo(f"Callveil stops: {error}", err=True)
        raise SystemExit(3) from error
