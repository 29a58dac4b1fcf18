"""A small disk of a machine that ran Asterisk, in a folder."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Final

NUMBER: Final = "2125550147"
ENVELOPE: Final = f""";
; Message Information file
;
[message]
origmailbox=200
context=hotline-ring
exten=s
rdnis={NUMBER}
priority=2
callerchan=Local/{NUMBER}@in-00000003;1
callerid="Rosalind Quimby" <+1{NUMBER}>
origdate=Fri Jan  2 03:04:05 AM UTC 2026
origtime=1767323045
msg_id=1767323045-00000001
duration=4
"""


class Disk:
    """The disk.

    Attributes:
        root: where it is.
        logs: Asterisk's folder of logs.
        spool: its folder of messages and recordings.
        variable: its folder of data.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "var/log/asterisk"
        self.spool = root / "var/spool/asterisk"
        self.variable = root / "var/lib/asterisk"
        for folder in (self.logs, self.spool, self.variable, root / "etc/asterisk"):
            folder.mkdir(parents=True)

    def log(self, name: str, data: str | bytes = f"a call from {NUMBER}\n") -> Path:
        """Write a file among the logs."""
        return self._write(self.logs / name, data)

    def spooled(self, name: str, data: str | bytes = NUMBER) -> Path:
        """Write a file in the spool."""
        return self._write(self.spool / name, data)

    def setting(self, name: str, text: str) -> Path:
        """Write one of Asterisk's settings."""
        return self._write(self.root / "etc/asterisk" / name, text)

    def _write(self, path: Path, data: str | bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def astdb(self, entries: dict[str, str]) -> Path:
        """Make Asterisk's own database."""
        path = self.variable / "astdb.sqlite3"
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
            database.executemany("INSERT INTO astdb VALUES (?, ?)", entries.items())
        database.close()
        return path

    def records(self, name: str = "master.db", rows: int = 200) -> Path:
        """Make a database of call records."""
        path = self.logs / name
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE cdr (id INTEGER PRIMARY KEY, src TEXT, dst TEXT)")
            database.executemany("INSERT INTO cdr (src, dst) VALUES (?, ?)", [(NUMBER, "s")] * rows)
        database.close()
        return path

    def entries(self) -> set[str]:
        """The keys that Asterisk's own database holds."""
        database = sqlite3.connect(self.variable / "astdb.sqlite3")
        found = {key for (key,) in database.execute("SELECT key FROM astdb")}
        database.close()
        return found

    def state(self) -> dict[str, tuple[int, int, str]]:
        """Everything that stands on it, by path."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            status = path.lstat()
            held = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, held)
        return found

    def holds(self, text: str = NUMBER) -> list[str]:
        """The files in which a text stands."""
        files = [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]
        return [str(path.relative_to(self.root)) for path in files if text.encode() in path.read_bytes()]
