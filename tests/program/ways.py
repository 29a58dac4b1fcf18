"""The table of docs/ways-out.md: what the far end received, by the way a call left and by what was decided.

Each test notes the cells that it has seen. A cell that differs from the table fails the test; with
CALLVEIL_WRITE_WAYS=1 in the environment it is written instead.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from program.far_end import FarEnd

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "ways-out.md"
BEGIN: Final = "<!-- The tests make the table from here on, see tests/README.md. -->"
END: Final = "<!-- The table ends here. -->"
WRITE: Final = "CALLVEIL_WRITE_WAYS"
MISSING: Final = "not seen yet"


class Way(StrEnum):
    """The ways out of the PBX: the rows, in their order."""

    PLAIN = "a call from a telephone"
    BLIND_IN = "a call that came in, transferred unannounced"
    BLIND_OUT = "a call that went out, transferred unannounced"
    ATTENDED = "a call that came in, transferred after asking"
    KEYS = "the same by keys (features.conf), unannounced"
    KEYS_ASKING = "the same by keys, after asking"
    TELEPHONE = "a telephone that forwards its calls (302)"
    DIALPLAN = "your dialplan forwards a line's calls"
    FOLLOW_ME = "FollowMe"
    QUEUE = "a queue with a member outside"
    ORIGINATE = "click to call (AMI Originate)"
    CALL_FILE = "a call file"
    LOCAL = "a Local channel, with and without /n"
    CONFERENCE = "a conference that calls out"
    OWN_DIALPLAN = "your own dialplan with Callveil's identity"
    FREEPBX = "FreePBX's trunk hook"


class Column(StrEnum):
    """What was decided: the columns, in their order; last, the same way out of a PBX without Callveil."""

    HIDE = "hide"
    SUBSTITUTE = "substitute"
    SHOW = "show"
    EMERGENCY = "emergency"
    WITHOUT = "without Callveil"


Cell = tuple[Way, Column]


def note_cell(way: Way, column: Column, version: str, far_end: FarEnd | str) -> None:
    """Compare what the far end received with the table, or write it there.

    Args:
        way: the row.
        column: the column.
        version: of Asterisk.
        far_end: the INVITE that arrived, or the cell's text.

    Raises:
        AssertionError: the table says something else, and was not to be written.
    """
    found = far_end if isinstance(far_end, str) else in_words(far_end)
    if os.environ.get(WRITE) == "1":
        with _locked():
            cells = read_table(DOCUMENT.read_text(encoding="utf-8"))
            cells[way, column] = found
            DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8"), cells), encoding="utf-8")
        return
    written = read_table(DOCUMENT.read_text(encoding="utf-8")).get((way, column), MISSING)
    assert found == written, (
        f'Asterisk {version}, "{way}", {column}: the far end received\n  {found}\nbut {DOCUMENT.name} says'
        f"\n  {written}\nIf the call is right, run the same test with {WRITE}=1 to write the table."
    )


def in_words(far_end: FarEnd) -> str:
    """Return the identity in an INVITE, as the table says it; the same call always gives the same text."""
    host = (far_end.invite.header("From") or "").partition("@")[2].partition(">")[0].partition(";")[0]
    if far_end.shown is None:
        user = far_end.invite.user("From")
        return f'Hidden: `"{far_end.name}" <sip:{user}@{host}>`'
    return f"Shows {far_end.shown}" + (f' "{far_end.name}"' if far_end.name else "")


def read_table(text: str) -> dict[Cell, str]:
    """Return the cells of the table in a document; a cell that was never seen is left out."""
    cells: dict[Cell, str] = {}
    table = text.partition(BEGIN)[2].partition(END)[0]
    for line in table.splitlines():
        parts = [part.strip() for part in line.strip().strip("|").split(" | ")]
        if parts[0] in list(Way):
            for column, said in zip(Column, parts[1:], strict=True):
                if said != MISSING:
                    cells[Way(parts[0]), column] = said
    return cells


def with_table(text: str, cells: dict[Cell, str]) -> str:
    """Return the document with these cells in its table, and everything else as it was."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} has lost the marks around its table")
    rows = [("way out", *Column), ("---",) * (1 + len(Column))]
    rows += [(way, *(cells.get((way, column), MISSING) for column in Column)) for way in Way]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


@contextmanager
def _locked() -> Iterator[None]:
    """Keep other tests that run at the same time from writing the table."""
    with DOCUMENT.open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
