"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from callveil.settings import POLICY_PATH, SETTINGS_PATH, Settings

policy_option = click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    default=POLICY_PATH,
    show_default=True,
    help="The policy file.",
)

settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"How to reach the PBX and where to keep things.  [default: {SETTINGS_PATH}]",
)


def read_settings(path: Path | None) -> Settings:
    """Return the settings of the file that was named, which must be there, or of the usual one.

    Raises:
        SettingsError: with every mistake, if there is one.
    """
    from callveil.settings_file import load_settings  # noqa: PLC0415 - pydantic is slow to load

    return load_settings(path or SETTINGS_PATH, required=path is not None)
