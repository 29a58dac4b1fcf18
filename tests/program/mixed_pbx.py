"""What the admin of the program with every kind of call has set up: telephones, queues, parking, a conference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.crowd import Script
from harness.images import RECIPES
from harness.sip import CARRIER_ADDRESS, PHONES

from program.mixed import KINDS, TAKES, RINGS, Kind

ADDRESSES: Final = (CARRIER_ADDRESS, PHONES["201"], PHONES["202"])

FEATURES: Final = """\
[general]
transferdigittimeout = 1
featuredigittimeout = 1500
[featuremap]
blindxfer = #1
atxfer = *2
"""

DIALPLAN: Final = """\
[mixed-agents]
exten => away,1,Dial(PJSIP/201/sip:agent.away@127.0.0.21:5060)
exten => there,1,Dial(PJSIP/202/sip:agent.there@127.0.0.22:5060)

[mixed-forgotten]
exten => s,1,Dial(PJSIP/202/sip:agent.there@127.0.0.22:5060)
"""

INTERNAL: Final = """\
include => mixed-parked
exten => 8001,1,Dial(PJSIP/202/sip:agent.there@127.0.0.22:5060)
 same => n,Hangup()
exten => 8002,1,Dial(PJSIP/202/sip:agent.away@127.0.0.22:5060,1)
 same => n,Hangup()
"""

QUEUES: Final = """\
[mixed]
strategy = linear
timeout = 1
retry = 1
autofill = yes
member => Local/away@mixed-agents/n
member => Local/there@mixed-agents/n
[away]
strategy = linear
timeout = 8
member => Local/away@mixed-agents/n
[empty]
strategy = linear
joinempty = yes
"""

AGENTS: Final[dict[str, Script]] = {"agent.away": RINGS, "agent.there": TAKES}

LOTS: Final = 6


def parking() -> str:
    """Return `res_parking.conf`: a lot for each call that is taken back, and one for those that are forgotten."""
    lots = [f"[lot{n}]\ncontext = mixed-parked\nparkext = 7{n}0\nparkpos = 7{n}1-7{n}1\nparkingtime = 20\n" for n in range(1, LOTS + 1)]
    lots.append("[forgotten]\ncontext = mixed-parked\nparkext = 790\nparkpos = 791-799\nparkingtime = 1\n"
                "comebacktoorigin = no\ncomebackcontext = mixed-forgotten\n")
    return "[general]\n" + "\n".join(lots)


def overlay(kinds: Iterable[Kind] = KINDS) -> dict[str, str]:
    """Return the files of the admin's configuration."""
    kinds = list(kinds)
    extensions = (RECIPES / "etc-asterisk/callveil/extensions.conf").read_text()
    internal = "[from-internal]\n"
    assert internal in extensions
    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    before = "[phone](!)\ntype = endpoint\n"
    assert before in pjsip
    telephones = [
        f"[{kind.extension}](phone)\ncallerid = <{kind.extension}>\n"
        f"[{kind.extension}]\ntype = identify\nendpoint = {kind.extension}\nmatch = {kind.address}\n"
        for kind in kinds if kind.dials
    ]
    mine = (RECIPES / "etc-asterisk/callveil/queues.conf").read_text()
    return {
        "/etc/asterisk/pjsip.conf": "\n".join([pjsip.replace(before, before + "dtmf_mode = info\n"), *telephones]),
        "/etc/asterisk/features.conf": FEATURES,
        "/etc/asterisk/res_parking.conf": parking(),
        "/etc/asterisk/queues.conf": f"[general]\n{mine}\n{QUEUES}",
        "/etc/asterisk/extensions.conf": "\n".join(
            [extensions.replace(internal, internal + INTERNAL), DIALPLAN, *(line for kind in kinds for line in kind.dialplan())]
        ) + "\n",
    }


def addresses(kinds: Iterable[Kind] = KINDS) -> list[str]:
    """Return where all telephones and the carrier are."""
    return [*ADDRESSES, *(kind.address for kind in kinds if kind.dials)]


def scripts(kinds: Iterable[Kind] = KINDS) -> dict[str, Script]:
    """Return what everybody plays who is called."""
    found: dict[str, Script] = {**AGENTS, "911": TAKES}
    for kind in kinds:
        for name, steps in kind.scripts:
            found[kind.number if name == "far" else f"{kind.name}.{name}"] = list(kind.filled(steps))
    return found
