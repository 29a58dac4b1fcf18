"""Inside the tools container: answers the dialplan's questions in Callveil's place, with what a test wants.

It runs until the one who started it closes the pipe.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from typing import Any

request: dict[str, Any] = globals()["d"]["request"]  # given by whoever starts it


class Question(socketserver.StreamRequestHandler):
    """One call's question."""

    def handle(self) -> None:
        """Reads who asks, and answers by what was dialled."""
        told: dict[str, str] = {}
        while line := self.rfile.readline().decode("utf-8", "replace").strip():
            name, _, value = line.partition(": ")
            told[name] = value
        answer = request["answers"].get(told["agi_extension"])
        if answer is not None:
            # Callveil's answer begins with a word, and with the id that the dialplan gave its question.
            word, rest = answer.split("|", 1)
            self.wfile.write(f'SET VARIABLE VEIL_ANSWER "{word}|{told["agi_arg_2"]}|{rest}"\n'.encode())
            self.rfile.readline()


class Server(socketserver.ThreadingTCPServer):
    """Where questions arrive."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


with Server((request["ip"], request["port"]), Question) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()
    server.shutdown()
