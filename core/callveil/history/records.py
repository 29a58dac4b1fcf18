"""Call records and call events that Asterisk writes into files of lines."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from callveil.history.counting import count_lines
from callveil.history.erase import erase_all
from callveil.history.machine import Machine
from callveil.history.model import Found, Gone, counted
from callveil.history.tree import RefusedError, Tree

JOURNAL: Final = "/var/spool/callveil"
"""Callveil's own, which Asterisk's custom records are led to."""


class RecordFiles:
    """A folder of records, with rotated and packed files: all that is in it.

    Attributes:
        key: its name on the command line.
        title: what it holds.
    """

    yours = ""
    removable = True

    def __init__(self, machine: Machine, key: str, title: str, settings: str) -> None:
        self.key = key
        self.title = title
        self._machine = machine
        self._tree = machine.logs
        self._settings = settings

    def _files(self) -> list[str]:
        files = self._tree.files(self.key)
        unseen = list(self._tree.unseen)
        for path in self._mapped():
            if path.startswith("../"):
                unseen.append(f"{self._settings} writes into another folder than {self._tree.shown}.")
            elif not path.startswith(f"{self.key}/") and self._tree.status(path) is not None:
                files.append(path)
        self._tree.unseen = unseen
        return files

    def _mapped(self) -> Iterable[str]:
        """Return where the settings lead records to, relative to the folder of logs."""
        if self.key == "cdr-csv":
            return
        for one in self._machine.settings(self._settings):
            if one.section != "mappings":
                continue
            full = os.path.normpath(PurePosixPath(self._tree.shown) / self.key / one.key)
            if not full.startswith(f"{JOURNAL}/"):
                yield os.path.relpath(full, self._tree.shown)

    def find(self) -> Found:
        """Count files and lines."""
        files = self._files()
        lines, unseen = count_all(self._tree, files)
        accounts = [path for path in files if self.key == "cdr-csv" and "/Master.csv" not in path]
        notes = (f"Files named by an account: {len(accounts)}.",) if accounts else ()
        counts = {"files": len(files), "lines": lines} if files else {}
        return Found(counts, (self._tree.folder(self.key),), (*self._tree.unseen, *unseen), notes)

    def remove(self) -> Gone:
        """Erase the files. Asterisk opens them anew for each record."""
        return Gone(erase_all(self._tree, self._files(), self._machine.held))


def record_files(machine: Machine) -> list[RecordFiles]:
    """Return every kind of record that goes into a folder of its own."""
    return [
        RecordFiles(machine, "cdr-csv", "call records", "cdr.conf"),
        RecordFiles(machine, "cdr-custom", "call records, other columns", "cdr_custom.conf"),
        RecordFiles(machine, "cel-custom", "call events", "cel_custom.conf"),
    ]


def count_all(tree: Tree, paths: list[str]) -> tuple[int, tuple[str, ...]]:
    """Return how many lines all files have, and what could not be read."""
    lines, failed = 0, 0
    for path in paths:
        try:
            lines += count_lines(tree, path)
        except FileNotFoundError:
            continue
        except (OSError, RefusedError):
            failed += 1
    return lines, (f"{tree.shown}: {counted(failed, 'files')} could not be read.",) if failed else ()
