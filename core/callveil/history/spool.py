"""Other files that Asterisk leaves of calls: recordings, spoken names, call files."""

from __future__ import annotations

from callveil.history.erase import erase_all
from callveil.history.machine import Machine
from callveil.history.model import Found, Gone
from callveil.history.tree import Tree


class Files:
    """All files of some folders."""

    yours = ""
    removable = True

    def __init__(self, machine: Machine, key: str, title: str, folders: list[tuple[Tree, str]]) -> None:
        self.key = key
        self.title = title
        self._machine = machine
        self._folders = folders

    def find(self) -> Found:
        """Count the files."""
        number, where, unseen = 0, [], []
        for tree, below in self._folders:
            files = tree.files(below)
            unseen += tree.unseen
            if files:
                number += len(files)
                where.append(tree.folder(below))
        return Found({"files": number} if number else {}, tuple(where), tuple(unseen))

    def remove(self) -> Gone:
        """Erase them."""
        left: list[str] = []
        for tree, below in self._folders:
            left += erase_all(tree, tree.files(below), self._machine.held)
        return Gone(tuple(left))


class Recordings(Files):
    """Recorded calls, which a program may have to keep."""

    removable = False
    yours = (
        "Recordings are yours to keep or to delete. FreePBX names them by the numbers of the call: rename "
        "those that you keep, delete the others. --skip recordings says that you have decided."
    )

    def remove(self) -> Gone:
        """Remove nothing."""
        return Gone((self.yours,))


def spool_places(machine: Machine) -> list[Files]:
    """Return the kinds of files."""
    spool, variable, data = machine.spool, machine.variable, machine.data
    spoken = [(variable, "priv-callerintros"), (variable, "sounds/priv-callerintros")]
    below = "sounds/priv-callerintros"
    if data.shown != variable.shown and not (data.real_path(below).is_symlink()):
        spoken.append((data, below))
    return [
        Files(machine, "spoken-names", "spoken names of callers (Dial's privacy options)", spoken),
        Files(machine, "call-files", "call files that are done", [(spool, "outgoing_done")]),
        Recordings(
            machine,
            "recordings",
            "recorded calls",
            [(spool, "monitor"), (spool, "recording"), (spool, "meetme")],
        ),
    ]
