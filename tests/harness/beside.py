"""A program beside the PBX that takes commands and answers, a line of JSON each, until it is closed."""

from __future__ import annotations

import json
import select
import subprocess
from threading import Lock
from typing import Any

from harness.closing import Closing
from harness.container import inside_line
from harness.daemon import HarnessError
from harness.pbx import Pbx
from harness.peers import close_pipes, end


class Beside(Closing):
    """Telephones in one process.

    Args:
        pbx: whose telephones they are.
        script: the program, a file of `inside/`. It says "ready" first.
        request: what it is told at its start.
    """

    def __init__(self, pbx: Pbx, script: str, request: dict[str, Any]) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            pbx.tools.inside_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._write(inside_line(script, request))
        if self._read(15) != "ready":
            self.close()
            raise HarnessError("the telephones did not start")

    def _write(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _read(self, timeout: float) -> Any:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], timeout)
        line = self._process.stdout.readline() if readable else b""
        if not line.strip():
            said = self._process.stderr.read() if self._process.poll() and self._process.stderr else b""
            raise HarnessError(f"the telephones do not answer: {said.decode()[-2000:]}")
        return json.loads(line)

    def _ask(self, command: dict[str, Any]) -> Any:
        with self._lock:
            self._write(json.dumps(command).encode() + b"\n")
            return self._read(20)

    def close(self) -> None:
        """Ends it. What it saw is gone after that."""
        end(self._process)
        close_pipes(self._process)
