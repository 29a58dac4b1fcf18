"""Removes what runs left behind that were cut off. What a living run uses stays."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from harness.daemon import Docker

LABEL = "callveil-test.owner"


def owner() -> str:
    """Names this process so that no other, earlier or later, is taken for it."""
    return f"{socket.gethostname()}/{os.getpid()}/{began(os.getpid())}"


def began(process: int) -> str:
    """When a process started, in the kernel's own count; empty if it is gone."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    # The command's name may hold anything, so the fields are counted from behind it.
    return stat.rpartition(")")[2].split()[19]


def is_gone(label: str) -> bool:
    """Whether the process of a label ran on this machine and has ended."""
    host, _, rest = label.partition("/")
    process, _, start = rest.partition("/")
    return host == socket.gethostname() and process.isdigit() and began(int(process)) != start


def remove_leftovers(docker: Docker, *, everything: bool = False) -> None:
    """Removes containers and volumes of runs that have ended, or of all runs."""
    shape = '{{.ID}} {{.Label "' + LABEL + '"}}'
    listed = docker.run("ps", "-a", "--filter", f"label={LABEL}", "--format", shape).stdout.decode()
    old = [
        line.split(" ", 1)[0] for line in listed.splitlines() if everything or is_gone(line.split(" ", 1)[1])
    ]
    if old:
        docker.run("rm", "-f", "-v", *old, check=False)
    shape = '{{.Name}} {{.Label "' + LABEL + '"}}'
    listed = docker.run("volume", "ls", "--filter", f"label={LABEL}", "--format", shape).stdout.decode()
    old = [
        line.split(" ", 1)[0] for line in listed.splitlines() if everything or is_gone(line.split(" ", 1)[1])
    ]
    if old:
        docker.run("volume", "rm", "-f", *old, check=False)
