"""One process for everything that runs beside Asterisk: services, signals, reload."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from callveil.live import Live
from callveil.live_facts import LiveFacts
from callveil.policy.compiled import write_compiled
from callveil.policy.load import PolicyError, load_policy_file
from callveil.policy.model import Policy
from callveil.settings import Settings
from callveil.troubles_file import keep_written
from callveil.trunk_state import unfit_trunks

log = logging.getLogger(__name__)

Service = Callable[[Live, asyncio.Event], Awaitable[None]]
"""Runs until the event is set. It returns only then; an exception means that it cannot do its work."""

SERVICES_GROUP: Final = "callveil.services"

STOP_TIMEOUT: Final = 10.0
"""Seconds in which services must end when they are told to; one that does not is cancelled."""


class ServeError(Exception):
    """Callveil cannot run; the text says why and what to do."""


def find_services() -> dict[str, Service]:
    """Return the services that are installed, by name.

    Raises:
        ServeError: if there are none, which means a broken installation.
    """
    services: dict[str, Service] = {entry.name: entry.load() for entry in entry_points(group=SERVICES_GROUP)}
    if not services:
        raise ServeError("no service is installed; install Callveil again")
    return services


def read_policy(settings: Settings, path: Path) -> Policy:
    """Return the policy of a file, with its compiled form written out for the spawned scripts.

    Raises:
        PolicyError: the policy has mistakes; nothing was written.
        OSError: the compiled form could not be written.
    """
    loaded = load_policy_file(path)
    write_compiled(settings.compiled, loaded.policy, loaded.sha256)
    return loaded.policy


def reload_policy(live: Live, path: Path) -> None:
    """Put a changed policy in force, or keep the old one and say why. Never raises for a bad policy."""
    try:
        live.policy = read_policy(live.settings, path)
    except PolicyError as error:
        live.troubles["policy"] = "The changed policy has mistakes; the one before it stays in force."
        log.error("Policy refused, the one before it stays in force:\n%s", error)
    except OSError as error:
        live.troubles["policy"] = "The changed policy could not be read or written out."
        log.error("Policy not changed: %s", error)
    else:
        live.troubles.pop("policy", None)
        log.warning(
            "Policy reloaded: %d lines, %d identities", len(live.policy.lines), len(live.policy.identities)
        )


async def serve(live: Live, policy_path: Path, services: dict[str, Service]) -> None:
    """Run services until SIGTERM or SIGINT; SIGHUP reloads the policy.

    Raises:
        ServeError: a service ended by itself. The others are stopped first.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload_policy, live, policy_path)
    tasks = [asyncio.create_task(_run(service, live, stop), name=name) for name, service in services.items()]
    telling = asyncio.create_task(keep_written(live, stop))
    asked = asyncio.create_task(stop.wait())
    ready = asyncio.create_task(live.ready.wait())
    try:
        await asyncio.wait([*tasks, asked, ready], return_when=asyncio.FIRST_COMPLETED)
        if live.ready.is_set():
            log.warning("Callveil runs: %s", ", ".join(sorted(services)))
            notify("READY=1")
        await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
        ended = [] if stop.is_set() else [task.get_name() for task in tasks if task.done()]
    finally:
        notify("STOPPING=1")
        stop.set()
        await asked
        await asyncio.gather(telling, return_exceptions=True)
        ready.cancel()
        await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Exception):
            raise ServeError(f"{task.get_name()}: {result}") from result
    if ended:
        raise ServeError(f"{ended[0]} ended by itself")
    log.warning("Callveil stopped")


async def _run(service: Service, live: Live, stop: asyncio.Event) -> None:
    await service(live, stop)


def notify(message: str) -> None:
    """Tell systemd about this process's state, where it asked to be told (``sd_notify(3)``)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.sendto(message.encode(), name)


def new_live(settings: Settings, policy_path: Path) -> Live:
    """Return the state of a process that starts now.

    Raises:
        PolicyError: the policy has mistakes.
        ServeError: the compiled form could not be written.
    """
    try:
        policy = read_policy(settings, policy_path)
    except OSError as error:
        raise ServeError(f"{settings.compiled} cannot be written: {error.strerror}") from error
    unfit = unfit_trunks(settings.trunks, policy)
    live = Live(policy, settings, cannot_hide=unfit.to_hide, cannot_show=unfit.to_show)
    live.facts = LiveFacts(live).facts
    return live
