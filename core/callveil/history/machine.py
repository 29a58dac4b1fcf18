"""The machine whose history is looked at: where Asterisk keeps things there, and how to ask it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from callveil.history.conf_file import Setting, read_settings
from callveil.history.held import Held
from callveil.history.tree import Tree

CONFIG: Final = "/etc/asterisk"
_TIMEOUT: Final = 15.0
_VARLIB: Final = "/var/lib/asterisk"
_HERE: Final = Path("/")


@dataclass(frozen=True)
class Machine:
    """A machine that runs Asterisk.

    Attributes:
        root: where its disk is; `/` for this machine.
        database: a file that says how to reach MySQL or MariaDB, or None.
        console: Asterisk's program.
    """

    root: Path = _HERE
    database: Path | None = None
    console: str = "asterisk"

    @cached_property
    def _directories(self) -> dict[str, str]:
        settings = read_settings(self.root, CONFIG, "asterisk.conf")
        return {one.key: one.value for one in settings if one.section == "directories" and one.value}

    @property
    def logs(self) -> Tree:
        """The folder of logs and call records."""
        return self._tree("astlogdir", "/var/log/asterisk")

    @property
    def spool(self) -> Tree:
        """The folder of voicemail, recordings and call files."""
        return self._tree("astspooldir", "/var/spool/asterisk")

    @property
    def variable(self) -> Tree:
        """The folder of what changes while Asterisk runs."""
        return self._tree("astvarlibdir", _VARLIB)

    @property
    def data(self) -> Tree:
        """The folder of sounds."""
        return self._tree("astdatadir", self._directories.get("astvarlibdir", "/usr/share/asterisk"))

    @property
    def astdb(self) -> Tree:
        """The folder of Asterisk's own database."""
        return self._tree("astdbdir", self._directories.get("astvarlibdir", _VARLIB))

    def _tree(self, key: str, usual: str) -> Tree:
        return Tree(self.root, self._directories.get(key, usual))

    def settings(self, name: str) -> list[Setting]:
        """Return the settings of one of Asterisk's files."""
        return list(read_settings(self.root, self._directories.get("astetcdir", CONFIG), name))

    @cached_property
    def held(self) -> Held:
        """Which files are open."""
        return Held() if self.root == _HERE else Held(None)

    @cached_property
    def can_ask(self) -> bool:
        """Whether Asterisk's program is here."""
        return self.root == _HERE and shutil.which(self.console) is not None

    def ask(self, command: str) -> str | None:
        """Return what Asterisk answers to a command of its console; None where it does not run.

        Args:
            command: seen in the list of processes, so without any number.
        """
        if not self.can_ask:
            return None
        try:
            done = subprocess.run(
                [self.console, "-rx", command],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    @cached_property
    def running(self) -> bool | None:
        """Whether Asterisk runs; None where that cannot be told."""
        if not self.can_ask:
            return None
        return self.ask("core show uptime") is not None

    @cached_property
    def modules(self) -> frozenset[str]:
        """The modules that run, such as ``cdr_csv.so``."""
        listed = self.ask("module show") or ""
        lines = [line for line in listed.splitlines() if " Running" in line]
        return frozenset(line.split()[0] for line in lines)
