"""One container, and what tests do in it: run commands, read files, write files."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.daemon import Docker, HarnessError

INSIDE = Path(__file__).parent / "inside"

# Reads one line of JSON that holds both a program and its request: so nothing of it is seen in the process
# list, and no file of it is left on a disk that is searched afterwards.
BOOTSTRAP = "import sys,json;d=json.loads(sys.stdin.readline());exec(compile(d['source'],d['name'],'exec'))"


@dataclass(frozen=True)
class Container:
    """A running container."""

    docker: Docker
    name: str
    role: str
    """What it is to a test: `pbx`, `callveil` or `tools`."""

    def exec(
        self,
        command: str | Sequence[str],
        *,
        user: str = "root",
        check: bool = True,
        input: str | bytes | None = None,  # noqa: A002 - the name that subprocess has for it
        timeout: float = 60,
        env: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command and waits for it.

        Args:
            command: a list, or one string for the shell.
            user: who runs it.
            check: whether an exit code other than 0 is an error.
            input: what it reads from standard input.
            timeout: seconds after which the wait is given up.
            env: NAME=VALUE each.
        """
        feed = input.encode() if isinstance(input, str) else input
        arguments = ["exec", *(["-i"] if feed is not None else []), "-u", user]
        for setting in env:
            arguments += ["-e", setting]
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        done = self.docker.run(*arguments, self.name, *words, check=False, feed=feed, timeout=timeout)
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        if check and done.returncode:
            shown = shlex.join(words)[:300]
            raise HarnessError(
                f"{self.role}: {shown} ended with {done.returncode}\n{out[-2000:]}\n{err[-2000:]}"
            )
        return subprocess.CompletedProcess(words, done.returncode, out, err)

    def spawn(self, command: str | Sequence[str], *, user: str = "root", env: Sequence[str] = ()) -> None:
        """Starts a command and leaves it running; what it prints goes nowhere."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        settings = [part for setting in env for part in ("-e", setting)]
        self.docker.run("exec", "-d", "-u", user, *settings, self.name, *words)

    def inside_command(self) -> list[str]:
        """The command line that waits for a program of `inside/` on its standard input."""
        return self.docker.command("exec", "-i", "-u", "root", self.name, "python3", "-c", BOOTSTRAP)

    def run_inside(self, script: str, request: Any, *, timeout: float = 60) -> Any:
        """Runs a program of `inside/` with a JSON request and returns its JSON answer."""
        words = self.inside_command()
        try:
            done = subprocess.run(
                words, input=inside_line(script, request), capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise HarnessError(f"{self.role}: {script} took longer than {timeout} s") from late
        if done.returncode:
            raise HarnessError(
                f"{self.role}: {script} failed:\n{done.stderr.decode('utf-8', 'replace')[-3000:]}"
            )
        return json.loads(done.stdout)

    def made(self) -> float:
        """When it was made, in seconds since 1970."""
        said = self.docker.run("inspect", "-f", "{{.Created}}", self.name).stdout.decode().strip()
        return datetime.fromisoformat(said[:19] + "+00:00").timestamp()

    def read_bytes(self, path: str) -> bytes:
        """What a file holds."""
        done = self.docker.run("exec", "-u", "root", self.name, "cat", path, check=False)
        if done.returncode:
            raise FileNotFoundError(f"{self.role}: {path}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout

    def read(self, path: str) -> str:
        """What a file holds, as text."""
        return self.read_bytes(path).decode("utf-8", "replace")

    def write(self, path: str, data: str | bytes, mode: int = 0o644, owner: str = "root:root") -> None:
        """Puts a file there, with the folders on the way."""
        content = data.encode() if isinstance(data, str) else data
        where, folder = shlex.quote(path), shlex.quote(path.rpartition("/")[0] or "/")
        self.exec(
            f"mkdir -p {folder} && cat > {where} && chmod {mode:o} {where} && chown {owner} {where}",
            input=content,
        )

    def files(self, pattern: str) -> list[str]:
        """The files that a glob pattern names; `**` reaches into folders below."""
        program = "import glob,sys;[print(p) for p in sorted(glob.glob(sys.argv[1],recursive=True))]"
        return self.exec(["python3", "-c", program, pattern]).stdout.splitlines()

    def copy_in(self, archive: bytes) -> None:
        """Unpacks a tar archive over the container's root; works before it is started, too."""
        self.docker.run("cp", "-", f"{self.name}:/", feed=archive)


def inside_line(script: str, request: Any) -> bytes:
    """The line that `BOOTSTRAP` reads."""
    source = (INSIDE / script).read_text()
    return json.dumps({"name": script, "source": source, "request": request}).encode() + b"\n"


def archive_of(files: dict[str, bytes], owner: int = 0) -> bytes:
    """A tar archive of files by absolute path."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o644, owner, owner
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
