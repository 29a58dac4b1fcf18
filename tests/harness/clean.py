"""Removes what the tests put on this machine, and nothing of the system's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.daemon import Docker, HarnessError, cache_folder, private_docker, private_folder
from harness.leftovers import remove_leftovers


def clean(docker: Docker) -> None:
    """Removes the tests' containers and images from one Docker."""
    remove_leftovers(docker, everything=True)
    listed = (
        docker.run("images", "--format", "{{.Repository}}:{{.Tag}}", "callveil-test/*")
        .stdout.decode()
        .split()
    )
    if listed:
        docker.run("rmi", "-f", *listed, check=False, timeout=300)


def stop_private_daemon() -> None:
    """Ends the private daemon, if this machine runs one; its images stay for the next time."""
    try:
        process = int((private_folder() / "pid").read_text())
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    # A number in a file may have become somebody else's since it was written.
    if b"dockerd" not in command or bytes(private_folder()) not in command:
        return
    os.kill(process, signal.SIGTERM)
    for _ in range(200):
        if not Path(f"/proc/{process}").exists():
            break
        time.sleep(0.1)
    # It leaves one mount behind, without which its folder can be removed by whoever wants the space back.
    left = private_folder() / "exec" / "netns" / "default"
    subprocess.run(["umount", str(left)], capture_output=True, check=False)


def main() -> int:
    """Cleans every Docker that the tests may have used."""
    for docker in (Docker(), private_docker()):
        if docker.works():
            try:
                clean(docker)
            except HarnessError as problem:
                print(problem, file=sys.stderr)
                return 1
    stop_private_daemon()
    shutil.rmtree(cache_folder() / "wheels", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
