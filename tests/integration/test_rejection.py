"""When the far end takes no hidden calls, staff hear so, and only a key of theirs shows a number."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from harness.heard import heard
from harness.pbx import Pbx, Version
from harness.scripted import Reply, ScriptedCarrier
from program.far_end import FarEnd
from program.site import POLICY, Site
from program.watch import Remembered, Watch

pytestmark = pytest.mark.asterisk

OFFICE: Final = "+12065550100"

# One telephone of the hotline becomes a line of its own, which never shows anything.
QUIET: Final = POLICY.replace('extensions: ["200-219"]', 'extensions: ["200-201"]').replace(
    "  desk:\n",
    '  quiet:\n    purpose: "Calls that stay hidden"\n    flagged: true\n    extensions: ["202"]\n'
    "    outbound: hide\n    beneath: office\n    show_after_rejection: false\n"
    "    keep: {records: 90d, voicemail: 14d}\n  desk:\n",
)

NASTY: Final = '"No", (${SHELL(touch /tmp/was-run)}) [x] $[1/0] \\ " ; & | \udcff\udcfe ' + "y" * 2000
"""What a far end may write beside a status: signs of Asterisk's language, and bytes that are no text."""

BECAUSE_HIDDEN: Final = 'Reason: Q.850;cause=24;text="rejected"'
DISALLOWED: Final = Reply(433)
TAKEN: Final = Reply(200)
PRESS_1: Final = (2.0, "1")


@dataclass(frozen=True)
class Case:
    """One call and what is to come of it.

    Attributes:
        key: its name.
        replies: of the far end, to one call after the other.
        seen: what the far end is shown, call by call; None is hidden.
        final: the last answer to the telephone.
        record: line, decision and disposition.
        prompts: heard to their end.
        keys: pressed.
        ext: the telephone.
        code: dialled before the number.
        give_up: seconds until the telephone cancels.
    """

    key: str
    replies: tuple[Reply, ...]
    seen: tuple[str | None, ...]
    final: int
    record: tuple[str, str, str]
    prompts: tuple[str, ...] = ()
    keys: tuple[tuple[float, str], ...] = ()
    ext: str = "201"
    code: str = ""
    give_up: float = 30

    @property
    def number(self) -> str:
        """The number called: each case has its own."""
        return f"+1{AREAS[ALL.index(self)]}5550141"


HIDDEN: Final = ("hotline", "hide", "NO ANSWER")
SHOWN: Final = ("hotline", "show", "ANSWERED")
OFFERED: Final = ("call-again-shown",)

CASES: Final = (
    Case("no key", (DISALLOWED, TAKEN), (None,), 403, HIDDEN, OFFERED),
    Case("key 1", (DISALLOWED, TAKEN), (None, OFFICE), 200, SHOWN, keys=(PRESS_1,)),
    Case("key 1 after the prompt", (DISALLOWED, TAKEN), (None, OFFICE), 200, SHOWN, OFFERED, ((10, "1"),)),
    Case("another key", (DISALLOWED, TAKEN), (None,), 403, HIDDEN, keys=((2.0, "2"), (2.5, "1"))),
    Case("hung up while it is asked", (DISALLOWED, TAKEN), (None,), 487, HIDDEN, give_up=3.5),
    Case(
        "rejected again",
        (DISALLOWED, DISALLOWED),
        (None, OFFICE),
        480,
        ("hotline", "show", "NO ANSWER"),
        keys=(PRESS_1, (4, "1"), (6, "1")),
    ),
    Case(
        "rejected again, by a header too",
        (Reply(433, headers=[BECAUSE_HIDDEN]), Reply(433, headers=[BECAUSE_HIDDEN])),
        (None, OFFICE),
        480,
        ("hotline", "show", "NO ANSWER"),
        keys=(PRESS_1, (4, "1"), (6, "1")),
    ),
    Case(
        "busy when shown",
        (DISALLOWED, Reply(486)),
        (None, OFFICE),
        486,
        ("hotline", "show", "BUSY"),
        (),
        (PRESS_1,),
    ),
    Case(
        "in words",
        (Reply(403, "Anonymous calls not accepted"), TAKEN),
        (None, OFFICE),
        200,
        SHOWN,
        (),
        (PRESS_1,),
    ),
    Case("busy in words", (Reply(486, "ANONYMITY not wanted"), TAKEN), (None,), 403, HIDDEN, OFFERED),
    Case(
        "after ringing", (Reply(433, ring=0.1, after=0.8), TAKEN), (None, OFFICE), 200, SHOWN, (), (PRESS_1,)
    ),
    Case(
        "a key before it is asked",
        (Reply(433, ring=0.1, after=0.7, provisional=183), TAKEN),
        (None,),
        403,
        HIDDEN,
        OFFERED,
        keys=((0.3, "1"), (0.8, "1"), (1.2, "1")),
    ),
    Case("nasty words", (Reply(433, NASTY), TAKEN), (None, OFFICE), 200, SHOWN, (), (PRESS_1,)),
    Case(
        "nasty words that say so",
        (Reply(480, f"{NASTY[:80]}) anonymous {NASTY}"), TAKEN),
        (None,),
        403,
        HIDDEN,
        OFFERED,
    ),
    Case("nasty words that do not", (Reply(480, NASTY), TAKEN), (None,), 480, HIDDEN),
    Case(
        "a line that never shows",
        (DISALLOWED, TAKEN),
        (None,),
        403,
        ("quiet", "hide", "NO ANSWER"),
        ("hidden-rejected",),
        keys=(PRESS_1, (4, "1")),
        ext="202",
    ),
    Case(
        "shown from the beginning",
        (DISALLOWED, TAKEN),
        (OFFICE,),
        480,
        ("desk", "show", "NO ANSWER"),
        ext="101",
    ),
    Case(
        "hidden by a code",
        (DISALLOWED, TAKEN),
        (None, OFFICE),
        200,
        ("desk", "show", "ANSWERED"),
        keys=(PRESS_1,),
        ext="101",
        code="*67",
    ),
)

BY_HEADER: Final = Case(
    "by a header",
    (Reply(403, "No", headers=[BECAUSE_HIDDEN]), TAKEN),
    (None,),
    0,
    HIDDEN,
)
"""What comes of this one is not the same in each version of Asterisk."""

ALL: Final = (*CASES, BY_HEADER)

AREAS: Final = (
    *("212", "213", "214", "215", "216", "217", "218", "219", "224", "225", "228", "229"),
    *("231", "234", "239", "240", "248", "251", "252"),
)


@dataclass
class Day:
    """All calls, placed at the same time.

    Attributes:
        watch: the records since the first of them.
        results: what each telephone saw and heard.
        seen: what the far end received of each, call by call.
        left: files that a far end's words would have made.
    """

    watch: Watch
    results: dict[str, RawResult] = field(default_factory=dict)
    seen: dict[str, list[FarEnd]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(version: Version) -> Iterator[Day]:
    """Every case on one PBX."""
    with Site.start(version) as site:
        pbx = site.pbx
        site.write_policy(QUIET)
        watch = Watch(site)
        site.send(signal.SIGHUP)
        watch.wait_said("Policy reloaded")
        found = Day(watch)
        with ScriptedCarrier(pbx, by_number={case.number: case.replies for case in ALL}) as carrier:
            calls = [
                from_phone(case.ext, case.code + case.number, keys=case.keys, give_up=case.give_up, hold=0.3)
                for case in ALL
            ]
            found.results = dict(zip((case.key for case in ALL), place(pbx, calls), strict=True))
            pbx.wait_idle()
            for case in ALL:
                found.seen[case.key] = [FarEnd(one) for one in carrier.calls() if one.dialled == case.number]
        found.left = pbx.files("/tmp/was-run")
        yield found


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


@each
def test_the_far_end_is_shown_nothing_but_by_a_key(day: Day, case: Case) -> None:
    seen = day.seen[case.key]
    assert tuple(one.shown for one in seen) == case.seen
    for one in seen:
        if one.shown is None:
            assert "2065550" not in one.identity_text
            assert "2065550" not in one.invite.body


@each
def test_a_number_that_a_key_shows_is_the_one_beneath_and_has_no_name(day: Day, case: Case) -> None:
    if case.seen[0] is None:
        for one in day.seen[case.key][1:]:
            assert one.name == ""
            assert [one.shown, *map(user, one.all("P-Asserted-Identity"))] == [OFFICE, OFFICE]
            # The tag behind From is random, and may hold any digits.
            assert "201" not in re.sub(r";tag=\S+", "", one.identity_text)
            assert "Hotline" not in one.invite.raw


def user(value: str) -> str:
    return value.partition("sip:")[2].partition("@")[0]


@each
def test_staff_hear_why(day: Day, case: Case) -> None:
    assert tuple(heard(day.results[case.key].audio)) == case.prompts


@each
def test_the_telephone_is_told_nothing_that_makes_it_try_elsewhere(day: Day, case: Case) -> None:
    final = day.results[case.key].statuses[-1]
    assert final == case.final
    assert final not in range(500, 600)
    assert final != 408


def test_the_telephone_is_not_answered_before_the_far_end_answers(day: Day) -> None:
    assert day.results["no key"].statuses == [100, 183, 403]
    assert day.results["key 1"].statuses == [100, 183, 200]


def test_what_a_far_end_writes_is_never_run(day: Day) -> None:
    assert day.left == []


def test_a_reason_header_counts_where_asterisk_reads_it(version: Version, day: Day) -> None:
    """Asterisk 16 takes the cause in that header for the call's own; the present 22 goes by the status."""
    assert [one.shown for one in day.seen[BY_HEADER.key]] == [None]
    result = day.results[BY_HEADER.key]
    if version == "16":
        assert result.statuses[-1] == 403
        assert heard(result.audio) == ["call-again-shown"]
    else:
        assert result.statuses[-1] == 480
        assert heard(result.audio) == ["not-made"]


def test_each_call_is_one_record_of_the_most_that_it_showed(day: Day, version: Version) -> None:
    # 22 takes the header for a carrier that fails.
    by_header = ("hotline", "hide", "CONGESTION") if version == "22" else BY_HEADER.record
    expected = (*(case.record for case in CASES), by_header)
    day.watch.expect_in_the_end(
        *(Remembered(line, "out", decision, outcome) for line, decision, outcome in expected)
    )


NAIVE: Final = """
[general]
static = yes

[from-internal]
exten => _*67+X.,1,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk,30)
 same => n,GotoIf($["${DIALSTATUS}" = "BUSY"]?busy)
 same => n,Set(CALLERID(pres)=allowed)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk,30)
 same => n(busy),Hangup()
"""
"""What is done where calls that are hidden fail: they are made again, and not hidden."""


def test_without_callveil_a_rejected_call_is_made_again_and_shown(version: Version) -> None:
    with (
        Pbx.start(version, "plain", {"/etc/asterisk/extensions.conf": NAIVE}) as pbx,
        ScriptedCarrier(pbx, DISALLOWED, TAKEN) as carrier,
    ):
        result = place(pbx, [from_phone("201", "*67+12125550141", give_up=10)])[0]
        assert result.answered
        assert [FarEnd(one).shown for one in carrier.calls()] == [None, "201"]
