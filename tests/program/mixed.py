"""Every kind of call that a program has, and what its monthly report needs of each.

A call is one call, and has one record, for as long as it stays in the house: however often it is transferred,
parked, queued or forked, and whoever takes it. Where it leaves the house again (a telephone forwards it
outside, a transfer goes outside, a conference calls somebody) somebody outside is called, with a decision of
its own: that is a call out, and has its own record beside that of the call that came in.

What a report counts of a call: its line, its direction, what was decided, and how it ended:

- ANSWERED, with how long was spoken: somebody took it, or a conference or voicemail did. Of a call that came
  in, time on hold, in parking and with one after the other of staff is part of it;
- BUSY: whoever was called was busy;
- CONGESTION or FAILED: it could not be carried. A program that sees many of these talks to its carrier;
- NO ANSWER: all else. It rang and nobody took it, the caller gave up, the number is nobody's; or Callveil
  refused it: then the decision says so, and it was not answered, whoever listened to the reason.

Each kind has a line of its own here, so that its records are known by their line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.crowd import Dialling, Script
from harness.sip import CARRIER_ADDRESS, PHONES

from program.watch import Remembered

NAME: Final = "Wilhelmina Thistlewood"
"""The name that every caller's carrier sends along."""

IN_CDR: Final = "+17075550163"
"""What an admin writes into fields of Asterisk's own records."""

STAFF: Final = {"staff": "201", "mate": "202"}
"""Two telephones of staff, as the dialplan here calls them."""

_AREAS: Final = (
    "201 202 203 205 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251"
    " 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317"
    " 318 319 320 321 323 325 330 334 336 337 339 347 351 352 360 361 386 401 402 404 405 406"
)
"""Area codes: one for each kind. Numbers that end alike are found in one go."""

SPOKE: Final = "1-59s"
NOT: Final = "0"

TALK: Final[Script] = (("wait", 1.6), ("bye",))
"""A short call, which the caller ends: long enough that a second of speech is counted."""

STAYS: Final[Script] = (("wait", 60.0),)
TAKES: Final[Script] = (("ring",), ("wait", 0.3), ("answer",))
LEAVES: Final[Script] = (*TAKES, ("wait", 3.5), ("bye",))
RINGS: Final[Script] = (("ring",), ("wait", 60.0))
BUSY: Final[Script] = (("refuse", "486 Busy Here"),)
FAILS: Final[Script] = (("refuse", "503 Service Unavailable"),)
MESSAGE: Final[Script] = (("speak", 3.0), ("bye",))

Ends: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Kind:
    """One kind of call. ``{n}`` in what is dialled and done is the kind's `number`.

    Attributes:
        name: of the kind, and of its line.
        ends: what is to be remembered of one such call, see `came` and `called`.
        dials: what a telephone of the line dials; empty where somebody calls in.
        ring: the steps of the admin's dialplan, where somebody calls in; ``{staff:x}`` and ``{mate:x}`` are
            telephones that play the script x.
        scripts: what those play who are called, by name; ``far`` is whoever is at `number`.
        reaches: who else is called in each such call, by the user part of their address.
        steps: what the caller does once the call is answered.
        give_up: seconds of ringing after which the caller cancels; 0 for never.
        times: how many of these calls there are.
        flagged: whether the line is.
        policy: how the line calls out.
        listed: whether the line stands in the policy.
    """

    name: str
    ends: Ends
    dials: str = ""
    ring: tuple[str, ...] = ()
    scripts: tuple[tuple[str, Script], ...] = ()
    steps: Script = TALK
    give_up: float = 0
    times: int = 5
    flagged: bool = True
    policy: str = "outbound: hide, beneath: office"
    reaches: tuple[str, ...] = ()
    listed: bool = True

    @property
    def place(self) -> int:
        """Its place among all kinds, from which its numbers are made."""
        return [kind.name for kind in KINDS].index(self.name)

    @property
    def number(self) -> str:
        """The number of the person outside who calls in, or is called."""
        return f"+1{_AREAS.split()[self.place]}5550163"

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
            re.sub(r"\{(staff|mate):(\S+?)\}", lambda found: self._telephone(found[1], found[2]), step)
            for step in self.ring
        )
        return [f"[mixed-{self.name}]", f"exten => s,1,{first}", *(f" same => n,{step}" for step in rest)]

    def _telephone(self, who: str, script: str) -> str:
        ext = STAFF[who]
        return f"PJSIP/{ext}/sip:{self.name}.{script}@{PHONES[ext]}:5060"

    def reached(self) -> Counter[str]:
        """Everybody who is called in all these calls together, without an agent who lets it ring."""
        found = Counter(dict.fromkeys(self.reaches, self.times))
        for script, _ in self.scripts:
            if script == "far":
                found[self.number] += self.times
            elif script.isdigit():  # one for each call
                found.update({f"{self.name}.{script}": 1, f"7{script}1": 1})
            else:
                found[f"{self.name}.{script}"] += self.times
        return found

    def line(self) -> str:
        """The kind's line, in the policy."""
        about = [
            'purpose: "A kind of call"',
            f"flagged: {str(self.flagged).lower()}",
            *([f'extensions: ["{self.extension}"]'] if self.dials else []),
            *([f'dids: ["{self.did}"]', f'ring: "mixed-{self.name},s,1"'] if self.ring else []),
            self.policy,
            "keep: {records: 30d}",
        ]
        return f"  {self.name}: {{{', '.join(about)}}}"


def came(disposition: str, spoken: str = NOT) -> Ends:
    """Return the end of a call that came in, on a line that tells nobody who calls."""
    return (("in", "scrub", disposition, spoken),)


def called(decision: str, disposition: str, spoken: str = NOT, line: str = "") -> Ends:
    """Return the end of a call out.

    Args:
        decision: what was decided.
        disposition: how it ended.
        spoken: for how long the parties spoke.
        line: the line, where it is not the kind's own.
    """
    end = ("out", decision, disposition, spoken)
    return ((line, *end) if line else end,)


def far(steps: Script = TAKES) -> tuple[tuple[str, Script], ...]:
    """Return the scripts of a kind in which somebody outside is called."""
    return (("far", steps),)


ANSWERED: Final = came("ANSWERED", SPOKE)
MADE: Final = called("hide", "ANSWERED", SPOKE)
HELD: Final[Script] = (*TAKES, ("wait", 0.4))
"""The beginning of a call that a telephone hands on."""

OUT: Final = (
    # Longer than a minute: it begins first.
    Kind(
        "out-long",
        called("hide", "ANSWERED", "1-4min"),
        "{n}",
        (),
        far(),
        (("wait", 61.5), ("bye",)),
        times=2,
    ),
    Kind("out-answered", MADE, "{n}", (), far(), times=16),
    Kind("out-given-up", called("hide", "NO ANSWER"), "{n}", (), far(RINGS), give_up=0.8),
    Kind("out-nobody", called("hide", "NO ANSWER"), "{n}", (), far((("ring",), ("refuse", "480 Nobody")))),
    Kind("out-busy", called("hide", "BUSY"), "{n}", (), far(BUSY), times=10),
    Kind("out-declined", called("hide", "NO ANSWER"), "{n}", (), far((("ring",), ("refuse", "603 Decline")))),
    Kind("out-unallocated", called("hide", "NO ANSWER"), "{n}", (), far((("refuse", "404 Not Found"),))),
    Kind("out-congested", called("hide", "CONGESTION"), "{n}", (), far(FAILS)),
    Kind("out-refused", called("refuse", "NO ANSWER"), "99999999999"),
    Kind("out-refused-given-up", called("refuse", "NO ANSWER"), "99999999999", give_up=0.5),
    # *82 is not allowed on this line: staff hear so before the call is made hidden, and hang up.
    Kind("out-prompt-given-up", called("refuse", "NO ANSWER"), "*82{n}", give_up=0.5),
    Kind("out-hide-code", MADE, "*67{n}", (), far()),
    Kind(
        "out-shown",
        called("show", "ANSWERED", SPOKE),
        "{n}",
        (),
        far(),
        flagged=False,
        policy="outbound: office",
        times=10,
    ),
    Kind(
        "out-substitute",
        called("substitute", "ANSWERED", SPOKE),
        "*681{n}",
        (),
        far(),
        flagged=False,
        policy="outbound: office, substitutes: [clinic]",
    ),
    Kind(
        "out-emergency", called("emergency", "ANSWERED", SPOKE, "emergency"), "911", times=3, reaches=("911",)
    ),
    # The one who called is gone, and a colleague goes on with the person outside.
    Kind(
        "out-transferred",
        MADE,
        "{n}",
        (),
        far(LEAVES),
        (("wait", 1.3), ("refer", "8001")),
        reaches=("agent.there",),
    ),
    Kind(
        "out-attended",
        MADE,
        "{n}",
        (),
        far(LEAVES),
        (("wait", 1.3), ("attend", "8001", 0.3)),
        reaches=("agent.there",),
    ),
    # A telephone calls somebody outside, and both go into a conference.
    Kind("out-conference", MADE, "8200{n}", (), far(LEAVES), (("wait", 2.5), ("bye",))),
    # A conference in the house is no call of the program's.
    Kind("inside-conference", (), "8100", (), (), (("wait", 2.0), ("bye",))),
)
"""Calls that telephones make."""

AWAY: Final = called("hide", "ANSWERED", SPOKE, "staff")
"""A call out that a call which came in has become, on behalf of the telephone that sent it."""

INTO: Final = (
    Kind("in-answered", ANSWERED, "", ("Dial({staff:take})",), (("take", TAKES),), times=16),
    Kind("in-given-up", came("NO ANSWER"), "", ("Dial({staff:ring})",), (("ring", RINGS),), give_up=0.8),
    Kind("in-busy", came("BUSY"), "", ("Dial({staff:busy})",), (("busy", BUSY),)),
    Kind("in-nobody", came("NO ANSWER"), "", ("Dial({staff:ring},1)",), (("ring", RINGS),)),
    Kind(
        "in-message",
        ANSWERED,
        "",
        ("Set(VEIL_VOICEMAIL_OPTIONS=s)", "Goto(callveil-voicemail,200,1)"),
        steps=MESSAGE,
    ),
    Kind(
        "in-nobody-then-message",
        ANSWERED,
        "",
        ("Dial({staff:ring},1)", "Set(VEIL_VOICEMAIL_OPTIONS=s)", "Goto(callveil-voicemail,200,1)"),
        (("ring", RINGS),),
        MESSAGE,
    ),
    Kind(
        "in-transferred",
        ANSWERED,
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("refer", "8001"))),),
        (("wait", 3.0), ("bye",)),
        reaches=("agent.there",),
    ),
    # Whoever it is sent to does not take it, and it ends there.
    Kind(
        "in-transferred-nobody",
        ANSWERED,
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("refer", "8002"))),),
    ),
    Kind(
        "in-attended",
        ANSWERED,
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("attend", "8001", 0.3))),),
        (("wait", 4.0), ("bye",)),
        reaches=("agent.there",),
    ),
    Kind(
        "in-keys",
        ANSWERED,
        "",
        ("Dial({staff:hand},,t)",),
        (("hand", (*HELD, ("keys", "#18001"))),),
        (("wait", 4.5), ("bye",)),
        reaches=("agent.there",),
    ),
    Kind(
        "in-keys-attended",
        ANSWERED,
        "",
        ("Dial({staff:hand},,t)",),
        (("hand", (*HELD, ("keys", "*28001"), ("wait", 2.5), ("bye",))),),
        (("wait", 6.5), ("bye",)),
        reaches=("agent.there",),
    ),
    Kind(
        "in-forwarded",
        (*ANSWERED, *AWAY),
        "",
        ("Dial({staff:forward})",),
        (("forward", (("forward", "{n}"),)), *far()),
        (("wait", 2.5), ("bye",)),
    ),
    Kind(
        "in-sent-out",
        (*ANSWERED, *AWAY),
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("wait", 1.0), ("refer", "{n}"))), *far()),
        (("wait", 4.5), ("bye",)),
    ),
    # The call that came in was answered long ago; the call out that it has become was not.
    Kind(
        "in-sent-out-busy",
        (*ANSWERED, *called("hide", "BUSY", NOT, "staff")),
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("wait", 1.0), ("refer", "{n}"))), *far((("ring",), ("wait", 1.5), *BUSY))),
        (("wait", 6.0), ("bye",)),
        times=6,
    ),
    Kind(
        "in-sent-out-failed",
        (*ANSWERED, *called("hide", "CONGESTION", NOT, "staff")),
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("wait", 1.0), ("refer", "{n}"))), *far(FAILS)),
        (("wait", 6.0), ("bye",)),
        times=6,
    ),
    Kind(
        "in-sent-out-given-up",
        (*ANSWERED, *called("hide", "NO ANSWER", NOT, "staff")),
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("wait", 1.0), ("refer", "{n}"))), *far(RINGS)),
        (("wait", 4.5), ("bye",)),
    ),
    Kind(
        "in-sent-out-refused",
        (*ANSWERED, *called("refuse", "NO ANSWER", NOT, "staff")),
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("wait", 1.0), ("refer", "99999999999"))),),
        (("wait", 4.5), ("bye",)),
    ),
    Kind(
        "in-forked",
        ANSWERED,
        "",
        ("Dial({staff:ring}&{mate:take})",),
        (("ring", RINGS), ("take", TAKES)),
        times=10,
    ),
    Kind(
        "in-forked-nobody",
        came("NO ANSWER"),
        "",
        ("Dial({staff:ring}&{mate:ring},1)",),
        (("ring", RINGS),),
        reaches=("in-forked-nobody.ring",),
    ),
    Kind(
        "in-queue",
        ANSWERED,
        "",
        ("Queue(mixed,,,,30)",),
        steps=(("wait", 2.0), ("bye",)),
        times=10,
        reaches=("agent.there",),
    ),
    Kind("in-queue-abandoned", came("NO ANSWER"), "", ("Queue(away,,,,30)",), give_up=1.5, times=8),
    Kind("in-queue-empty", came("NO ANSWER"), "", ("Queue(empty,,,,1)", "Hangup()")),
    Kind(
        "in-parked",
        ANSWERED,
        "",
        (
            "Set(TURN=${LOCK(parked)})",
            "Set(GLOBAL(PARKED)=$[0${PARKED} + 1])",
            "Set(TURN=${UNLOCK(parked)})",
            f"Dial(PJSIP/201/sip:in-parked.${{PARKED}}@{PHONES['201']}:5060)",
        ),
        # The telephone parks the call, and takes it back from where it is parked.
        tuple((str(lot), (*HELD, ("refer", f"7{lot}0"), ("fetch", f"7{lot}1", 1.0))) for lot in range(1, 7)),
        (("wait", 6.0), ("bye",)),
        times=6,
    ),
    Kind(
        "in-parked-forgotten",
        ANSWERED,
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("refer", "790"))),),
        (("wait", 6.0), ("bye",)),
        reaches=("agent.there",),
    ),
    Kind("in-conference", ANSWERED, "", ("ConfBridge(mixed)",), steps=(("wait", 2.5), ("bye",)), times=10),
    Kind("in-local", ANSWERED, "", ("Dial(Local/s@mixed-in-answered/n)",), reaches=("in-answered.take",)),
    Kind(
        "in-local-optimised",
        ANSWERED,
        "",
        ("Dial(Local/s@mixed-in-answered)",),
        reaches=("in-answered.take",),
    ),
    # What an admin's own dialplan does to Asterisk's record of the channel that it has to do with.
    Kind("in-fork-cdr", ANSWERED, "", ("ForkCDR()", "Dial({staff:take})"), (("take", TAKES),)),
    Kind("in-fork-cdr-ended", ANSWERED, "", ("ForkCDR(aer)", "Dial({staff:take})"), (("take", TAKES),)),
    Kind("in-reset-cdr", ANSWERED, "", ("ResetCDR()", "Dial({staff:take})"), (("take", TAKES),)),
    Kind("in-reset-cdr-kept", ANSWERED, "", ("ResetCDR(v)", "Dial({staff:take})"), (("take", TAKES),)),
    # NoCDR() is in 16 only.
    Kind("in-no-cdr", ANSWERED, "", ("TryExec(NoCDR())", "Dial({staff:take})"), (("take", TAKES),)),
    Kind("in-cdr-off", ANSWERED, "", ("Set(CDR_PROP(disable)=1)", "Dial({staff:take})"), (("take", TAKES),)),
    Kind("in-cdr-on", ANSWERED, "", ("Set(CDR_PROP(disable)=0)", "Dial({staff:take})"), (("take", TAKES),)),
    Kind(
        "in-cdr-party", ANSWERED, "", ("Set(CDR_PROP(party_a)=1)", "Dial({staff:take})"), (("take", TAKES),)
    ),
    Kind(
        "in-number-in-cdr",
        ANSWERED,
        "",
        (
            "Set(CDR(userfield)=${IN_CDR})",
            "Set(CDR(mine)=${IN_CDR})",
            "Set(CHANNEL(accountcode)=${IN_CDR})",
            "Set(CHANNEL(userfield)=${IN_CDR})",
            "Dial({staff:take})",
        ),
        (("take", TAKES),),
    ),
    Kind("unlisted", came("NO ANSWER"), "", ("NoOp()",), give_up=0.5, listed=False),
)
"""Calls that come in."""

MIXED: Final = (*OUT, *INTO)

CUT: Final = (
    Kind("cut-out-talk", MADE, "{n}", (), far(), STAYS, times=2),
    Kind("cut-out-ringing", called("hide", "NO ANSWER"), "{n}", (), far(RINGS), times=2),
    Kind("cut-in-talk", ANSWERED, "", ("Dial({staff:take})",), (("take", TAKES),), STAYS, times=2),
    Kind("cut-in-ringing", came("NO ANSWER"), "", ("Dial({staff:ring})",), (("ring", RINGS),), times=2),
    Kind("cut-in-queue", came("NO ANSWER"), "", ("Queue(away,,,,60)",), times=2),
    Kind(
        "cut-in-parked",
        ANSWERED,
        "",
        ("Dial({staff:hand})",),
        (("hand", (*HELD, ("refer", "760"))),),
        STAYS,
        times=2,
    ),
    Kind("cut-in-conference", ANSWERED, "", ("ConfBridge(cut)",), (), STAYS, times=2),
)
"""Calls that last until Asterisk ends."""

SENT: Final = Kind("out-prompt-sent-on", called("refuse", "NO ANSWER"), "*82{n}", times=2)
"""While staff listen to why their code is not allowed, a switchboard sends the telephone to somebody else."""

KINDS: Final[tuple[Kind, ...]] = (*MIXED, *CUT, SENT)

BARE: Final = tuple(
    kind
    for kind in MIXED
    if kind.name
    in (
        "out-busy",
        "in-answered",
        "in-forked",
        "in-queue",
        "in-transferred",
        "in-parked-forgotten",
        "in-local",
    )
)
"""A few kinds, for an Asterisk without Callveil."""


def in_turn(kinds: Iterable[Kind]) -> list[Kind]:
    """Return the kinds, each as often as there are calls of it, mixed as well as can be."""
    every = [(turn, place, kind) for place, kind in enumerate(kinds) for turn in range(kind.times)]
    return [kind for _, _, kind in sorted(every, key=lambda one: one[:2])]


def policy() -> str:
    """Return the program's policy."""
    own = [kind.line() for kind in KINDS if kind.listed and kind.dials != "911"]
    return "\n".join([POLICY, *own, ""])


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
