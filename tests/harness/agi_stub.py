"""Something in Callveil's place that decides on calls as a test says, to try the dialplan by itself."""

from __future__ import annotations

from collections.abc import Mapping

from callveil.answer import pack_outbound
from callveil.decision import Decision

from harness.pbx import Pbx
from harness.sip import PBX_ADDRESS, Taker

ANY_ID = "id"
"""Stands for the id of the question, which the stub puts in its place."""


class AgiStub(Taker):
    """Answers questions about calls that go out, where Callveil would.

    Args:
        pbx: whose Callveil does not run.
        decisions: by what is dialled; nothing is said of any other call.
    """

    def __init__(self, pbx: Pbx, decisions: Mapping[str, Decision]) -> None:
        answers = {
            dialled: pack_outbound(ANY_ID, decision).replace(f"|{ANY_ID}|", "|", 1)
            for dialled, decision in decisions.items()
        }
        super().__init__(pbx, PBX_ADDRESS, "agi_stub.py", {"answers": answers, "port": 4573})
