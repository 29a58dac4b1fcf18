"""Inside a container: one action on the manager interface, and all that answers it."""

import json
import socket
import sys


def main(request):
    """Logs in, sends the action, prints the answer as JSON."""
    with socket.create_connection(("127.0.0.1", request.get("port", 5038)), timeout=20) as connection:
        stream = connection.makefile("rwb")
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
            starts_list = answer.get("EventList", "").lower() == "start"
            if (
                len(answers) == 1
                and not starts_list
                or answer.get("EventList", "").lower() in ("complete", "cancelled")
            ):
                break
    print(json.dumps(answers))


def send(stream, fields):
    """Writes one action."""
    for name, value in fields.items():
        # An action such as SetVar names a field several times: a list stands for that.
        for one in value if isinstance(value, list) else [value]:
            stream.write("{}: {}\r\n".format(name, one).encode())
    stream.write(b"\r\n")
    stream.flush()


def block(stream):
    """Reads one block; fields that repeat, as those of Command's output, are joined by new lines."""
    fields = {}
    while True:
        line = stream.readline()
        if not line:
            raise SystemExit("the manager interface closed the connection")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            if fields:
                return fields
            continue
        name, _, value = text.partition(": ")
        if not _:
            name, _, value = text.partition(":")
        fields[name] = fields[name] + "\n" + value if name in fields else value


main(d["request"])  # noqa: F821 - given by whoever starts it
