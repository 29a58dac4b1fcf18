"""Inside a container: every place on its disks, and in its processes, where one of some byte strings stands.

What a file of the container's image holds is left out if the file was not touched since the container was
made: no call can have written it. That is told by its change time, which no program can set. Its name is
looked at all the same, and so is all that is mounted.

Runs on Python 3.9, as root. It is told what to look for through standard input, and is itself the only
process that it does not look into.
"""

from __future__ import annotations

import base64
import email
import email.policy
import gzip
import io
import json
import mmap
import os
import re
import stat
import zlib
from typing import Any, BinaryIO

NOT_FILES = {"/proc", "/sys"}
UNPACKED_LIMIT = 256 * 1024 * 1024
MARGIN = 10
"""Seconds before the container was made from which on files are looked at."""


def main(request: dict[str, Any]) -> None:
    """Prints a list of [path, spelling, count], and of what could not be read."""
    search = Search(request["patterns"], request["since"])
    search.files("/")
    search.processes()
    found = [[path, name, count] for (path, name), count in sorted(search.found.items())]
    print(
        json.dumps(
            {"found": found, "unread": search.unread, "files": search.seen_files, "bytes": search.seen_bytes}
        )
    )


class Search:
    """One pass over everything."""

    def __init__(self, patterns: list[list[str]], since: float) -> None:
        # Patterns that share a rare part are looked for only where that part stands, which is nearly nowhere.
        self.patterns: dict[bytes, list[tuple[str, bytes]]] = {}
        for name, part, pattern in patterns:
            self.patterns.setdefault(base64.b64decode(part), []).append((name, base64.b64decode(pattern)))
        self.found: dict[tuple[str, str], int] = {}
        self.unread: list[str] = []
        self.seen_files, self.seen_bytes = 0, 0
        self.inodes: set[tuple[int, int]] = set()
        self.since = since - MARGIN
        self.mounts = mounts()

    def add(self, path: str, data: bytes | mmap.mmap, inner: str = "") -> None:
        """Counts every pattern in the data."""
        for part, patterns in self.patterns.items():
            if data.find(part) < 0:
                continue
            for name, pattern in patterns:
                count, position = 0, data.find(pattern)
                while position >= 0:
                    count, position = count + 1, data.find(pattern, position + 1)
                if count:
                    key = (path + inner, name)
                    self.found[key] = self.found.get(key, 0) + count

    def files(self, top: str) -> None:
        """Goes through a file system and all that is mounted on it."""
        for folder, folders, names in os.walk(top, onerror=lambda error: self.unread.append(str(error))):
            folders[:] = [one for one in folders if os.path.join(folder, one) not in NOT_FILES]
            # A name can hold a number, too, as that of a recording does.
            self.add(folder, os.path.basename(folder).encode("utf-8", "surrogateescape"), " (name)")
            for name in names:
                path = os.path.join(folder, name)
                self.add(path, name.encode("utf-8", "surrogateescape"), " (name)")
                self.file(path)

    def file(self, path: str) -> None:
        """Searches one file."""
        try:
            about = os.lstat(path)
            if stat.S_ISLNK(about.st_mode):
                self.add(path, os.readlink(path).encode("utf-8", "surrogateescape"), " (link)")
                return
            if not stat.S_ISREG(about.st_mode):
                return
            self.inodes.add((about.st_dev, about.st_ino))
            if about.st_ctime < self.since and not self.is_mounted(path):
                self.seen_files += 1
                return
            with open(path, "rb") as file:
                self.stream(path, file, about.st_size)
        except FileNotFoundError:
            return  # it was there a moment ago, as a lock file is
        except OSError as error:
            self.unread.append(f"{path}: {error}")

    def is_mounted(self, path: str) -> bool:
        """Whether a file may be older than the container: it comes from elsewhere."""
        return any(path == where or path.startswith(where + "/") for where in self.mounts)

    def stream(self, path: str, file: BinaryIO, size: int) -> None:
        """Searches an open file. Large ones are mapped, small ones read."""
        self.seen_files += 1
        self.seen_bytes += size
        if size > 1 << 20:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self.data(path, data)
        else:
            self.data(path, file.read())

    def data(self, path: str, data: bytes | mmap.mmap) -> None:
        """Searches what a file holds, and what is packed in it."""
        self.add(path, data)
        if data[:2] == b"\x1f\x8b":
            self.unpack(path, bytes(data))
        elif data.find(b"Content-Transfer-Encoding:") >= 0:
            self.mails(path, bytes(data))

    def unpack(self, path: str, data: bytes) -> None:
        """Searches what gzip has packed, as logrotate does."""
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                self.add(path, packed.read(UNPACKED_LIMIT), " (unpacked)")
        except (OSError, EOFError, zlib.error):
            # Cut off or not gzip after all: what can be unpacked is searched all the same.
            part = zlib.decompressobj(31)
            try:
                self.add(path, part.decompress(data, UNPACKED_LIMIT), " (unpacked)")
            except zlib.error:
                return

    def mails(self, path: str, data: bytes) -> None:
        """Searches the decoded parts of each mail of a mailbox."""
        for one in re.split(rb"(?m)^(?=From [^\n]*\d\d:\d\d)", data):
            if b":" not in one:
                continue
            mail = email.message_from_bytes(one.partition(b"\n")[2] if one.startswith(b"From ") else one)
            for part in mail.walk():
                if not part.is_multipart():
                    self.add(path, bytes(part.get_payload(decode=True) or b""), " (decoded)")
            for name, value in mail.items():
                if "=?" in str(value):
                    decoded = email.policy.default.header_factory(name, str(value))
                    self.add(path, str(decoded).encode("utf-8", "replace"), " (decoded)")

    def processes(self) -> None:
        """Searches what processes were started with, and files that are open but have no name any more."""
        for process in os.listdir("/proc"):
            if not process.isdigit() or int(process) == os.getpid():
                continue
            for part in ("cmdline", "environ"):
                path = f"/proc/{process}/{part}"
                try:
                    with open(path, "rb") as file:
                        self.add(path, file.read())
                except (FileNotFoundError, ProcessLookupError):
                    break  # it has ended
                except OSError as error:
                    self.unread.append(f"{path}: {error}")
            self.open_files(f"/proc/{process}/fd")

    def open_files(self, folder: str) -> None:
        """Searches the open files of one process that no folder lists."""
        try:
            numbers = os.listdir(folder)
        except OSError:
            return
        for number in numbers:
            path = os.path.join(folder, number)
            try:
                about = os.stat(path)
                if not stat.S_ISREG(about.st_mode) or (about.st_dev, about.st_ino) in self.inodes:
                    continue
                self.inodes.add((about.st_dev, about.st_ino))
                with open(path, "rb") as file:
                    self.stream(f"{path} -> {os.readlink(path)}", file, about.st_size)
            except (FileNotFoundError, ProcessLookupError):
                continue
            except OSError as error:
                self.unread.append(f"{path}: {error}")


def mounts() -> list[str]:
    """Return the folders and files that are mounted from elsewhere."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [where for line in file if (where := line.split()[4]) != "/"]


main(globals()["d"]["request"])  # given by whoever starts it
