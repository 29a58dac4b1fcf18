"""The FastAGI service of `callveil serve`."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Final

from callveil.live import Live

from callveil_agi.handlers import identity, inbound, outbound
from callveil_agi.protocol import MAX_ENVIRONMENT
from callveil_agi.server import Application

log = logging.getLogger(__name__)

_NAME: Final = "fastagi"

_BACKLOG: Final = 256
"""Connections that the kernel holds while the loop is busy: a burst of calls waits, it is not refused."""

_GRACE: Final = 1.0
"""Seconds that running requests get when the service stops."""


class ServiceError(OSError):
    """The service cannot start; the words say why."""


async def run(live: Live, stop: asyncio.Event) -> None:
    """Serve calls until told to stop.

    Args:
        live: the policy in force, the settings, and where trouble is told.
        stop: set when the process is to end.

    Raises:
        ServiceError: if the address cannot be listened on.
    """
    agi = live.settings.agi
    app = Application(timeout=agi.timeout, max_connections=agi.max_connections)
    app.add_route("outbound", outbound(live))
    app.add_route("identity", identity(live))
    app.add_route("inbound", inbound(live))
    try:
        server = await asyncio.start_server(
            app.accept, agi.host, agi.port, limit=MAX_ENVIRONMENT, backlog=_BACKLOG
        )
    except OSError as error:
        live.troubles[_NAME] = f"Cannot listen for calls on {agi.host} port {agi.port}: {_reason(error)}"
        raise ServiceError(live.troubles[_NAME]) from error
    live.troubles.pop(_NAME, None)
    live.ready.set()
    log.info("Listening for calls on %s port %d", agi.host, agi.port)
    try:
        await stop.wait()
    finally:
        server.close()
        await app.finish(_GRACE)


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there; is Callveil running already?"
        case errno.EACCES:
            return "permission denied"
        case errno.EADDRNOTAVAIL | None:  # None since Python 3.13
            return "this machine has no such address"
        case _:
            return "the address cannot be used"
