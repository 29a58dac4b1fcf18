"""Callveil at work on a test PBX: installed as the README says, started, stopped, killed, frozen."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from harness.closing import Closing
from harness.pbx import Pbx, Version, wait_for

POLICY: Final = (Path(__file__).parent / "policy.yaml").read_text(encoding="utf-8")
POLICY_PATH: Final = "/etc/callveil/policy.yaml"
SETTINGS: Final = 'ami: {secret_file: "/etc/callveil/ami.secret", ping_interval: 1, timeout: 2}\n'
LOG: Final = "/var/lib/callveil/serve.log"
SOUNDS: Final = "/usr/share/asterisk/sounds"
OUTAGES: Final = {"stopped": signal.SIGTERM, "killed": signal.SIGKILL, "frozen": signal.SIGSTOP}
"""How the daemon can be away, and by which signal."""

# How an admin makes the folders, see README.md.
FOLDERS: Final = (
    "install -d -m 2770 -o asterisk -g asterisk /var/spool/callveil && "
    "install -d -m 750 -o asterisk -g asterisk /etc/callveil /var/lib/callveil /run/callveil && "
    f"install -d {SOUNDS}/en"
)


class Site(Closing):
    """A PBX with Callveil. Use it as a context manager.

    Attributes:
        pbx: the PBX.
        policy: the text that the policy's file begins with.
    """

    def __init__(self, pbx: Pbx, *, serve: bool = True, install: tuple[str, ...] = ()) -> None:
        self.pbx = pbx
        self.policy = POLICY
        pbx.callveil.exec(FOLDERS)
        self.write_policy(POLICY)
        pbx.callveil.write("/etc/callveil/settings.yaml", SETTINGS, 0o640, "asterisk:asterisk")
        pbx.callveil.exec(["callveil", "install", *install])
        if pbx.callveil is not pbx.pbx:
            # Beside an older Asterisk the prompts are on the other container's disk.
            prompts = pbx.callveil.exec(f"ls {SOUNDS}/en/callveil").stdout.split()
            for prompt in prompts:
                path = f"{SOUNDS}/en/callveil/{prompt}"
                pbx.write(path, pbx.callveil.read_bytes(path))
        pbx.restart_asterisk("now")
        if serve:
            self.serve()
            self.wait_ready()

    @classmethod
    def start(cls, version: Version, *, serve: bool = True, **overlay: str) -> Self:
        """Start a PBX of this version with Callveil on it."""
        pbx = Pbx.start(version, "callveil", overlay)
        try:
            return cls(pbx, serve=serve)
        except BaseException:
            pbx.close()
            raise

    def write_policy(self, text: str) -> None:
        """Change the policy's file; Callveil reads it when it is told to."""
        self.pbx.callveil.write(POLICY_PATH, text, 0o640, "asterisk:asterisk")

    def load_policy(self, text: str) -> None:
        """Put a policy in force."""
        before = self.log().count("Policy reloaded")
        self.write_policy(text)
        self.send(signal.SIGHUP)
        wait_for("the policy", lambda: self.log().count("Policy reloaded") > before)

    def serve(self) -> None:
        """Start the daemon, with its log at DEBUG."""
        self.pbx.callveil.spawn(f"exec callveil serve --debug >> {LOG} 2>&1", user="asterisk")

    def wait_ready(self, timeout: float = 20) -> None:
        """Wait until calls' questions are answered and the listener is logged in."""
        wait_for("the FastAGI server", lambda: self._listening(4573), timeout)
        wait_for("the AMI listener", self.listening_to_asterisk, timeout)

    def listening_to_asterisk(self) -> bool:
        """Whether Callveil's AMI user is logged in."""
        return "callveil " in self.pbx.cli("manager show connected", check=False)

    def _listening(self, port: int) -> bool:
        table = self.pbx.exec(["cat", "/proc/net/tcp"]).stdout
        return any(f":{port:04X} 00000000:0000 0A" in line for line in table.splitlines())

    def send(self, which: signal.Signals) -> None:
        """Send the daemon a signal."""
        self.pbx.callveil.exec(["sh", "-c", f"kill -{which.value} {' '.join(self.processes())}"])

    def processes(self) -> list[str]:
        """The process ids of the daemon."""
        program = (
            "import glob,os\n"
            "for p in glob.glob('/proc/[0-9]*/cmdline'):\n"
            "  try: words=open(p,'rb').read().split(b'\\0')\n"
            "  except OSError: continue\n"
            "  if b'serve' in words and any(w.endswith(b'/callveil') for w in words): print(p.split('/')[2])"
        )
        return self.pbx.callveil.exec(["python3", "-c", program]).stdout.split()

    def stop(self, which: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon and wait until it is gone."""
        self.send(which)
        wait_for("the daemon to end", lambda: not self.processes(), 15)

    @contextmanager
    def away(self, outage: str) -> Iterator[None]:
        """No daemon that answers, for a while.

        Args:
            outage: one of `OUTAGES`.
        """
        which = OUTAGES[outage]
        if which is signal.SIGSTOP:
            self.send(which)
        else:
            self.stop(which)
        try:
            yield
        finally:
            if which is signal.SIGSTOP:
                self.send(signal.SIGCONT)
            else:
                self.serve()
            self.wait_ready()

    def log(self) -> str:
        """What the daemon said so far."""
        return self.pbx.callveil.read(LOG)

    def records(self) -> list[dict[str, Any]]:
        """All records, as `callveil records --json` tells them."""
        return self.records_now() if not self.processes() else self.records_settled()

    def records_now(self) -> list[dict[str, Any]]:
        """The records as they are now."""
        said = self.pbx.callveil.exec(["callveil", "records", "--json"], user="asterisk").stdout
        found: list[dict[str, Any]] = json.loads(said)["records"]
        return found

    def records_settled(self) -> list[dict[str, Any]]:
        """The records once all calls have ended and the journal is empty."""
        self.pbx.wait_idle()
        wait_for("the journal to be taken", lambda: not self.journal(), 15)
        return self.records_now()

    def journal(self) -> list[str]:
        """The journal's files that still hold records."""
        return [path for path in self.pbx.files("/var/spool/callveil/*.csv") if "set-aside" not in path]

    def close(self) -> None:
        """Remove everything."""
        self.pbx.close()
