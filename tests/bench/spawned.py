"""The script that Asterisk starts for each call, against the daemon's answer to the same stub of Asterisk."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from callveil.serve import read_policy

from bench.agi_client import CALL_ID, NUMBERS, WrongAnswerError, environment
from bench.agi_servers import policy_path, running, settings
from bench.decision import HIDDEN
from bench.figures import Figure, alternate
from bench.programs import EXTENSION, small

CALLS: Final = 20
SCRIPT: Final = Path(sys.executable).with_name("callveil-agi")


def talk(sent: IO[bytes], received: IO[bytes], *arguments: str) -> None:
    """Be Asterisk for one call, whatever is at the other end."""
    sent.write(environment(NUMBERS[0], *arguments))
    sent.flush()
    if not received.readline().startswith(f'SET VARIABLE VEIL_ANSWER "{HIDDEN}'.encode()):
        raise WrongAnswerError("something else was answered")
    sent.write(b"200 result=1\n")
    sent.flush()
    received.read()


def ask(port: int) -> None:
    """Ask the daemon about one call."""
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        connection.makefile("wb") as sent,
        connection.makefile("rb") as received,
    ):
        talk(sent, received, EXTENSION, CALL_ID)


def by_network(port: int) -> float:
    """Return milliseconds a call that the daemon is asked about."""
    began = time.perf_counter()
    for _ in range(CALLS):
        ask(port)
    return (time.perf_counter() - began) / CALLS * 1e3


def by_script(folder: Path) -> float:
    """Return milliseconds a call that a script is started for, to the end of the script."""
    surroundings = {
        **os.environ,
        "CALLVEIL_POLICY": str(policy_path(folder)),
        "CALLVEIL_COMPILED": str(settings(folder).compiled),
        "CALLVEIL_SETTINGS": str(folder / "settings.yaml"),
    }
    words = [str(SCRIPT), "outbound", EXTENSION, CALL_ID]
    began = time.perf_counter()
    for _ in range(CALLS):
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings
        ) as script:
            assert script.stdin
            assert script.stdout
            talk(script.stdin, script.stdout, *words[1:])
    return (time.perf_counter() - began) / CALLS * 1e3


def measure() -> Iterator[Figure]:
    """Yield the figure of the spawned script."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        small(folder)
        read_policy(settings(folder), policy_path(folder))
        where = settings(folder)
        (folder / "settings.yaml").write_text(
            f"contacts: {where.contacts}\ncontacts_key: {where.contacts_key}\ntrunks: {where.trunks}\n"
        )
        with running(folder) as port:
            ways = (lambda: by_script(folder), lambda: by_network(port))
            alternate(ways, rounds=1)
            script, daemon = alternate(ways)
        yield Figure("decision by a script for each call", "ms a call", script, daemon, "the daemon")
