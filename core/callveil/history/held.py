"""Which files are open in some program."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Held:
    """The files that were open in any program when this was made.

    Args:
        processes: where the programs are listed; None where those that matter run on another machine.

    Attributes:
        whole: whether every program could be looked at: only root may, and only on its own machine.
    """

    def __init__(self, processes: Path | None = Path("/proc")) -> None:
        self.whole = processes is not None
        self._open: set[tuple[int, int]] = set()
        if processes is None:
            return
        try:
            entries = os.listdir(processes)
        except OSError:
            self.whole, entries = False, []
        for entry in entries:
            if entry.isdigit() and int(entry) != os.getpid():
                self._look(processes / entry / "fd")

    def _look(self, folder: Path) -> None:
        try:
            names = os.listdir(folder)
        except PermissionError:
            self.whole = False
            return
        except OSError:
            return  # it has ended
        for name in names:
            with suppress(OSError):
                status = os.stat(folder / name)
                self._open.add((status.st_dev, status.st_ino))

    def has(self, status: os.stat_result) -> bool:
        """Return whether this file was open."""
        return (status.st_dev, status.st_ino) in self._open

    def may_have(self, status: os.stat_result) -> bool:
        """Return whether this file was open, or may have been."""
        return not self.whole or self.has(status)
