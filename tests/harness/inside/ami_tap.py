"""Inside a container: logs in to the manager interface and writes out every block it sends, until the pipe is closed."""

import json
import select
import socket
import sys


def main(request):
    """Each read as one line: the bytes in base sixteen, as JSON."""
    connection = socket.create_connection(("127.0.0.1", request.get("port", 5038)), timeout=20)
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


main(d["request"])  # noqa: F821 - given by whoever starts it
