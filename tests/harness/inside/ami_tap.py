"""Inside a container: logs in to the manager interface and writes out what it sends till the pipe closes."""

from __future__ import annotations

import json
import select
import socket
import sys


def main(request: dict[str, str]) -> None:
    """Each read as one line: the bytes in base sixteen, as JSON."""
    connection = socket.create_connection(("127.0.0.1", 5038), timeout=20)
    connection.sendall(
        "Action: Login\r\nActionID: tap\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n".format(
            **request
        ).encode()
    )
    while True:
        readable, _, _ = select.select([connection, sys.stdin], [], [])
        if connection in readable:
            data = connection.recv(65536)
            if not data:
                return
            print(json.dumps(data.hex()), flush=True)
        elif sys.stdin in readable:
            return


main(globals()["d"]["request"])  # given by whoever starts it
