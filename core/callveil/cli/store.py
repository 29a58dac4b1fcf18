"""The record store that a command works on."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import click

from callveil.cli.options import read_settings
from callveil.settings import Settings
from callveil.store.interface import Store
from callveil.store.place import Place

store_option = click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The record store; else the one that the settings name.",
)


class ChosenStore:
    """The store that the options name.

    Attributes:
        settings: the settings that go with it.
    """

    def __init__(self, place: Place, settings: Settings) -> None:
        self._place = place
        self.settings = settings

    @classmethod
    def of(cls, store_path: Path | None, settings_path: Path | None) -> Self:
        """Return what `--store` or `--settings` names, or the usual one.

        Raises:
            click.UsageError: both were given.
            SettingsError: the settings have mistakes.
        """
        if store_path and settings_path:
            raise click.UsageError("Give --store or --settings, not both.")
        settings = read_settings(settings_path)
        return cls(store_path or settings.store, settings)

    async def open(self, *, read_only: bool = False) -> Store:
        """Open it.

        Raises:
            StoreError: it cannot be opened, or is to be read only and does not exist.
        """
        from callveil.store.opening import open_store  # noqa: PLC0415 - not needed for --help

        return await open_store(self._place, read_only=read_only)

    def is_missing(self) -> bool:
        """Return whether nothing has ever been recorded there."""
        if not isinstance(self._place, Path):
            return False
        try:
            self._place.lstat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False
