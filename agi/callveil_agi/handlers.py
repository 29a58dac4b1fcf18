"""The FastAGI endpoints: one question in, one command out."""

from __future__ import annotations

import logging

from callveil.channel_variables import ANSWER
from callveil.live import Live

from callveil_agi.answers import answer_identity, answer_inbound, answer_outbound
from callveil_agi.protocol import set_variable
from callveil_agi.server import Endpoint, Request

log = logging.getLogger(__name__)


def outbound(live: Live) -> Endpoint:
    """Return the endpoint for ``AGI(agi://HOST/outbound,EXTENSION,ID)`` at the extension that was dialled."""

    async def endpoint(request: Request) -> None:
        asked = request.headers.get
        await _send(
            request,
            answer_outbound(
                live.policy, asked("agi_arg_1"), asked("agi_extension"), asked("agi_arg_2"), live.facts()
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
        asked = request.headers.get
        await _send(request, answer_inbound(live.policy, asked("agi_arg_1"), asked("agi_arg_2")))

    return endpoint


async def _send(request: Request, answer: str) -> None:
    """Give the answer. When Asterisk does not take it, the dialplan's own ``deny`` stands."""
    reply = await request.send_command(set_variable(ANSWER, answer))
    if not reply.done:
        log.warning("Asterisk did not take an answer: code %d", reply.code)
