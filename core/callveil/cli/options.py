"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from callveil.settings import POLICY_PATH

policy_option = click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    default=POLICY_PATH,
    show_default=True,
    help="The policy file.",
)
