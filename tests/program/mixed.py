"""Every kind of call that a program has, and what its monthly report needs of each.

A call is one call, and has one record, for as long as it stays in the house: however often it is transferred,
parked, queued or forked, and whoever takes it. Where it leaves the house again (a telephone forwards it outside, a
transfer goes outside, a conference calls somebody) somebody outside is called, with a decision of its own: that is
a call out, and has its own record beside that of the call that came in.

What a report counts of a call: its line, its direction, what was decided, and how it ended:

- ANSWERED, with the longest stretch of speech: a person, a queue, a conference or voicemail took it;
- BUSY: whoever was called was busy;
- CONGESTION or FAILED: it could not be carried. A program that sees many of these talks to its carrier;
- NO ANSWER: all else. It rang and nobody took it, the caller gave up, or Callveil refused it: then the decision
  says so.

Each kind has a line of its own here, so that its records are known by their line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.crowd import Dialling, Script
from harness.sip import CARRIER_ADDRESS, PHONES

from program.watch import Remembered

NAME: Final = "Wilhelmina Thistlewood"
"""The name that every caller's carrier sends along."""

STAFF: Final = {"staff": "201", "mate": "202"}
"""Two telephones of staff, as the dialplan here calls them."""

AREAS: Final = tuple(
    "201 202 203 205 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253"
    " 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321"
    " 323 325 330 334 336 337 339 347 351 352 360 361 386".split()
)
"""Area codes: one for each kind. Numbers that end alike are found in one go."""

SPOKE: Final = "1-59s"
NOT: Final = "0"

TALK: Final[Script] = (("wait", 1.6), ("bye",))
"""A short call, which the caller ends: long enough that a second of speech is counted."""

TAKES: Final[Script] = (("ring",), ("wait", 0.3), ("answer",))
LEAVES: Final[Script] = (*TAKES, ("wait", 3.5), ("bye",))
"""Whoever is called hangs up."""
RINGS: Final[Script] = (("ring",), ("wait", 60.0))
BUSY: Final[Script] = (("refuse", "486 Busy Here"),)


@dataclass(frozen=True)
class Kind:
    """One kind of call. ``{n}`` in what is dialled and done is the kind's `number`.

    Attributes:
        name: of the kind, and of its line.
        ends: what is to be remembered of one such call: direction, decision, disposition and spoken, with the line in
            front where it is not the kind's own.
        dials: what a telephone of the line dials; empty where somebody calls in.
        ring: the steps of the admin's dialplan, where somebody calls in; ``{staff:x}`` and ``{mate:x}`` are
            telephones that play the script x.
        scripts: what those play who are called, by name; ``far`` is whoever is at `number`.
        steps: what the caller does once the call is answered.
        give_up: seconds until the caller cancels; 0 for never.
        times: how many of these calls there are.
        flagged: whether the line is.
        policy: what else the policy says of the line.
        rest: seconds between the beginnings of two such calls, at least.
    """

    name: str
    ends: tuple[tuple[str, ...], ...]
    dials: str = ""
    ring: tuple[str, ...] = ()
    scripts: tuple[tuple[str, Script], ...] = ()
    steps: Script = TALK
    give_up: float = 0
    times: int = 7
    flagged: bool = True
    policy: str = ""
    rest: float = 0

    @property
    def place(self) -> int:
        """Its place among all kinds, from which its numbers are made."""
        return [kind.name for kind in KINDS].index(self.name)

    @property
    def number(self) -> str:
        """The number of the person outside who calls in, or is called."""
        return f"+1{AREAS[self.place]}5550163"

    @property
    def extension(self) -> str:
        """The telephone of the line, where it calls out."""
        return str(300 + self.place)

    @property
    def address(self) -> str:
        """Where that telephone is."""
        return f"127.0.1.{self.place + 1}"

    @property
    def did(self) -> str:
        """The program's number that leads to the line, where somebody calls in."""
        return f"+18885550{100 + self.place}"

    def remembered(self) -> list[Remembered]:
        """What is to be remembered of one such call."""
        of_line = len(Remembered._fields) - 1
        return [Remembered(*((self.name, *end) if len(end) == of_line else end)) for end in self.ends]

    def filled(self, steps: Script) -> Script:
        """Steps with the kind's number in its places."""
        return [
            tuple(part.replace("{n}", self.number) if isinstance(part, str) else part for part in step)
            for step in steps
        ]

    def dialling(self, after: float) -> Dialling:
        """One such call, to begin after so many seconds."""
        steps = tuple(self.filled(self.steps))
        if self.dials:
            dialled = self.dials.replace("{n}", self.number)
            return Dialling(self.address, dialled, steps=steps, give_up=self.give_up, after=after)
        sender = f'"{NAME}" <sip:{self.number}@{CARRIER_ADDRESS}>'
        headers = (f"P-Asserted-Identity: {sender}",)
        return Dialling(CARRIER_ADDRESS, self.did, sender, headers, steps, self.give_up, after)

    def dialplan(self) -> list[str]:
        """The lines of the admin's dialplan for it."""
        if not self.ring:
            return []
        first, *rest = (
            re.sub(r"\{(staff|mate):(\S+?)\}", lambda found: self._telephone(*found.groups()), step)
            for step in self.ring
        )
        return [f"[mixed-{self.name}]", f"exten => s,1,{first}", *(f" same => n,{step}" for step in rest)]

    def _telephone(self, who: str, script: str) -> str:
        ext = STAFF[who]
        return f"PJSIP/{ext}/sip:{self.name}.{script}@{PHONES[ext]}:5060"

    def line(self) -> str:
        """The kind's line, in the policy."""
        about = [
            'purpose: "A kind of call"',
            f"flagged: {str(self.flagged).lower()}",
            *([f'extensions: ["{self.extension}"]'] if self.dials else []),
            *([f'dids: ["{self.did}"]', f'ring: "mixed-{self.name},s,1"'] if self.ring else []),
            *([self.policy] if self.policy else ["outbound: hide, beneath: office"]),
            "keep: {records: 30d}",
        ]
        return f"  {self.name}: {{{', '.join(about)}}}"


def out(name: str, decision: str, disposition: str, spoken: str, far: Script = TAKES, **more: object) -> Kind:
    """A kind of call that goes out."""
    kind = {"dials": "{n}", "scripts": (("far", far),), **more}
    return Kind(name, (("out", decision, disposition, spoken),), **kind)  # type: ignore[arg-type]


def incoming(name: str, disposition: str, spoken: str, *ring: str, **more: object) -> Kind:
    """A kind of call that comes in."""
    return Kind(name, (("in", "scrub", disposition, spoken),), ring=ring, **more)  # type: ignore[arg-type]


OUT: Final = (
    out("out-answered", "hide", "ANSWERED", SPOKE, times=20),
    out("out-given-up", "hide", "NO ANSWER", NOT, RINGS, give_up=1.0),
    out("out-nobody", "hide", "NO ANSWER", NOT, (("ring",), ("refuse", "480 Temporarily Unavailable"))),
    out("out-busy", "hide", "BUSY", NOT, BUSY, times=10),
    out("out-declined", "hide", "NO ANSWER", NOT, (("ring",), ("refuse", "603 Decline"))),
    out("out-unallocated", "hide", "NO ANSWER", NOT, (("refuse", "404 Not Found"),)),
    out("out-congested", "hide", "CONGESTION", NOT, (("refuse", "503 Service Unavailable"),)),
    out("out-refused", "refuse", "NO ANSWER", NOT, dials="99999999999", times=8),
    out("out-refused-given-up", "refuse", "NO ANSWER", NOT, dials="99999999999", give_up=0.8),
    out("out-prompt-given-up", "refuse", "NO ANSWER", NOT, dials="*82{n}", give_up=0.8),
    out("out-hide-code", "hide", "ANSWERED", SPOKE, dials="*67{n}"),
    out("out-shown", "show", "ANSWERED", SPOKE, flagged=False, policy="outbound: office", times=10),
    out("out-substitute", "substitute", "ANSWERED", SPOKE, flagged=False, policy="outbound: office, substitutes: [clinic]", dials="*681{n}"),
    Kind("out-emergency", (("emergency", "out", "emergency", "ANSWERED", SPOKE),), dials="911", times=3),
    out("out-transferred", "hide", "ANSWERED", SPOKE, LEAVES, steps=(("wait", 1.3), ("refer", "8001"))),
    out("out-attended", "hide", "ANSWERED", SPOKE, LEAVES, steps=(("wait", 1.3), ("attend", "8001", 0.3))),
    out("out-long", "hide", "ANSWERED", "1-4min", steps=(("wait", 61.5), ("bye",)), times=2),
)
INTO: Final = (
    incoming("in-answered", "ANSWERED", SPOKE, "Dial({staff:take})", scripts=(("take", TAKES),), times=20),
    incoming("in-given-up", "NO ANSWER", NOT, "Dial({staff:ring})", scripts=(("ring", RINGS),), give_up=1.0),
    incoming("in-busy", "BUSY", NOT, "Dial({staff:busy})", scripts=(("busy", BUSY),)),
    incoming("in-nobody", "NO ANSWER", NOT, "Dial({staff:ring},1)", scripts=(("ring", RINGS),)),
    incoming("in-message", "ANSWERED", SPOKE, "Set(VEIL_VOICEMAIL_OPTIONS=s)", "Goto(callveil-voicemail,200,1)",
             steps=(("speak", 3.0), ("bye",)), times=6),
    incoming("in-nobody-then-message", "ANSWERED", SPOKE, "Dial({staff:ring},1)", "Set(VEIL_VOICEMAIL_OPTIONS=s)", "Goto(callveil-voicemail,200,1)",
             scripts=(("ring", RINGS),), steps=(("speak", 3.0), ("bye",)), times=6),
    incoming("in-transferred", "ANSWERED", SPOKE, "Dial({staff:refer})", scripts=(("refer", (*TAKES, ("wait", 0.3), ("refer", "8001"))),), steps=(("wait", 3.0), ("bye",))),
    incoming("in-transferred-nobody", "ANSWERED", SPOKE, "Dial({staff:refer})", scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "8002"))),), steps=(("wait", 3.0), ("bye",))),
    incoming("in-attended", "ANSWERED", SPOKE, "Dial({staff:attend})", scripts=(("attend", (*TAKES, ("wait", 0.3), ("attend", "8001", 0.3))),), steps=(("wait", 4.0), ("bye",))),
    incoming("in-keys", "ANSWERED", SPOKE, "Dial({staff:keys},,t)", scripts=(("keys", (*TAKES, ("wait", 0.3), ("keys", "#18001"))),), steps=(("wait", 4.5), ("bye",)), times=6),
    incoming("in-keys-attended", "ANSWERED", SPOKE, "Dial({staff:keys},,t)", scripts=(("keys", (*TAKES, ("wait", 0.3), ("keys", "*28001"), ("wait", 2.5), ("bye",))),), steps=(("wait", 6.5), ("bye",)), times=6),
    Kind("in-forwarded", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "hide", "ANSWERED", SPOKE)), ring=("Dial({staff:forward})",),
         scripts=(("forward", (("forward", "{n}"),)), ("far", TAKES)), steps=(("wait", 2.5), ("bye",))),
    Kind("in-transferred-outside", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "hide", "ANSWERED", SPOKE)), ring=("Dial({staff:refer})",),
         scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "{n}"))), ("far", TAKES)), steps=(("wait", 4.5), ("bye",))),
    Kind("in-sent-out-busy", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "hide", "BUSY", NOT)), ring=("Dial({staff:refer})",),
         scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "{n}"))), ("far", (("ring",), ("wait", 1.5), *BUSY))), steps=(("wait", 6.0), ("bye",)), times=4),
    Kind("in-sent-out-failed", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "hide", "CONGESTION", NOT)), ring=("Dial({staff:refer})",),
         scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "{n}"))), ("far", (("refuse", "503 Service Unavailable"),))), steps=(("wait", 6.0), ("bye",)), times=4),
    Kind("in-sent-out-given-up", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "hide", "NO ANSWER", NOT)), ring=("Dial({staff:refer})",),
         scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "{n}"))), ("far", RINGS)), steps=(("wait", 4.5), ("bye",)), times=4),
    Kind("in-sent-out-refused", (("in", "scrub", "ANSWERED", SPOKE), ("staff", "out", "refuse", "NO ANSWER", NOT)), ring=("Dial({staff:refer})",),
         scripts=(("refer", (*TAKES, ("wait", 1.3), ("refer", "99999999999"))),), steps=(("wait", 4.5), ("bye",)), times=4),
    incoming("in-forked", "ANSWERED", SPOKE, "Dial({staff:ring}&{mate:take})", scripts=(("ring", RINGS), ("take", TAKES))),
    incoming("in-forked-nobody", "NO ANSWER", NOT, "Dial({staff:ring}&{mate:ring},1)", scripts=(("ring", RINGS),)),
    incoming("in-queue", "ANSWERED", SPOKE, "Queue(mixed,,,,20)", steps=(("wait", 5.0), ("bye",)), times=8),
    incoming("in-queue-abandoned", "NO ANSWER", NOT, "Queue(away,,,,20)", give_up=1.5),
    incoming("in-queue-empty", "FAILED", NOT, "Queue(empty,,,,1)", "Hangup()"),
    incoming("in-parked", "ANSWERED", SPOKE, "Set(TURN=${LOCK(parked)})", "Set(GLOBAL(PARKED)=$[0${PARKED} + 1])", "Set(TURN=${UNLOCK(parked)})",
             "Dial(PJSIP/201/sip:in-parked.${PARKED}@127.0.0.21:5060)", steps=(("wait", 6.0), ("bye",)), times=6,
             scripts=tuple((str(n), (*TAKES, ("wait", 0.5), ("refer", f"7{n}0"), ("fetch", f"7{n}1", 1.0))) for n in range(1, 7))),
    incoming("in-parked-forgotten", "ANSWERED", SPOKE, "Dial({staff:park})", scripts=(("park", (*TAKES, ("wait", 0.3), ("refer", "790"))),), steps=(("wait", 6.0), ("bye",))),
    incoming("in-conference", "ANSWERED", SPOKE, "ConfBridge(mixed)", times=8, steps=(("wait", 2.5), ("bye",))),
    incoming("in-local", "ANSWERED", SPOKE, "Dial(Local/s@mixed-in-answered/n)"),
    incoming("in-local-optimised", "ANSWERED", SPOKE, "Dial(Local/s@mixed-in-answered)"),
    incoming("in-fork-cdr", "ANSWERED", SPOKE, "ForkCDR()", "Dial({staff:take})", scripts=(("take", TAKES),), times=3),
    incoming("in-fork-cdr-all", "ANSWERED", SPOKE, "ForkCDR(aerv)", "Dial({staff:take})", scripts=(("take", TAKES),), times=3),
    incoming("in-reset-cdr", "ANSWERED", SPOKE, "ResetCDR()", "Dial({staff:take})", scripts=(("take", TAKES),), times=3),
    incoming("in-reset-cdr-v", "ANSWERED", SPOKE, "ResetCDR(v)", "Dial({staff:take})", scripts=(("take", TAKES),), times=3),
    incoming("in-number-in-cdr", "ANSWERED", SPOKE, "Set(CDR(userfield)=${CANARY})", "Set(CDR(accountcode)=${CANARY})", "Set(CHANNEL(accountcode)=${CANARY})", "Set(CDR(mine)=${CANARY})", "Dial({staff:take})", scripts=(("take", TAKES),), times=3),
    Kind("in-no-cdr", (), ring=("NoCDR()", "Dial({staff:take})"), scripts=(("take", TAKES),), times=2),
    Kind("in-cdr-disabled", (), ring=("Set(CDR_PROP(disable)=1)", "Dial({staff:take})"), scripts=(("take", TAKES),), times=2),
    incoming("in-party-a", "ANSWERED", SPOKE, "Set(CDR_PROP(party_a)=1)", "Dial({staff:take})", scripts=(("take", TAKES),), times=2),
    Kind("unlisted", (("in", "scrub", "NO ANSWER", NOT),), ring=("NoOp()",), give_up=0.8),
)
KINDS: Final[tuple[Kind, ...]] = (*OUT, *INTO)


def policy(kinds: Iterable[Kind] = KINDS) -> str:
    """Return the program's policy."""
    return "\n".join([POLICY, *(kind.line() for kind in kinds if kind.name not in ("unlisted", "out-emergency"))]) + "\n"


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
  staff:
    purpose: "Crisis calls"
    flagged: true
    dids: ["+18005550100"]
    extensions: ["200-219"]
    mailboxes: ["200@default"]
    ring: "hotline-ring,s,1"
    outbound: hide
    beneath: office
    keep: {records: 90d}"""
