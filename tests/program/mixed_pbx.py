"""The PBX of the program with every kind of call: telephones, queues, parking, a conference."""

from __future__ import annotations

import signal
from typing import Final

from harness.crowd import Script
from harness.images import RECIPES
from harness.pbx import Flavour, Pbx, Version, wait_for
from harness.sip import CARRIER_ADDRESS, PHONES

from program.mixed import IN_CDR, KINDS, RINGS, TAKES, policy
from program.site import Site

FEATURES: Final = """\
[general]
transferdigittimeout = 1
featuredigittimeout = 1500
[featuremap]
blindxfer = #1
atxfer = *2
"""

AWAY: Final = "PJSIP/201/sip:agent.away@127.0.0.21:5060"
THERE: Final = "PJSIP/202/sip:agent.there@127.0.0.22:5060"

AGENTS: Final[dict[str, Script]] = {"agent.away": RINGS, "agent.there": TAKES, "911": TAKES}

DIALPLAN: Final = f"""\
[mixed-agents]
exten => away,1,Dial({AWAY})
exten => there,1,Dial({THERE})

[mixed-forgotten]
exten => s,1,Dial({THERE})

[mixed-room]
exten => s,1,ConfBridge(mixed)
 same => n,ConfBridge(mixed)
"""

INTERNAL: Final = f"""\
include => mixed-parked
exten => 8001,1,Dial({THERE})
 same => n,Hangup()
exten => 8002,1,Dial({AWAY},1)
 same => n,Hangup()
exten => 8100,1,ConfBridge(mixed)
 same => n,Hangup()
exten => _8200+X.,1,Dial(Local/${{EXTEN:4}}@from-internal/n,,G(mixed-room^s^1))
 same => n,Hangup()
"""

# Of the two agents the first does not take a call.
QUEUES: Final = """\
[mixed]
strategy = linear
timeout = 1
retry = 1
autofill = yes
member => Local/away@mixed-agents/n
member => Local/there@mixed-agents/n
[away]
strategy = ringall
timeout = 20
member => Local/away@mixed-agents/n
[empty]
strategy = linear
joinempty = yes
"""

LOTS: Final = 6
"""Parking lots for one call at a time each: so whoever takes it back knows where it is."""


def parking() -> str:
    """Return `res_parking.conf`: a lot for each call that is taken back, and one for forgotten calls."""
    sections = [
        f"[lot{lot}]\ncontext = mixed-parked\nparkext = 7{lot}0\nparkext_exclusive = yes\n"
        f"parkpos = 7{lot}1-7{lot}9\nparkingtime = 60\n"
        for lot in range(1, LOTS + 1)
    ]
    sections.append(
        "[forgotten]\ncontext = mixed-parked\nparkext = 790\nparkext_exclusive = yes\nparkpos = 791-799\n"
        "parkingtime = 1\ncomebacktoorigin = no\ncomebackcontext = mixed-forgotten\n"
    )
    return "[general]\n" + "\n".join(sections)


def overlay(flavour: Flavour) -> dict[str, str]:
    """Return the files of the admin's configuration, the same with Callveil and without."""
    extensions = (RECIPES / f"etc-asterisk/{flavour}/extensions.conf").read_text()
    internal, trunk = "[from-internal]\n", "[from-trunk]\n"
    assert internal in extensions
    assert trunk in extensions
    if flavour == "plain":
        dids = [f"exten => {kind.did},1,Goto(mixed-{kind.name},s,1)\n" for kind in KINDS if kind.ring]
        extensions = extensions.replace(trunk, trunk + "".join(dids))
    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    before = "[phone](!)\ntype = endpoint\n"
    assert before in pjsip
    telephones = [
        f"[{kind.extension}](phone)\ncallerid = <{kind.extension}>\n"
        f"[{kind.extension}]\ntype = identify\nendpoint = {kind.extension}\nmatch = {kind.address}\n"
        for kind in KINDS
        if kind.dials
    ]
    mine = (RECIPES / "etc-asterisk/callveil/queues.conf").read_text() if flavour == "callveil" else ""
    rings = [line for kind in KINDS for line in kind.dialplan()]
    return {
        "/etc/asterisk/pjsip.conf": "\n".join(
            [pjsip.replace(before, before + "dtmf_mode = info\n"), *telephones]
        ),
        "/etc/asterisk/features.conf": FEATURES,
        "/etc/asterisk/res_parking.conf": parking(),
        "/etc/asterisk/queues.conf": f"[general]\n{mine}\n{QUEUES}",
        "/etc/asterisk/extensions.conf": "\n".join(
            [extensions.replace(internal, internal + INTERNAL), DIALPLAN, *rings, ""]
        ),
    }


def start(version: Version) -> Site:
    """Start the program's PBX with Callveil on it."""
    pbx = Pbx.start(version, "callveil", overlay("callveil"))
    try:
        site = Site(pbx)
        site.write_policy(policy())
        pbx.callveil.exec(["callveil", "install"])
        pbx.cli("dialplan reload")
        before = site.log().count("Policy reloaded")
        site.send(signal.SIGHUP)
        wait_for("the policy", lambda: site.log().count("Policy reloaded") > before)
        # In memory alone, or the number would stand in the configuration.
        pbx.ami_action("Setvar", Variable="IN_CDR", Value=IN_CDR)
    except BaseException:
        pbx.close()
        raise
    return site


def start_plain(version: Version) -> Pbx:
    """Start the same PBX without Callveil."""
    return Pbx.start(version, "plain", overlay("plain"))


def addresses() -> list[str]:
    """Return where all telephones and the carrier are."""
    of_kinds = [kind.address for kind in KINDS if kind.dials]
    return [CARRIER_ADDRESS, PHONES["201"], PHONES["202"], *of_kinds]


def scripts() -> dict[str, Script]:
    """Return what everybody plays who is called."""
    found: dict[str, Script] = dict(AGENTS)
    for kind in KINDS:
        for name, steps in kind.scripts:
            found[kind.number if name == "far" else f"{kind.name}.{name}"] = kind.filled(steps)
    return found
