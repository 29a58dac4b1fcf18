"""Finds a Docker that works; else, on Debian, starts a private one; else says what to install."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

LOG_LIMIT = 1_000_000
"""The private daemon's log is emptied once it is longer than this many bytes."""

# What the private daemon may know of its surroundings: nothing but how to reach the network.
PASSED_ON = ("PATH", "HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PASSED_ON_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class HarnessError(RuntimeError):
    """The harness could not do what a test asked, which is never the same as a test that passes."""


class NoDockerError(HarnessError):
    """There is no Docker and no way to start one here; the message says what to install."""


@dataclass(frozen=True)
class Docker:
    """One Docker daemon, spoken to through the ordinary command."""

    host: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """The full command line for `docker ARGUMENTS`."""
        return ["docker", *(["-H", self.host] if self.host else []), *arguments]

    def run(
        self,
        *arguments: str,
        check: bool = True,
        timeout: float = 60,
        feed: bytes | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs one docker command; an unexpected end is an error that carries what Docker said."""
        try:
            done = subprocess.run(
                self.command(*arguments), input=feed, capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise HarnessError(f"docker {arguments[0]} took longer than {timeout} s: {late}") from late
        if check and done.returncode:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise HarnessError(
                f"docker {' '.join(arguments[:6])} ended with {done.returncode}: {said[-2000:]}"
            )
        return done

    def works(self) -> bool:
        """Whether the daemon behind it answers."""
        if not shutil.which("docker"):
            return False
        try:
            asked = self.run("version", "--format", "{{.Server.Version}}", check=False, timeout=15)
        except HarnessError:
            return False
        return asked.returncode == 0 and bool(asked.stdout.strip())


def cache_folder() -> Path:
    """Where everything stays that the tests keep between runs."""
    base = os.environ.get("CALLVEIL_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "callveil"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def cache_lock(name: str) -> Iterator[None]:
    """Holds one piece of work back until nobody else on this machine does the same."""
    with (cache_folder() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def private_folder() -> Path:
    """Where the private daemon lives."""
    return cache_folder() / "docker"


def private_docker() -> Docker:
    """The private daemon, running or not."""
    return Docker(f"unix://{private_folder() / 'docker.sock'}")


def find_docker() -> Docker:
    """A Docker that works, started here if need be.

    Raises:
        NoDockerError: there is none, and none could be started.
    """
    for candidate in (Docker(), private_docker()):
        if candidate.works():
            bound_log()
            return candidate
    with cache_lock("docker"):
        # Another run may have started it while this one waited.
        if not private_docker().works():
            start_private_daemon()
    return private_docker()


def start_private_daemon() -> None:
    """Starts a daemon that shares nothing with the system's own: socket, data, network rules."""
    refuse_unless_possible()
    install_missing({"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables"})
    folder = private_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pid").unlink(missing_ok=True)
    command = ["dockerd", "-H", f"unix://{folder / 'docker.sock'}", "--data-root", str(folder / "data")]
    command += ["--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"), "--log-level", "error"]
    command += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    with (folder / "log").open("wb") as log:
        pass
    with (folder / "log").open("ab") as log:
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=daemon_environment(os.environ),
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if private_docker().works():
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.3)
    said = (folder / "log").read_text(errors="replace")[-2000:]
    raise NoDockerError(f"The private Docker daemon did not start. It said:\n{said}")


def daemon_environment(surroundings: Mapping[str, str]) -> dict[str, str]:
    """The part of the surroundings that the private daemon gets."""
    return {
        name: surroundings[name] for name in (*PASSED_ON, *PASSED_ON_CERTIFICATES) if name in surroundings
    }


def refuse_unless_possible() -> None:
    """Raises with instructions where no private daemon can be started."""
    if os.geteuid() == 0 and shutil.which("apt-get") and Path("/etc/debian_version").exists():
        return
    raise NoDockerError(
        "These tests run a real Asterisk in Docker, and no Docker answers.\n"
        "Either install Docker, start it, and make sure that `docker version` works for this user\n"
        "  (Debian or Ubuntu: sudo apt-get install docker.io mmdebstrap && sudo usermod -aG docker $USER),\n"
        "or point DOCKER_HOST at one that runs elsewhere,\n"
        "or run this as root on Debian or Ubuntu: a private Docker is then installed and started."
    )


INSTALLING = Lock()


def install_missing(needed: Mapping[str, str]) -> None:
    """Installs the packages of those commands that are not there.

    Args:
        needed: command to Debian package.
    """
    # Several images are made at once, and two of them may miss the same package.
    with INSTALLING:
        packages = sorted({package for command, package in needed.items() if not shutil.which(command)})
        if not packages:
            return
        if os.geteuid() or not shutil.which("apt-get"):
            raise HarnessError("Please install: " + " ".join(packages))
        print("installing", *packages, file=sys.stderr, flush=True)
        apt_get("update", "-q")
        apt_get("install", "-q", "-y", "--no-install-recommends", *packages)


def apt_get(*arguments: str) -> None:
    """Runs apt-get without questions, and without starting what it installs."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    command: Sequence[str] = ("apt-get", *arguments)
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=600)
    if done.returncode:
        raise HarnessError(f"{' '.join(command)} failed:\n{done.stderr.decode('utf-8', 'replace')[-2000:]}")


def bound_log() -> None:
    """Keeps the private daemon's log from growing for ever."""
    log = private_folder() / "log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        os.truncate(log, 0)


def main() -> int:
    """Prints which Docker the tests would use."""
    try:
        found = find_docker()
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(found.host or "the Docker that `docker` reaches by itself")
    return 0


if __name__ == "__main__":
    sys.exit(main())
