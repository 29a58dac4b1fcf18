"""Asterisk's logs, with rotated and packed ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from callveil.history.erase import erase_all
from callveil.history.machine import Machine
from callveil.history.model import Found, Gone
from callveil.history.records import count_all
from callveil.history.tree import Tree

USUAL: Final = (
    "full",
    "messages",
    "debug",
    "verbose",
    "security",
    "notice",
    "warning",
    "error",
    "dtmf",
    "fax",
    "event_log",
    "asterisk",
    "console",
    "fail2ban",
)
QUEUE_LOG: Final = "queue_log"
RECORDS: Final = ("cdr-csv/", "cdr-custom/", "cel-custom/")
DATABASES: Final = ("master.db", "cdr.db")

# What logrotate, Asterisk itself and people add when they put a file aside.
_ASIDE: Final = r"(?:[.-](?:\d[\d_:.TZ+-]*|old|bak|log|gz|bz2|xz|zst|lz4|Z))*"
_NO_FILES: Final = ("console", "syslog")


def matcher(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches these names, also where a file was put aside."""
    return re.compile(f"(?:{'|'.join(re.escape(name) for name in names)}){_ASIDE}")


@dataclass(frozen=True)
class LogFolder:
    """A folder with logs in it.

    Attributes:
        tree: the folder.
        names: what the logs are called before they are put aside.
    """

    tree: Tree
    names: tuple[str, ...]

    def files(self) -> list[str]:
        """Return the logs that hold something."""
        wanted = matcher(self.names).fullmatch
        return [path for path in self.tree.files(depth=1, wanted=wanted) if self._holds(path)]

    def _holds(self, path: str) -> bool:
        status = self.tree.status(path)
        return status is None or status.st_size > 0


class Logs:
    """Logs of one kind."""

    yours = ""
    removable = True

    def __init__(self, machine: Machine, key: str, title: str, folders: list[LogFolder]) -> None:
        self.key = key
        self.title = title
        self._machine = machine
        self._folders = folders

    def find(self) -> Found:
        """Count files and lines."""
        files, lines, unseen, where = 0, 0, [], []
        for folder in self._folders:
            paths = folder.files()
            unseen += folder.tree.unseen
            found, failed = count_all(folder.tree, paths)
            files, lines = files + len(paths), lines + found
            unseen += failed
            if paths:
                where.append(folder.tree.shown)
        return Found({"files": files, "lines": lines} if files else {}, tuple(where), tuple(unseen))

    def remove(self) -> Gone:
        """Empty the logs that Asterisk writes, which it holds open, and erase those that were put aside."""
        left: list[str] = []
        for folder in self._folders:
            keep = frozenset(folder.names)
            held = self._machine.held
            left += erase_all(folder.tree, folder.files(), held, keep=keep, names_tell=False)
        return Gone(tuple(left))


class LogNames:
    """What Asterisk's settings and habits call logs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @cached_property
    def queue(self) -> str:
        """The name of the log of queues."""
        for one in self._machine.settings("logger.conf"):
            if (one.section, one.key) == ("general", "queue_log_name") and one.value:
                return one.value
        return QUEUE_LOG

    @cached_property
    def folders(self) -> list[LogFolder]:
        """The folders with all other logs."""
        main = self._machine.logs
        names: dict[str, list[str]] = {main.shown: [*USUAL, *(f"{name}.log" for name in USUAL)]}
        for one in self._machine.settings("logger.conf"):
            # A log that takes no level is only there so that Asterisk does not print everything.
            if one.section == "logfiles" and one.value and not one.key.startswith(_NO_FILES):
                path = PurePosixPath(main.shown) / one.key
                names.setdefault(str(path.parent), []).extend([path.name, *self._with_host(path.name)])
        return [
            LogFolder(main if folder == main.shown else Tree(main.root, folder), tuple(dict.fromkeys(found)))
            for folder, found in names.items()
        ]

    def _with_host(self, name: str) -> list[str]:
        try:
            host = (self._machine.root / "etc/hostname").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return []
        return [f"{name}.{host}"] if host else []


class OtherFiles:
    """Files among the logs that are none of Asterisk's usual ones."""

    key = "other-logs"
    title = "other files among the logs"
    removable = True
    yours = (
        "These are not Asterisk's usual files. Look at them; --only other-logs removes them, "
        "--skip other-logs leaves them."
    )

    def __init__(self, machine: Machine, names: LogNames) -> None:
        self._machine = machine
        self._tree = machine.logs
        self._names = names

    def _files(self) -> list[str]:
        mine = [one for one in self._names.folders if one.tree.shown == self._tree.shown]
        known = matcher((*mine[0].names, self._names.queue, *DATABASES))
        mapped = (f"{name}-journal" for name in DATABASES)
        skip = {*mapped, *self._silent()}

        def wanted(path: str) -> bool:
            return not path.startswith(RECORDS) and not known.fullmatch(path) and path not in skip

        return [
            path
            for path in self._tree.files(wanted=wanted)
            if (status := self._tree.status(path)) is not None and status.st_size > 0
        ]

    def _silent(self) -> list[str]:
        return [
            one.key
            for one in self._machine.settings("logger.conf")
            if one.section == "logfiles" and not one.value
        ]

    def find(self) -> Found:
        """Count the files."""
        files = self._files()
        return Found({"files": len(files)} if files else {}, (self._tree.shown,), tuple(self._tree.unseen))

    def remove(self) -> Gone:
        """Erase them; those that a program has open are emptied."""
        return Gone(erase_all(self._tree, self._files(), self._machine.held))


def log_places(machine: Machine) -> list[Logs | OtherFiles]:
    """Return the logs of every kind; those that grow whenever Asterisk is asked something come last."""
    names = LogNames(machine)
    queue = LogFolder(machine.logs, (names.queue,))
    return [
        Logs(machine, "queue-log", "log of queues", [queue]),
        OtherFiles(machine, names),
        Logs(machine, "logs", "logs", names.folders),
    ]
