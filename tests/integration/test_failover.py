"""A call goes by the next trunk only when a trunk itself fails, and shows there what it showed before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from harness.heard import heard
from harness.pbx import Pbx, Version, wait_for
from harness.scripted import Reply, ScriptedCarrier
from program.far_end import IDENTITY_HEADERS, FarEnd
from program.site import Site
from program.two_trunks import POLICY_OF_TWO, SECOND_ADDRESS, pjsip
from program.watch import Remembered, Watch

pytestmark = pytest.mark.asterisk

PJSIP_CONF: Final = "/etc/asterisk/pjsip.conf"
OFFICE: Final = "+12065550100"

TAKEN: Final = Reply(200)
SILENT: Final = Reply(0)
HIDDEN: Final = ("hotline", "hide", "ANSWERED")
NOT_TAKEN: Final = ("hotline", "hide", "NO ANSWER")
NOT_CARRIED: Final = ("hotline", "hide", "CONGESTION")


@dataclass(frozen=True)
class Case:
    """One call and what is to come of it.

    Attributes:
        key: its name.
        first: what the first carrier answers.
        second: what the second carrier would answer.
        final: the last answer to the telephone.
        record: line, decision and disposition.
        further: whether the second carrier is to get the call.
        shown: what both are shown; None is hidden.
        prompts: heard to their end.
        ext: the telephone.
        keys: pressed.
        give_up: seconds until the telephone cancels.
        called: instead of a number of the case's own.
        code: dialled before the number.
    """

    key: str
    first: Reply
    second: Reply
    final: int
    record: tuple[str, str, str]
    further: bool
    shown: str | None = None
    prompts: tuple[str, ...] = ()
    ext: str = "201"
    keys: tuple[tuple[float, str], ...] = ()
    give_up: float = 30
    called: str = ""
    code: str = ""

    @property
    def number(self) -> str:
        """The number called: each case has its own, unless it says so."""
        return self.called or f"+1{AREAS[CASES.index(self)]}5550142"


def carried_on(status: int) -> Case:
    """The first trunk fails: the call goes on by the second."""
    return Case(f"first says {status}", Reply(status), TAKEN, 200, HIDDEN, further=True)


def ended(status: int, final: int, disposition: str = "NO ANSWER") -> Case:
    """The far end itself has answered: nobody asks another."""
    record = ("hotline", "hide", disposition)
    return Case(f"far end says {status}", Reply(status), TAKEN, final, record, further=False)


EMERGENCY: Final = ("emergency", "emergency", "ANSWERED")

CASES: Final = (
    *(carried_on(status) for status in (401, 403, 407, 408, 500, 502, 503)),
    ended(302, 480),
    *(ended(status, final) for status, final in ((404, 404), (410, 410), (480, 480), (484, 484), (485, 404))),
    ended(486, 486, "BUSY"),
    ended(487, 480),
    ended(600, 486, "BUSY"),
    *(ended(status, final) for status, final in ((603, 403), (604, 404), (607, 480), (608, 480))),
    Case("first says nothing", SILENT, TAKEN, 200, HIDDEN, further=True),
    Case("first rings and then fails", Reply(503, ring=0.1, after=0.6), TAKEN, 200, HIDDEN, further=True),
    Case("shown", Reply(503), TAKEN, 200, ("desk", "show", "ANSWERED"), True, OFFICE, ext="101"),
    Case("both fail", Reply(503), Reply(500), 480, NOT_CARRIED, True, prompts=("not-made",)),
    Case("second is busy", Reply(503), Reply(486), 486, ("hotline", "hide", "BUSY"), True),
    Case("first takes no hidden call", Reply(433), TAKEN, 403, NOT_TAKEN, False, keys=((2.0, "2"),)),
    Case("second takes no hidden call", Reply(503), Reply(433), 403, NOT_TAKEN, True, keys=((2.0, "2"),)),
    Case("hung up while it rings", Reply(0, ring=0.1), TAKEN, 487, NOT_TAKEN, False, give_up=1.5),
    Case("taken and then ended", Reply(200, hold=0.3), TAKEN, 200, HIDDEN, False),
    Case("emergency: busy", Reply(486), TAKEN, 200, EMERGENCY, True, OFFICE, called="911"),
    # More codes than the dialplan knows by itself: Callveil says that it is an emergency number.
    Case(
        "emergency: turned down",
        Reply(603),
        TAKEN,
        200,
        EMERGENCY,
        True,
        OFFICE,
        called="988",
        code="*67*82*67",
    ),
    Case(
        "emergency: taken and then ended",
        Reply(200, hold=0.3),
        TAKEN,
        200,
        EMERGENCY,
        False,
        OFFICE,
        called="933",
    ),
    # A telephone with a way out of its own is told to use it.
    Case(
        "emergency: neither",
        Reply(480),
        Reply(404),
        503,
        ("emergency", "emergency", "NO ANSWER"),
        True,
        OFFICE,
        called="711",
    ),
)

AREAS: Final = [str(area) for area in range(201, 290) if area % 100 != 11]


@dataclass
class Day:
    """All calls, placed at the same time.

    Attributes:
        watch: the records since the first of them.
        results: what each telephone saw and heard.
        first: what the first carrier received of each.
        second: what the second did.
    """

    watch: Watch
    results: dict[str, RawResult] = field(default_factory=dict)
    first: dict[str, list[FarEnd]] = field(default_factory=dict)
    second: dict[str, list[FarEnd]] = field(default_factory=dict)


def load(site: Site) -> None:
    """Put the policy with two trunks in force, for emergency numbers too."""
    site.write_policy(POLICY_OF_TWO)
    site.pbx.callveil.exec(["callveil", "install"])
    site.pbx.cli("dialplan reload")
    site.load_policy(POLICY_OF_TWO)


@pytest.fixture(scope="module")
def day(version: Version) -> Iterator[Day]:
    """Every case on one PBX."""
    with Pbx.start(version, "callveil", {PJSIP_CONF: pjsip()}) as pbx:
        site = Site(pbx)
        load(site)
        watch = Watch(site)
        found = Day(watch)
        with (
            ScriptedCarrier(pbx, by_number={case.number: [case.first] for case in CASES}) as first,
            ScriptedCarrier(
                pbx, by_number={case.number: [case.second] for case in CASES}, address=SECOND_ADDRESS
            ) as second,
        ):
            calls = [
                from_phone(case.ext, case.code + case.number, keys=case.keys, give_up=case.give_up, hold=0.5)
                for case in CASES
            ]
            found.results = dict(zip((case.key for case in CASES), place(pbx, calls), strict=True))
            pbx.wait_idle()
            for received, carrier in ((found.first, first), (found.second, second)):
                for case in CASES:
                    received[case.key] = [
                        FarEnd(one) for one in carrier.calls() if one.dialled == case.number
                    ]
        yield found


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


@each
def test_the_next_trunk_is_used_where_the_first_fails_and_only_there(day: Day, case: Case) -> None:
    assert len(day.first[case.key]) == 1
    assert len(day.second[case.key]) == (1 if case.further else 0)


@each
def test_each_trunk_is_shown_the_same(day: Day, case: Case) -> None:
    seen = [*day.first[case.key], *day.second[case.key]]
    assert [one.shown for one in seen] == [case.shown] * len(seen)
    if case.shown is None:
        assert not [one for one in seen if "2065550" in one.identity_text + one.invite.body]
    assert len({identity(one) for one in seen}) == 1


def identity(one: FarEnd) -> str:
    """All that says who calls, without the tag, which is another for each call."""
    values = {name: [value.partition(";tag=")[0] for value in one.all(name)] for name in IDENTITY_HEADERS}
    return str(values)


@each
def test_the_telephone_is_told_what_the_person_called_answered(day: Day, case: Case) -> None:
    result = day.results[case.key]
    assert result.statuses[-1] == case.final
    assert tuple(heard(result.audio)) == case.prompts


def test_each_call_is_one_record_of_the_most_that_it_showed(day: Day) -> None:
    day.watch.expect_in_the_end(
        *(Remembered(line, "out", decision, how) for line, decision, how in (c.record for c in CASES))
    )


def test_a_trunk_that_asterisk_knows_to_be_gone_costs_no_time(version: Version) -> None:
    with Pbx.start(version, "callveil", {PJSIP_CONF: pjsip(qualify=True)}) as pbx:
        load(Site(pbx))
        wait_for("the first carrier to be missed", lambda: "Unavail" in pbx.cli("pjsip show contacts"))
        with ScriptedCarrier(pbx, TAKEN, address=SECOND_ADDRESS) as second:
            hidden, emergency = place(
                pbx, [from_phone("201", "+12125550142", give_up=3), from_phone("202", "911", give_up=3)]
            )
            assert hidden.statuses[-1] == emergency.statuses[-1] == 200
            assert {one.dialled: FarEnd(one).shown for one in second.calls()} == {
                "+12125550142": None,
                "911": OFFICE,
            }


NAIVE: Final = """
[general]
static = yes

[from-internal]
exten => _*67+X.,1,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/${EXTEN:3}@trunk,30)
 same => n,Dial(PJSIP/${EXTEN:3}@second,30,f(+12065550100))
 same => n,Hangup()
"""
"""A second way out as it is often added: the trunk's own number is set as it is dialled."""


def test_without_callveil_a_hidden_call_is_shown_by_the_second_trunk(version: Version) -> None:
    overlay = {"/etc/asterisk/extensions.conf": NAIVE, PJSIP_CONF: pjsip()}
    with (
        Pbx.start(version, "plain", overlay) as pbx,
        ScriptedCarrier(pbx, Reply(503)) as first,
        ScriptedCarrier(pbx, TAKEN, address=SECOND_ADDRESS) as second,
    ):
        result = place(pbx, [from_phone("201", "*67+12125550142", give_up=10)])[0]
        assert result.answered
        assert [FarEnd(one).shown for one in first.calls()] == [None]
        assert [FarEnd(one).shown for one in second.calls()] == [OFFICE]
