"""Before some calls staff are asked first: without key 1, nothing at all reaches the carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from callveil.decision import CALL_AGAIN_SHOWN, OUTSIDE_HOURS, SHOW_NOT_ALLOWED, Decision, Kind
from harness.agi_stub import AgiStub
from harness.ami import AmiTap
from harness.heard import heard
from harness.images import RECIPES
from harness.pbx import Pbx, Version, wait_for
from harness.scripted import Reply, ScriptedCarrier
from program.far_end import FarEnd
from program.site import Site

pytestmark = pytest.mark.asterisk

OFFICE: Final = "+12065550100"
LIMIT_S: Final = 2

PJSIP_CONF: Final = "/etc/asterisk/pjsip.conf"
LIMITED: Final = (
    (RECIPES / "etc-asterisk" / "common" / "pjsip.conf")
    .read_text(encoding="utf-8")
    .replace("aors = 202\n", f"aors = 202\nset_var = TIMEOUT(absolute)={LIMIT_S}\n")
)
"""One telephone's calls have a time limit of the admin's."""

DIALPLAN_CONF: Final = "/etc/asterisk/extensions.conf"
SHOWING_T: Final = (
    (RECIPES / "etc-asterisk" / "callveil" / "extensions.conf")
    .read_text(encoding="utf-8")
    .replace("[from-internal]\n", "[from-internal]\nexten => T,1,Dial(PJSIP/+12125550199@trunk)\n")
)
"""What that admin does when the time is up, in a dialplan of the admin's own."""

TAKEN: Final = Reply(200)


@dataclass(frozen=True)
class Case:
    """One call that asks first, and what is to come of it.

    Attributes:
        key: its name.
        seen: what the far end is shown, call by call; None is hidden.
        final: the last answer to the telephone.
        recorded: decision and disposition of every record that Asterisk writes, each once.
        prompts: heard to their end.
        keys: pressed: seconds from when the first prompt can be heard, and the key.
        keys_by: how they are sent.
        prompt: a sound that comes before the question.
        shown: whether the call shows a number, and does not hide it.
        replies: of the far end.
        ext: the telephone.
        give_up: seconds until the telephone cancels.
    """

    key: str
    seen: tuple[str | None, ...]
    final: int
    recorded: set[tuple[str, str]]
    prompts: tuple[str, ...] = ()
    keys: tuple[tuple[float, str], ...] = ()
    keys_by: Literal["rtp", "info"] = "rtp"
    prompt: str = ""
    shown: bool = False
    replies: tuple[Reply, ...] = (TAKEN,)
    ext: str = "201"
    give_up: float = 40

    @property
    def number(self) -> str:
        """The number called: each case has its own."""
        return f"+1{201 + CASES.index(self)}5550143"

    @property
    def decision(self) -> Decision:
        """What is decided of it."""
        return Decision(
            kind=Kind.SHOW if self.shown else Kind.HIDE,
            shown=OFFICE if self.shown else None,
            beneath=None if self.shown else OFFICE,
            name="Main Office" if self.shown else "",
            line="hotline",
            reason="",
            number=self.number,
            dial=(f"PJSIP/{self.number}@trunk",),
            prompt=self.prompt,
            confirm=OUTSIDE_HOURS,
            again="" if self.shown else CALL_AGAIN_SHOWN,
        )


MADE: Final = {("hide", "ANSWERED")}
NOT_MADE: Final = {("refuse", "NO ANSWER")}
QUESTION: Final = "outside-hours"
AT_ONCE: Final = ((0.7, "1"),)

CASES: Final = (
    Case("1 at once", (None,), 200, MADE, keys=AT_ONCE),
    Case("1 after the question", (None,), 200, MADE, (QUESTION,), ((9, "1"),)),
    Case("1 by SIP INFO", (None,), 200, MADE, keys=AT_ONCE, keys_by="info"),
    Case("shown, and 1", (OFFICE,), 200, {("show", "ANSWERED")}, keys=AT_ONCE, shown=True),
    Case("no key", (), 403, NOT_MADE, (QUESTION, "not-made")),
    Case("2", (), 403, NOT_MADE, ("not-made",), ((0.7, "2"), (1.2, "1"), (2, "1"))),
    Case("0", (), 403, NOT_MADE, ("not-made",), ((0.7, "0"),)),
    Case("#", (), 403, NOT_MADE, ("not-made",), ((0.7, "#"), (1.2, "1"))),
    Case("2 by SIP INFO", (), 403, NOT_MADE, ("not-made",), ((0.7, "2"),), "info"),
    Case("hung up in the question", (), 487, NOT_MADE, give_up=2),
    Case("hung up after the question", (), 487, NOT_MADE, (QUESTION,), give_up=8),
    Case("hung up in what comes before", (), 487, NOT_MADE, prompt=SHOW_NOT_ALLOWED, give_up=2),
    Case("hung up after a wrong key", (), 487, NOT_MADE, keys=((0.7, "5"),), give_up=1.8),
    # A key is an answer only to a question that was asked.
    Case(
        "1 before the question",
        (),
        403,
        NOT_MADE,
        ("show-not-allowed", QUESTION, "not-made"),
        ((0.7, "1"), (3, "1")),
        prompt=SHOW_NOT_ALLOWED,
    ),
    Case(
        "1 in the question after another prompt",
        (None,),
        200,
        MADE,
        ("show-not-allowed",),
        ((8.5, "1"),),
        prompt=SHOW_NOT_ALLOWED,
    ),
    Case(
        "rejected after 1, pressed twice",
        (None,),
        403,
        {("hide", "NO ANSWER")},
        ("call-again-shown",),
        ((0.7, "1"), (1.0, "1"), (1.4, "1")),
        replies=(Reply(433), TAKEN),
    ),
    Case(
        "rejected after 1, and 1 again",
        (None, OFFICE),
        200,
        {("hide", "NO ANSWER"), ("show", "ANSWERED")},
        (),
        ((0.7, "1"), (4, "1")),
        replies=(Reply(433), TAKEN),
    ),
    Case("the admin's time limit", (), 603, {("refuse", "FAILED")}, keys=((LIMIT_S + 1, "1"),), ext="202"),
)


SPEAKS: Final = "+12895550143"
ASKED: Final = "+12905550143"
TRANSFER: Final = (
    # Somebody outside is connected to a call of which staff are just asked whether it is to be made.
    from_phone(
        "201",
        SPEAKS,
        then=[(2.0, "REFER", [f"Refer-To: <sip:{ASKED}@127.0.0.1?Replaces={{replaces:1}}>"])],
        hold=18,
    ),
    from_phone("201", ASKED, give_up=20),
)
BEFORE_TRANSFER: Final = Decision(
    Kind.HIDE, None, OFFICE, "", "hotline", "", number=SPEAKS, dial=(f"PJSIP/{SPEAKS}@trunk",)
)
TRANSFERRED: Final = replace(
    BEFORE_TRANSFER, number=ASKED, dial=(f"PJSIP/{ASKED}@trunk",), confirm=OUTSIDE_HOURS
)


@dataclass
class Day:
    """All calls, placed at the same time.

    Attributes:
        results: what each telephone saw and heard.
        seen: what the far end received of each.
        all_calls: how many calls it received.
        recorded: decision and disposition of every record, call by call.
        transfer: what the telephone saw of `TRANSFER`.
        transfer_calls: what the far end received of it.
        transfer_records: the records of it, as the manager interface tells them.
    """

    results: dict[str, RawResult] = field(default_factory=dict)
    seen: dict[str, list[FarEnd]] = field(default_factory=dict)
    all_calls: int = 0
    recorded: list[frozenset[tuple[str, str]]] = field(default_factory=list)
    transfer: list[RawResult] = field(default_factory=list)
    transfer_calls: list[FarEnd] = field(default_factory=list)
    transfer_records: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(version: Version) -> Iterator[Day]:
    """Every case on one PBX, where the decisions come from a test and not from Callveil."""
    overlay = {PJSIP_CONF: LIMITED, DIALPLAN_CONF: SHOWING_T}
    with Pbx.start(version, "callveil", overlay) as pbx:
        Site(pbx, serve=False)
        found = Day()
        with (
            AgiStub(
                pbx,
                {case.number: case.decision for case in CASES}
                | {SPEAKS: BEFORE_TRANSFER, ASKED: TRANSFERRED},
            ),
            ScriptedCarrier(pbx, TAKEN, by_number={case.number: case.replies for case in CASES}) as carrier,
            AmiTap(pbx) as tap,
        ):
            calls = [
                from_phone(
                    case.ext,
                    case.number,
                    keys=case.keys,
                    keys_by=case.keys_by,
                    give_up=case.give_up,
                    hold=1.2,
                )
                for case in CASES
            ]
            found.results = dict(zip((case.key for case in CASES), place(pbx, calls), strict=True))
            pbx.wait_idle()
            for case in CASES:
                found.seen[case.key] = [FarEnd(one) for one in carrier.calls() if one.dialled == case.number]
            found.all_calls = len(carrier.calls())
            wait_for(
                "a record of each call",
                lambda: len({event["VeilId"] for event in tap.events("Cdr")}) == len(CASES),
            )
            by_call: dict[str, set[tuple[str, str]]] = {}
            for event in tap.events("Cdr"):
                by_call.setdefault(event["VeilId"], set()).add((event["VeilDecision"], event["Disposition"]))
            found.recorded = [frozenset(parts) for parts in by_call.values()]
            found.transfer = place(pbx, TRANSFER)
            pbx.wait_idle()
            found.transfer_calls = [FarEnd(one) for one in carrier.calls()[found.all_calls :]]
            found.transfer_records = [event for event in tap.events("Cdr") if event["VeilId"] not in by_call]
        yield found


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


@each
def test_nothing_reaches_the_carrier_without_the_key(day: Day, case: Case) -> None:
    assert tuple(one.shown for one in day.seen[case.key]) == case.seen


def test_the_carrier_gets_no_other_call(day: Day) -> None:
    assert day.all_calls == sum(len(case.seen) for case in CASES)


@each
def test_staff_hear_the_question_until_they_press(day: Day, case: Case) -> None:
    assert tuple(heard(day.results[case.key].audio)) == case.prompts


@each
def test_the_telephone_is_told_how_it_ended(day: Day, case: Case) -> None:
    assert day.results[case.key].statuses == [100, 183, case.final]


def test_the_records_say_whether_there_was_a_call(day: Day) -> None:
    """What was said of a call at last counts: a refused one that was made, or a hidden one that was shown."""
    assert sorted(map(sorted, day.recorded)) == sorted(sorted(case.recorded) for case in CASES)


def test_somebody_who_is_transferred_into_the_question_makes_no_call(day: Day) -> None:
    speaking, asking = day.transfer
    assert 202 in [message.status for message in speaking.received]
    assert asking.statuses == [100, 183, 603], "the call was not transferred"
    assert [(one.invite.dialled, one.shown) for one in day.transfer_calls] == [(SPEAKS, None)]
    assert day.transfer_records
    for record in day.transfer_records:
        assert record["Source"] in (OFFICE, "")
        assert "5550143" not in str(record)
