"""A PBX of a small program in containers: Asterisk, Callveil, and the tools that play phones and carrier."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from threading import Lock
from typing import Any, Literal, Self

from harness.closing import Closing
from harness.container import Container, archive_of
from harness.daemon import Docker, HarnessError, find_docker
from harness.images import RECIPES, Images, build_images
from harness.leftovers import LABEL, owner, remove_leftovers

Version = Literal["22", "16"]
Flavour = Literal["plain", "callveil"]
VERSIONS: tuple[Version, ...] = ("22", "16")

ASTERISK_ID = 640
"""User and group `asterisk`, the same number in every image."""

JOURNAL = "/var/spool/callveil"

TESTER_SECRET = "only-for-tests"
"""Of `tester`, the tests' own account on the manager interface."""

SHARED = (
    "/etc/asterisk",
    "/etc/callveil",
    "/var/lib/callveil",
    JOURNAL,
    "/var/spool/asterisk",
    "/run/callveil",
)
"""What Asterisk and Callveil both see where they run in two containers."""


NO_NETWORK = "No ethernet interface found for seeding global EID. You will have to set it manually."


@cache
def ready() -> tuple[Docker, Images]:
    """Docker and all images; the first call in a process does the work."""
    docker = find_docker()
    remove_leftovers(docker)
    return docker, build_images(docker)


def wait_for(what: str, condition: Callable[[], Any], timeout: float = 15, interval: float = 0.1) -> Any:
    """Asks until the answer is true, and returns it; a wait that ends without it is an error."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise HarnessError(f"waited {timeout} s in vain: {what}")
        time.sleep(interval)


class Pbx(Closing):
    """A running PBX. Use it as a context manager, or call `close`."""

    def __init__(self, docker: Docker, version: Version, flavour: Flavour) -> None:
        self.docker = docker
        self.version: Version = version
        self.flavour: Flavour = flavour
        self.id = f"callveil-{version}-{flavour}-{secrets.token_hex(4)}"
        self.pbx = Container(docker, self.id, "pbx")
        self.tools = Container(docker, f"{self.id}-tools", "tools")
        apart = flavour == "callveil" and version == "16"
        self.callveil = Container(docker, f"{self.id}-callveil", "callveil") if apart else self.pbx
        """Where Callveil's commands run: beside Asterisk 22, in a container of its own with 16."""
        self.volumes: list[str] = []
        self._ports = count(30000, 2)
        self._lock = Lock()

    @classmethod
    def start(
        cls,
        version: Version = "22",
        flavour: Flavour = "callveil",
        overlay: Mapping[str, str | bytes] | None = None,
        mounts: Sequence[str] = (),
        disks: Mapping[str, str] | None = None,
    ) -> Self:
        """Starts the containers and waits until Asterisk has fully booted.

        Args:
            version: of Asterisk.
            flavour: `plain` is the control without Callveil.
            overlay: files by their path in the container, put over the flavour's own.
            mounts: folders or volumes of others that it sees too, as ``what:where``.
            disks: folders that get a small disk of their own, with its size, such as ``4m``.
        """
        docker, images = ready()
        self = cls(docker, version, flavour)
        try:
            self._create(images, overlay or {}, mounts, disks or {})
            self.start_asterisk()
        except BaseException:
            self.close()
            raise
        return self

    def _create(
        self,
        images: Images,
        overlay: Mapping[str, str | bytes],
        others: Sequence[str],
        disks: Mapping[str, str],
    ) -> None:
        image = (images.pbx if self.flavour == "callveil" else images.asterisk)[self.version]
        # The search for leaks looks into Asterisk's open files, which only a tracer may: Asterisk has changed
        # its user.
        common = ["--label", f"{LABEL}={owner()}", "--log-driver", "none", "--cap-add", "SYS_PTRACE"]
        mounts = [part for mount in others for part in ("-v", mount)]
        # The journal's folder is a volume in any case: Linux grants no leases on a container's overlay.
        own = (JOURNAL,) if self.callveil is self.pbx else SHARED
        for number, path in enumerate(dict.fromkeys((*own, *disks))):
            volume = f"{self.id}-{number}"
            kind = ["type=tmpfs", "device=tmpfs", f"o=size={disks[path]}"] if path in disks else []
            options = [word for option in kind for word in ("--opt", option)]
            self.docker.run("volume", "create", "--label", f"{LABEL}={owner()}", *options, volume)
            self.volumes.append(volume)
            mounts += ["-v", f"{volume}:{path}"]
        create = ["create", "--name", self.id, "--hostname", "pbx", "--network", "none", *common, *mounts]
        self.docker.run(*create, image)
        self.pbx.copy_in(archive_of(self._configuration(overlay), owner=ASTERISK_ID))
        self.docker.run("start", self.id)
        beside = ["run", "-d", "--network", f"container:{self.id}", *common]
        self.docker.run(*beside, "--name", self.tools.name, images.tools)
        if self.callveil is not self.pbx:
            self.docker.run(*beside, *mounts, "--name", self.callveil.name, images.callveil)

    def _configuration(self, overlay: Mapping[str, str | bytes]) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for layer in ("common", self.flavour):
            folder = RECIPES / "etc-asterisk" / layer
            for path in folder.rglob("*"):
                if path.is_file():
                    files[f"/etc/asterisk/{path.relative_to(folder)}"] = path.read_bytes()
        for name, data in overlay.items():
            files[name] = data.encode() if isinstance(data, str) else data
        return files

    @property
    def containers(self) -> list[Container]:
        """All whose disks matter. Phones and carrier are the world outside."""
        return [self.pbx] if self.callveil is self.pbx else [self.pbx, self.callveil]

    def next_port(self) -> int:
        """A port for a telephone's signalling or media that nobody else in this PBX uses."""
        with self._lock:
            return next(self._ports)

    def exec(
        self,
        command: str | Sequence[str],
        *,
        user: str = "root",
        check: bool = True,
        input: str | bytes | None = None,  # noqa: A002 - the name that subprocess has for it
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command where Asterisk runs."""
        return self.pbx.exec(command, user=user, check=check, input=input, timeout=timeout)

    def spawn(self, command: str | Sequence[str], *, user: str = "root") -> None:
        """Starts a command where Asterisk runs and leaves it running."""
        self.pbx.spawn(command, user=user)

    def read(self, path: str) -> str:
        """What a file holds where Asterisk runs."""
        return self.pbx.read(path)

    def write(
        self, path: str, data: str | bytes, mode: int = 0o644, owner: str = "asterisk:asterisk"
    ) -> None:
        """Puts a file there where Asterisk runs."""
        self.pbx.write(path, data, mode, owner)

    def files(self, pattern: str) -> list[str]:
        """The files of a glob pattern where Asterisk runs."""
        return self.pbx.files(pattern)

    def cli(self, command: str, *, check: bool = True) -> str:
        """What Asterisk answers to a command of its own console."""
        said = self.exec(["asterisk", "-rx", command], check=check).stdout
        # A container without any network makes the console begin with a remark about that.
        return said.removeprefix(NO_NETWORK).lstrip("\n")

    def ami_action(self, action: str, **fields: str) -> list[dict[str, str]]:
        """What the manager interface answers: the response, and the events of a list that follows it."""
        request = {"user": "tester", "secret": TESTER_SECRET, "action": {"Action": action, **fields}}
        return list(self.tools.run_inside("ami_action.py", request))

    def start_asterisk(self) -> None:
        """Starts Asterisk and waits until it has fully booted."""
        self.pbx.spawn(["asterisk", "-f", "-U", "asterisk", "-G", "asterisk"])
        self.wait_booted()

    def wait_booted(self, timeout: float = 40) -> None:
        """Waits until all modules are loaded."""
        # A busy machine is slow to start a program, and pidof overlooks one that waits for its disk.
        loop = (
            "missing=0; until asterisk -rx 'core waitfullybooted' 2>/dev/null | grep -q 'fully booted'; do "
            "if pidof asterisk >/dev/null; then missing=0; else missing=$((missing + 1)); fi; "
            "[ $missing -lt 15 ] || exit 3; sleep 0.2; done"
        )
        if self.exec(loop, check=False, timeout=timeout).returncode:
            tried = self.exec("timeout 5 asterisk -c -U asterisk -G asterisk 2>&1 | tail -n 40", check=False)
            raise HarnessError(f"{self.id}: Asterisk ended while it started:\n{tried.stdout}")

    def stop_asterisk(self, how: Literal["graceful", "now", "kill"] = "graceful") -> None:
        """Ends Asterisk: after the last call, at once but in order, or as a crash."""
        if how == "kill":
            self.exec("kill -9 $(pidof asterisk)")
        else:
            self.cli("core stop gracefully" if how == "graceful" else "core stop now", check=False)
        gone = "for i in $(seq 300); do pidof asterisk >/dev/null || exit 0; sleep 0.1; done; exit 1"
        self.exec(gone, timeout=40)

    def restart_asterisk(self, how: Literal["graceful", "now", "kill"] = "graceful") -> None:
        """Ends Asterisk and starts it again on the same disk."""
        self.stop_asterisk(how)
        self.start_asterisk()

    def wait_idle(self, timeout: float = 20) -> None:
        """Waits until no channel is left, so that all records of past calls have been written."""
        wait_for(
            "all channels hung up", lambda: "0 active channels" in self.cli("core show channels"), timeout
        )

    def trouble(self) -> str:
        """What helps to understand a test that failed."""
        parts = []
        for command in ("core show channels verbose", "core show uptime", "pjsip show endpoints"):
            parts.append(f"--- {command}\n{self.cli(command, check=False)[-3000:]}")
        for path in self.files("/var/log/asterisk/*"):
            if not path.endswith(("cdr-csv", "cdr-custom")):
                parts.append(f"--- {path}\n{self.exec(['tail', '-n', '60', path], check=False).stdout}")
        return "\n".join(parts)

    def close(self) -> None:
        """Removes the containers and all that they held."""
        names = {self.tools.name, self.callveil.name, self.pbx.name}
        self.docker.run("rm", "-f", "-v", *sorted(names, reverse=True), check=False)
        if self.volumes:
            self.docker.run("volume", "rm", "-f", *self.volumes, check=False)
