"""The two servers that the decision benchmark compares, each in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callveil.live import Live
from callveil.policy.load import load_policy
from callveil.settings import AgiSettings, Settings
from callveil_agi.service import run

POLICY = Path(__file__).parents[1] / "program" / "policy.yaml"


async def bare(port: int) -> None:
    """Serve a constant answer with nothing but asyncio: no limit, no deadline, no decision."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(b'SET VARIABLE VEIL_ANSWER "veil1|constant"\n')
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


async def callveil(port: int) -> None:
    """Serve Callveil's own decision."""
    live = Live(policy=load_policy(POLICY), settings=Settings(agi=AgiSettings(port=port)))
    await run(live, asyncio.Event())


if __name__ == "__main__":
    asyncio.run({"bare": bare, "callveil": callveil}[sys.argv[1]](int(sys.argv[2])))
