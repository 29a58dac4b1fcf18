"""Inside the tools container: runs one SIPp, listens on a media port, and hands back what both have seen.

With `stay`, SIPp runs until the one who started it closes the pipe, or dies.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from typing import Any

ROOT = "/tmp/calls"


def main(request: dict[str, Any]) -> None:
    """Runs SIPp as the request says."""
    folder = os.path.join(ROOT, request["id"])
    os.makedirs(folder, exist_ok=True)

    def path(name: str) -> str:
        return os.path.join(folder, name)

    with open(path("scenario.xml"), "w") as file:
        file.write(request["scenario"])
    if request.get("speech"):
        speak(request["speech"], path("speech.ul"))
    listener = Listener(request["ip"], request["listen"]) if request.get("listen") else None
    command = ["sipp", "-sf", path("scenario.xml"), "-i", request["ip"], "-p", str(request["port"])]
    command += ["-mi", request["ip"], "-nostdin", "-aa", "-trace_msg", "-message_file", path("messages")]
    command += ["-trace_err", "-error_file", path("errors"), *request["arguments"]]
    with open(path("out"), "wb") as out:
        sipp = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)
    try:
        if request.get("stay"):
            stay(sipp, request, path("out"))
            return
        try:
            code = sipp.wait(request["timeout"])
        except subprocess.TimeoutExpired:
            code = None
    finally:
        if sipp.poll() is None:
            sipp.kill()
            sipp.wait()
    answer = {"code": code, "messages": read(path("messages")), "errors": read(path("errors")), "out": ""}
    if code not in (0, 1, None):
        answer["out"] = read(path("out"))
    answer.update(listener.stop() if listener else {"packets": 0, "audio": ""})
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(answer))


def stay(sipp: subprocess.Popen[bytes], request: dict[str, Any], out: str) -> None:
    """Says when SIPp has its port, then waits for the end of the pipe."""
    deadline = time.monotonic() + 10
    while not bound(request["ip"], request["port"]):
        if sipp.poll() is not None or time.monotonic() > deadline:
            print(json.dumps({"ready": False, "out": read(out)[-2000:]}), flush=True)
            return
        time.sleep(0.02)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()
    print(json.dumps({"code": sipp.poll()}), flush=True)


def bound(ip: str, port: int) -> bool:
    """Whether somebody listens on a UDP port."""
    wanted = f"{socket.inet_aton(ip)[::-1].hex().upper()}:{port:04X}"
    with open("/proc/net/udp") as table:
        return any(line.split()[1] == wanted for line in table)


def read(name: str) -> str:
    """What a file holds, base64 because SIP is bytes; empty if there is none."""
    try:
        with open(name, "rb") as file:
            return base64.b64encode(file.read()).decode()
    except FileNotFoundError:
        return ""


def speak(speech: dict[str, str], target: str) -> None:
    """Makes telephone audio, spoken or from a recording."""
    wide = target + ".wav"
    if speech.get("text"):
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "165", "-w", wide, speech["text"]], check=True)
    else:
        with open(wide, "wb") as file:
            file.write(base64.b64decode(speech["wav"]))
    subprocess.run(["sox", wide, "-r", "8000", "-c", "1", "-t", "ul", target], check=True)
    os.unlink(wide)


class Listener:
    """Counts the packets on a media port and keeps their payload."""

    def __init__(self, ip: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ip, port))
        self.socket.settimeout(0.1)
        self.packets, self.audio, self.ended = 0, bytearray(), False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self) -> None:
        """Takes packets until told to stop."""
        while not self.ended:
            try:
                packet = self.socket.recv(2048)
            except TimeoutError:
                continue
            # A fixed header of twelve bytes; only plain audio is kept, no telephone events.
            if len(packet) > 12 and packet[1] & 0x7F == 0:
                self.packets += 1
                self.audio += packet[12:]

    def stop(self) -> dict[str, Any]:
        """What was heard."""
        self.ended = True
        self.thread.join()
        self.socket.close()
        return {"packets": self.packets, "audio": base64.b64encode(bytes(self.audio)).decode()}


main(globals()["d"]["request"])  # given by whoever starts it
