"""Inside a container: one action on the manager interface, and all that answers it."""

from __future__ import annotations

import json
import socket
from typing import Any, BinaryIO


def main(request: dict[str, Any]) -> None:
    """Logs in, sends the action, prints the answer as JSON."""
    with socket.create_connection(("127.0.0.1", 5038), timeout=20) as connection:
        stream: Any = connection.makefile("rwb")
        stream.readline()
        login = {"Action": "Login", "Username": request["user"], "Secret": request["secret"], "Events": "off"}
        send(stream, {**login, "ActionID": "login"})
        entered = block(stream)
        while entered.get("ActionID") != "login":
            entered = block(stream)
        if entered.get("Response") != "Success":
            print(json.dumps([entered]))
            return
        send(stream, {**request["action"], "ActionID": "asked"})
        answers = []
        while True:
            answer = block(stream)
            if answer.get("ActionID") != "asked":
                continue
            answers.append(answer)
            part = answer.get("EventList", "").lower()
            # A list begins with an answer that says so, and ends with an event that says so.
            if part in ("complete", "cancelled") or (len(answers) == 1 and part != "start"):
                break
    print(json.dumps(answers))


def send(stream: BinaryIO, fields: dict[str, Any]) -> None:
    """Writes one action."""
    for name, value in fields.items():
        # An action such as SetVar names a field several times: a list stands for that.
        for one in value if isinstance(value, list) else [value]:
            stream.write(f"{name}: {one}\r\n".encode())
    stream.write(b"\r\n")
    stream.flush()


def block(stream: BinaryIO) -> dict[str, str]:
    """Reads one block; fields that repeat, as those of Command's output, are joined by new lines."""
    fields: dict[str, str] = {}
    while True:
        line = stream.readline()
        if not line:
            raise SystemExit("the manager interface closed the connection")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            if fields:
                return fields
            continue
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        fields[name] = fields[name] + "\n" + value if name in fields else value


main(globals()["d"]["request"])  # given by whoever starts it
