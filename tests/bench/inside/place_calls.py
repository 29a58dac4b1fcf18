"""Inside a PBX: places calls within Asterisk, and waits until a database has a record of each."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_connection
from typing import Any

POLL = 0.01
PATIENCE = 60.0


def main(request: dict[str, Any]) -> None:
    """Prints how many seconds all took, and the processor time of some processes meanwhile, in ticks."""
    calls, at_once = request["calls"], request["at_once"]
    before, ticks_before = count(request), ticks(request["processes"])
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(place, [request] * at_once, [calls // at_once] * at_once))
    placed = time.monotonic() - began
    while (found := count(request) - before) < calls:
        if time.monotonic() - began > placed + PATIENCE:
            raise SystemExit(f"{found} records of {calls} calls")
        time.sleep(POLL)
    seconds = time.monotonic() - began
    used = ticks(request["processes"]) - ticks_before
    print(json.dumps({"seconds": seconds, "placed": placed, "ticks": used}))


def count(request: dict[str, Any]) -> int:
    """Returns how many records there are."""
    if not Path(request["database"]).exists():
        return 0
    database = sqlite3.connect(f"file:{request['database']}?mode=ro", uri=True, timeout=5)
    try:
        return int(database.execute(request["count"]).fetchone()[0])
    finally:
        database.close()


def place(request: dict[str, Any], calls: int) -> None:
    """Places calls one after another: each is answered, and hung up at once."""
    with create_connection(("127.0.0.1", 5038), timeout=20) as connection:
        stream = connection.makefile("rwb")
        stream.readline()
        login = {"Action": "Login", "Username": request["user"], "Secret": request["secret"], "Events": "off"}
        act(stream, login)
        for _ in range(calls):
            act(stream, {"Action": "Originate", "Channel": request["channel"], "Application": "Hangup"})


def act(stream: Any, fields: dict[str, str]) -> None:
    """Sends an action and waits until it succeeded."""
    stream.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")
    stream.flush()
    succeeded = False
    for line in stream:
        succeeded = succeeded or line.startswith(b"Response: Success")
        if not line.strip():
            break
    if not succeeded:
        raise SystemExit(f"{fields['Action']} failed")


def ticks(processes: list[str]) -> int:
    """Returns the processor time that processes have used, in ticks."""
    used = 0
    for process in processes:
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        used += int(words[11]) + int(words[12])
    return used


main(globals()["d"]["request"])  # given by whoever starts it
