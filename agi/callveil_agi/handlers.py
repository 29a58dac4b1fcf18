"""The FastAGI endpoints: one question in, one command out."""

from __future__ import annotations

import logging

from callveil.channel_variables import ANSWER, CALLER
from callveil.live import Live

from callveil_agi.answers import answer_identity, answer_inbound, answer_outbound, keeps_caller
from callveil_agi.protocol import get_variable, set_variable
from callveil_agi.server import Endpoint, Request

log = logging.getLogger(__name__)


def outbound(live: Live) -> Endpoint:
    """Return the endpoint for ``AGI(agi://HOST/outbound,EXTENSION,ID)`` at the extension that was dialled."""

    async def endpoint(request: Request) -> None:
        asked = request.headers.get
        await _send(
            request,
            answer_outbound(
                live.policy,
                asked("agi_arg_1"),
                asked("agi_extension"),
                asked("agi_arg_2"),
                live.facts(),
                pseudonym=live.pseudonym,
            ),
        )

    return endpoint


def identity(live: Live) -> Endpoint:
    """Return the endpoint for ``AGI(agi://HOST/identity,EXTENSION,ID,TRUNK)``, asked like `outbound`."""

    async def endpoint(request: Request) -> None:
        asked = request.headers.get
        await _send(
            request,
            answer_identity(
                live.policy,
                asked("agi_arg_1"),
                asked("agi_extension"),
                asked("agi_arg_2"),
                trunk=asked("agi_arg_3"),
                facts=live.facts(),
            ),
        )

    return endpoint


def inbound(live: Live) -> Endpoint:
    """Return the endpoint for ``AGI(agi://HOST/inbound,LINE,ID)``."""

    async def endpoint(request: Request) -> None:
        line, call_id = request.headers.get("agi_arg_1"), request.headers.get("agi_arg_2")
        # Asked for here, because what AGI() is called with is told to everybody who listens.
        caller = await _variable(request, CALLER) if keeps_caller(live.policy, line) else ""
        await _send(request, answer_inbound(live.policy, line, call_id, caller, live.pseudonym))

    return endpoint


async def _variable(request: Request, name: str) -> str:
    """Return a channel variable; empty where it is not set."""
    reply = await request.send_command(get_variable(name))
    return (reply.value or "") if reply.done else ""


async def _send(request: Request, answer: str) -> None:
    """Give the answer. When Asterisk does not take it, the dialplan's own ``deny`` stands."""
    reply = await request.send_command(set_variable(ANSWER, answer))
    if not reply.done:
        log.warning("Asterisk did not take an answer: code %d", reply.code)
