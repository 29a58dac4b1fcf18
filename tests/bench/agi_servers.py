"""The servers that are compared, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callveil.serve import find_services, new_live, serve
from callveil.settings import AgiSettings, Settings

CONSTANT: Final = "constant"
"""What the bare server answers to everybody."""


def settings(folder: Path, port: int = 0) -> Settings:
    """Return settings of which every file is in one folder."""
    return Settings(
        agi=AgiSettings(port=port),
        journal=folder,
        store=folder / "records.sqlite3",
        compiled=folder / "policy.json",
        contacts=folder / "contacts.sqlite3",
        contacts_key=folder / "contacts.key",
        trunks=folder / "trunks.json",
    )


def policy_path(folder: Path) -> Path:
    """Return where a server's policy is."""
    return folder / "policy.yaml"


async def bare(port: int) -> None:
    """Serve a constant answer with nothing but asyncio: no limit, no deadline, no decision."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # whoever looks whether it has started
            await reader.readuntil(b"\n\n")
            writer.write(f'SET VARIABLE VEIL_ANSWER "{CONSTANT}"\n'.encode())
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


async def callveil(port: int, folder: Path) -> None:
    """Serve as `callveil serve` does, without the recorder: there is no Asterisk."""
    live = new_live(settings(folder, port), policy_path(folder))
    await serve(live, policy_path(folder), {"fastagi": find_services()["fastagi"]})


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path | None = None) -> Iterator[int]:
    """Run a server and give its port: Callveil with what is in a folder, or the bare one."""
    port = free_port()
    words = [str(port), *([str(folder)] if folder else [])]
    process = subprocess.Popen([sys.executable, "-m", "bench.agi_servers", *words])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError("a server did not start")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """Be one of the servers until told to stop."""
    logging.basicConfig(level=logging.ERROR)
    port, *folder = sys.argv[1:]
    asyncio.run(callveil(int(port), Path(folder[0])) if folder else bare(int(port)))


if __name__ == "__main__":
    main()
