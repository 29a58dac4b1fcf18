"""Listens on the manager interface, as a switchboard or a wallboard does, and keeps every event in memory."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from threading import Condition, Thread

from harness.closing import Closing
from harness.container import inside_line
from harness.daemon import HarnessError
from harness.pbx import TESTER_SECRET, Pbx
from harness.peers import close_pipes, end


class AmiTap(Closing):
    """Everything that one account of the manager interface is told while this is open."""

    def __init__(self, pbx: Pbx, user: str = "tester", secret: str = TESTER_SECRET) -> None:
        self._bytes = bytearray()
        self._changed = Condition()
        # It stands in the tools container, which shares the PBX's network but not its processes.
        self._process = subprocess.Popen(
            pbx.tools.inside_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin
        self._process.stdin.write(inside_line("ami_tap.py", {"user": user, "secret": secret}))
        self._process.stdin.flush()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        answer = self.wait(lambda block: block.get("ActionID") == "tap", "an answer to the login")
        if answer.get("Response") != "Success":
            self.close()
            raise HarnessError(f"the manager interface refused {user}: {answer.get('Message')}")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._changed:
                self._bytes += bytes.fromhex(json.loads(line))
                self._changed.notify_all()

    @property
    def raw(self) -> bytes:
        """All that came, as it came."""
        with self._changed:
            return bytes(self._bytes)

    def blocks(self) -> list[dict[str, str]]:
        """Every complete block; of a field that repeats, the last."""
        complete = self.raw.decode("utf-8", "replace").split("\r\n\r\n")[:-1]
        return [
            {
                name: value.strip()
                for name, _, value in (line.partition(":") for line in block.split("\r\n"))
                if name
            }
            for block in complete
        ]

    def events(self, name: str | None = None) -> list[dict[str, str]]:
        """All events, or those of one name."""
        return [block for block in self.blocks() if "Event" in block and name in (None, block["Event"])]

    def wait(
        self, wanted: Callable[[dict[str, str]], bool], what: str, timeout: float = 15
    ) -> dict[str, str]:
        """Waits for the first block that is wanted."""
        deadline = time.monotonic() + timeout
        while True:
            for block in self.blocks():
                if wanted(block):
                    return block
            left = deadline - time.monotonic()
            if left <= 0 or self._process.poll() is not None:
                raise HarnessError(f"waited {timeout} s in vain on the manager interface for {what}")
            with self._changed:
                self._changed.wait(min(left, 0.2))

    def close(self) -> None:
        """Logs off. What was recorded stays."""
        end(self._process)
        self._reader.join(5)
        close_pipes(self._process)
