"""Calls by every way out of the PBX, and what the far end received of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from harness.exchange import MORE_PHONES, Exchange
from harness.images import RECIPES
from harness.pbx import Pbx
from harness.sip import CARRIER_ADDRESS, PHONES
from harness.sipmessage import SipMessage

from program.ways import Cell, Column, Way

CALLER_NAME: Final = "Rosalind Quimby"
ROOM: Final = "42"

COMES_IN: Final = (
    Way.BLIND_IN,
    Way.ATTENDED,
    Way.KEYS,
    Way.KEYS_ASKING,
    Way.TELEPHONE,
    Way.DIALPLAN,
    Way.FOLLOW_ME,
    Way.QUEUE,
    Way.LOCAL,
)
"""The ways that begin with somebody outside who calls the program."""

TOLD: Final = {
    Way.BLIND_IN: "refer",
    Way.ATTENDED: "attend",
    Way.KEYS: "keys",
    Way.KEYS_ASKING: "asking",
    Way.TELEPHONE: "forward",
}
"""What a telephone that rings is told to do."""

MINE: Final[tuple[Way, ...]] = tuple(way for way in Way if way not in (Way.OWN_DIALPLAN, Way.FREEPBX))
TYPED: Final[tuple[Way, ...]] = (Way.PLAIN, Way.BLIND_OUT, *TOLD)
"""The ways in which somebody types what is called, with a code in front."""

BY_PROGRAM: Final[tuple[Way, ...]] = (Way.ORIGINATE, Way.CALL_FILE, Way.CONFERENCE)
"""The ways in which a program may name a caller."""

OTHER: Final = {"109": ("lobby", MORE_PHONES[0]), "108": ("kitchen", MORE_PHONES[1])}
"""Telephones that are not called like their extensions, in pjsip.conf, and their addresses."""

TELEPHONES: Final = f"""
[lobby](phone)
callerid = "Lobby" <109>

[lobby]
type = identify
endpoint = lobby
match = {MORE_PHONES[0]}

[kitchen](phone)
callerid = "Kitchen" <201>
set_var = VEIL_EXTENSION=108

[kitchen]
type = identify
endpoint = kitchen
match = {MORE_PHONES[1]}
"""

DECIDED: Final = (Column.HIDE, Column.SUBSTITUTE, Column.SHOW, Column.EMERGENCY)
HELP: Final = ("911", "933", "988", "711", "112")
"""Emergency numbers: so many calls for help can be told apart at a time."""


@dataclass(frozen=True)
class Attempt:
    """One call by one way.

    Attributes:
        cell: the way, and what the policy decides.
        variant: what is special about it, in one word; empty for the ordinary call of a cell.
        ext: the extension on whose behalf it leaves.
        number: what is called.
        prefix: a code in front of it.
    """

    cell: Cell
    ext: str
    number: str
    variant: str = ""
    prefix: str = ""

    @property
    def way(self) -> Way:
        """How it leaves."""
        return self.cell[0]

    @property
    def dialled(self) -> str:
        """What is dialled, code and all."""
        return self.prefix + self.number

    @property
    def key(self) -> str:
        """Its name in the dialplan: small letters and digits."""
        return f"{self.way.name}-{self.cell[1]}-{self.variant}".lower().replace("_", "").strip("-")


@dataclass
class Seen:
    """What came of one attempt.

    Attributes:
        far: all that the carrier received in each call to the number, oldest call first.
        first: all that it received in the call that was transferred away, where there was one.
        near: all that it received in the call that came in, where there was one.
    """

    far: list[list[SipMessage]] = field(default_factory=list)
    first: list[SipMessage] = field(default_factory=list)
    near: list[SipMessage] = field(default_factory=list)


def attempts() -> list[Attempt]:
    """Return the attempts: every way with every decision, and the codes where something is dialled."""
    found: list[Attempt] = []
    for row, way in enumerate(MINE):
        found += [
            Attempt((way, Column.HIDE), "201", f"+121255501{row:02d}"),
            Attempt((way, Column.SUBSTITUTE), "201", f"+180055501{row + 20}"),
            Attempt((way, Column.SHOW), "101", f"+131255501{row:02d}"),
            Attempt((way, Column.EMERGENCY), "201", HELP[row % len(HELP)]),
        ]
    for row, way in enumerate(TYPED):
        found += [
            Attempt((way, Column.HIDE), "101", f"+121255501{row + 40}", "code", "*67"),
            Attempt((way, Column.SUBSTITUTE), "101", f"+121255501{row + 60}", "code", "*681"),
            Attempt((way, Column.EMERGENCY), "101", HELP[row % len(HELP)], "code", "*67"),
        ]
    found.append(Attempt((Way.LOCAL, Column.HIDE), "201", "+12125550180", "optimised"))
    found.append(Attempt((Way.DIALPLAN, Column.HIDE), "201", "+12125550181", "dialled"))
    for row, way in enumerate((Way.BLIND_IN, Way.TELEPHONE), start=90):
        found.append(Attempt((way, Column.SHOW), "109", f"+131255501{row}", "callerid"))
        found.append(Attempt((way, Column.SHOW), "108", f"+131255501{row + 2}", "variable"))
    for row, way in enumerate(BY_PROGRAM, start=83):
        found.append(Attempt((way, Column.HIDE), "201", f"+121255501{row}", "named"))
        found.append(Attempt((way, Column.SHOW), "101", f"+131255501{row}", "named"))
    return found


def controls() -> list[Attempt]:
    """Return those that show, without Callveil, what each way gives away: where a code can hide, with it."""
    return [
        one for one in attempts() if one.cell[1] is Column.HIDE and one.variant == control_variant(one.way)
    ]


def control_variant(way: Way) -> str:
    """Return which call of a way gives most away without Callveil."""
    if way in BY_PROGRAM:
        return "named"
    return "code" if way in TYPED and way not in (Way.PLAIN, Way.KEYS, Way.KEYS_ASKING) else ""


def serial(attempt: Attempt) -> int:
    """Return the attempt's place among all, from which its other numbers are made."""
    return attempts().index(attempt)


def did(attempt: Attempt) -> str:
    """Return the number of the program that leads to an attempt."""
    return f"+188855501{serial(attempt):02d}"


def caller(attempt: Attempt) -> str:
    """Return the number of whoever calls in."""
    return f"+164655501{serial(attempt):02d}"


def asked_first(attempt: Attempt) -> str:
    """Return the number that a telephone calls before it transfers that call."""
    return f"+171255501{serial(attempt):02d}"


def ring(attempt: Attempt) -> list[str]:
    """Return the steps of the admin's dialplan for a call that came in."""
    if attempt.way in TOLD:
        return [f"Dial({telephone(attempt, f'{TOLD[attempt.way]}.{attempt.dialled}')},,t)"]
    local = f"Local/{attempt.dialled}@from-internal"
    on_behalf = f"Set(__VEIL_EXTENSION={attempt.ext})"
    last = {
        Way.DIALPLAN: f"Dial({local}/n)" if attempt.variant else f"Goto(from-internal,{attempt.dialled},1)",
        Way.FOLLOW_ME: f"FollowMe({attempt.key})",
        Way.QUEUE: f"Queue({attempt.key},,,,15)",
        Way.LOCAL: f"Dial({local}{'' if attempt.variant else '/n'})",
    }
    return [on_behalf, last[attempt.way]]


def telephone(attempt: Attempt, does: str) -> str:
    """Return what dials the attempt's telephone, with what it is to do in its address."""
    name, address = OTHER.get(attempt.ext, (attempt.ext, PHONES.get(attempt.ext)))
    return f"PJSIP/{name}/sip:{does}@{address}:5060"


def inbound(found: list[Attempt]) -> list[Attempt]:
    """Return those that begin with a call from outside."""
    return [attempt for attempt in found if attempt.way in COMES_IN]


def overlay(found: list[Attempt], flavour: str) -> dict[str, str]:
    """Return the admin's configuration for these attempts, the same with Callveil and without."""
    lines = ["[ways]", f"exten => claimed,1,Goto(from-internal,{CLAIMED},1)"]
    queues, follow = [], []
    for attempt in inbound(found):
        first, *rest = ring(attempt)
        lines += [f"exten => {attempt.key},1,{first}", *(f" same => n,{step}" for step in rest)]
        local = f"Local/{attempt.dialled}@from-internal/n"
        if attempt.way is Way.QUEUE:
            queues += [f"[{attempt.key}]", "strategy = ringall", "timeout = 12", f"member => {local}"]
        if attempt.way is Way.FOLLOW_ME:
            follow += [f"[{attempt.key}]", "context => from-internal", "enable_callee_prompt => no"]
            follow += [f"number => {attempt.dialled},12"]
    extensions = (RECIPES / f"etc-asterisk/{flavour}/extensions.conf").read_text()
    internal = "[from-internal]\n"
    assert internal in extensions
    extensions = extensions.replace(internal, internal + INTERNAL)
    if flavour == "plain":
        trunk = "[from-trunk]\n"
        assert trunk in extensions
        rings = [f"exten => {did(one)},1,Goto(ways,{one.key},1)" for one in inbound(found)]
        extensions = extensions.replace(trunk, trunk + "\n".join(rings) + "\n")
    pjsip = (RECIPES / "etc-asterisk/common/pjsip.conf").read_text()
    before = "[phone](!)\ntype = endpoint\n"
    assert before in pjsip
    mine = (RECIPES / "etc-asterisk/callveil/queues.conf").read_text() if flavour == "callveil" else ""
    return {
        "/etc/asterisk/pjsip.conf": pjsip.replace(before, before + "dtmf_mode = info\n") + TELEPHONES,
        "/etc/asterisk/features.conf": FEATURES,
        "/etc/asterisk/extensions.conf": extensions + "\n" + "\n".join(lines) + "\n",
        "/etc/asterisk/queues.conf": "[general]\n" + mine + "\n" + "\n".join(queues) + "\n",
        "/etc/asterisk/followme.conf": "\n".join(["[general]", *follow]) + "\n",
    }


def policy(found: list[Attempt]) -> str:
    """Return the program's policy, with one line for each call that comes in."""
    lines = [
        f'  {one.key}: {{purpose: "A way out", dids: ["{did(one)}"], ring: "ways,{one.key},1",'
        " outbound: hide, beneath: office, keep: {records: 30d}}"
        for one in inbound(found)
    ]
    lines.append(
        f'  claimed: {{purpose: "A way out", dids: ["{CLAIMED_DID}"], ring: "ways,claimed,1",'
        " outbound: hide, beneath: office, show_caller: true, keep: {records: 30d}}"
    )
    return "\n".join([POLICY, *lines, DESTINATIONS])


INTERNAL: Final = """\
exten => 101,1,Dial(PJSIP/101)
exten => _*98+X.,1,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk,,f(+16465550199))
exten => _*97+X.,1,Set(CALLERID(pres)=prohibited)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk)
exten => _*96+X.,1,Gosub(callveil-identity-set,s,1(prohibited,+12065550100,))
 same => n,ExecIf($["${VEIL_SET}" = "yes"]?Dial(PJSIP/${EXTEN:3}@trunk))
 same => n,Hangup(21)
"""
"""Extensions of the admin's own: a telephone; two that hide in vain; one that has Callveil hide."""

CLAIMED: Final = "+12125550195"
CLAIMED_DID: Final = "+18885550199"
"""A line that shows callers, and whose calls the dialplan forwards to the number on behalf of nobody."""

FEATURES: Final = """\
[general]
transferdigittimeout = 1
featuredigittimeout = 1500
[featuremap]
blindxfer = #1
atxfer = *2
"""

POLICY: Final = """\
version: 1
country: US
emergency: {callerid: "+12065550100"}
identities:
  office: {number: "+12065550100", name: "Main Office"}
  clinic: {number: "+12065550177", name: "Westside Clinic", digit: "1"}
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
  hotline:
    purpose: "Crisis calls"
    flagged: true
    dids: ["+18005550100"]
    extensions: ["200-219"]
    ring: "hotline-ring,s,1"
    outbound: hide
    beneath: office
    keep: {records: 90d}
  desk:
    purpose: "Office calls with agencies"
    extensions: ["100-109"]
    outbound: office
    substitutes: [clinic]
    keep: {records: 30d}"""

DESTINATIONS: Final = """\
destinations:
  - {match: "+1800*", outbound: clinic}
"""


def begin(pbx: Pbx, exchange: Exchange, attempt: Attempt) -> None:
    """Begin one call."""
    if attempt.way in COMES_IN:
        exchange.call_in(did(attempt), caller(attempt), CALLER_NAME)
    elif attempt.way is Way.PLAIN:
        exchange.dial(attempt.ext, attempt.dialled)
    elif attempt.way is Way.BLIND_OUT:
        exchange.dial(attempt.ext, asked_first(attempt), ("refer", attempt.dialled))
    else:
        originate(pbx, attempt)


def originate(pbx: Pbx, attempt: Attempt) -> None:
    """Have the PBX make a call, as a program or a person at a web page asks for it.

    Without a variant it rings the telephone first. A program that names a caller calls the other side first,
    as most do that dial through lists; and wishes, in vain, that the name be hidden.
    """
    fields = {"Channel": telephone(attempt, "talk"), "Context": "from-internal", "Priority": "1"}
    number = attempt.dialled
    variables = []
    if attempt.variant or attempt.way is Way.CONFERENCE:
        fields["Channel"], number = f"Local/{attempt.dialled}@from-internal/n", "101"
        variables = [f"__VEIL_EXTENSION={attempt.ext}"]
    if attempt.variant:
        fields["CallerID"] = f'"{CALLER_NAME}" <{caller(attempt)}>'
        variables.append("CALLERID(pres)=prohib")
    if attempt.way is Way.CONFERENCE:
        fields = {key: fields[key] for key in ("Channel", "CallerID") if key in fields}
        fields |= {"Application": "ConfBridge", "Data": ROOM}
    if attempt.way is Way.CALL_FILE:
        lines = [f"{key}: {value}" for key, value in fields.items()]
        lines += [f"Extension: {number}", *(f"Setvar: {variable}" for variable in variables)]
        path = f"/var/spool/asterisk/{attempt.key}.call"
        pbx.write(path, "\n".join([*lines, ""]))
        pbx.exec(["mv", path, "/var/spool/asterisk/outgoing/"])
    else:
        if attempt.way is Way.ORIGINATE:
            fields["Exten"] = number
        pbx.ami_action("Originate", **fields, Variable=",".join(variables), Async="true")


def waves(found: list[Attempt]) -> list[list[Attempt]]:
    """Return the attempts in groups within which no number is called twice, of a size that two cores bear."""
    groups: list[list[Attempt]] = []
    for attempt in found:
        for group in groups:
            if len(group) < WAVE and attempt.number not in [one.number for one in group]:
                group.append(attempt)
                break
        else:
            groups.append([attempt])
    return groups


WAVE: Final = 24


def place_ways(pbx: Pbx, found: list[Attempt]) -> dict[Attempt, Seen]:
    """Place every call, and return what the carrier received of each."""
    seen: dict[Attempt, Seen] = {}
    for wave in waves(found):
        with Exchange(pbx) as exchange, ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(begin, pbx, exchange, attempt) for attempt in wave]:
                done.result()
            _wait(lambda exchange=exchange, wave=wave: _all_arrived(exchange, wave))  # type: ignore[misc]
            exchange.wait_settled()
            # What follows an answer, such as the news of who speaks now, comes at once.
            time.sleep(0.5)
            exchange.hang_up()
            pbx.wait_idle()
            calls, arrived = exchange.at(CARRIER_ADDRESS), exchange.arrived()
        for attempt in wave:
            seen[attempt] = Seen(to(arrived, attempt.number))
            for received in arrived.get(asked_first(attempt), []):
                seen[attempt].first = received
            for messages in calls.values():
                if messages[0].direction == "sent" and messages[0].user("From") == caller(attempt):
                    seen[attempt].near = [one for one in messages if one.direction == "received"]
    return seen


def to(arrived: dict[str, list[list[SipMessage]]], number: str) -> list[list[SipMessage]]:
    """Return the calls to a number; keys have no plus sign, and without Callveil nobody adds it."""
    return arrived.get(number) or arrived.get(number.removeprefix("+"), [])


def _all_arrived(exchange: Exchange, wave: list[Attempt]) -> bool:
    arrived = exchange.arrived()
    return all(to(arrived, attempt.number) for attempt in wave)


def _wait(condition: Callable[[], bool], timeout: float = 15) -> None:
    """Wait for calls; those that never come are for the test to miss."""
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
