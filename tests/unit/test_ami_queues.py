"""What a call's record says of its wait in a queue, and how little is held in memory until then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callveil.record import QueueVisit, Record, join_all
from callveil_ami.intake import Intake
from callveil_ami.queues import CAPACITY, LONGEST, QUEUE_EVENTS, Queues
from callveil_ami.session import HEARD
from harness.fake_ami import CDR
from hypothesis import given
from hypothesis import strategies as st

CHANNEL = "1782900672.12"
TRUNK = "1782900672.10"
IN = {**CDR, "VeilDirection": "in", "VeilDecision": "scrub", "UniqueID": CHANNEL, "LinkedID": TRUNK}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def event(name: str, queue: str = "help", *, channel: str = CHANNEL, **more: str) -> dict[str, str]:
    return {"Event": name, "Queue": queue, "Uniqueid": channel, "Linkedid": TRUNK, **more}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queues(clock: Clock) -> Queues:
    return Queues(clock)


def join_queue(queues: Queues, queue: str = "help") -> None:
    queues.hear(event("QueueCallerJoin", queue))


def end_unserved(queues: Queues, seconds: int, queue: str = "help") -> None:
    """What comes both if the caller hangs up and if the time is over."""
    queues.hear(event("QueueCallerAbandon", queue, HoldTime=str(seconds)))
    queues.hear(event("QueueCallerLeave", queue))


def connect(queues: Queues, seconds: int, queue: str = "help") -> None:
    queues.hear(event("QueueCallerLeave", queue))
    queues.hear(event("AgentConnect", queue, HoldTime=str(seconds), MemberName="Ann"))


def test_a_call_that_an_agent_takes(queues: Queues, clock: Clock) -> None:
    join_queue(queues)
    connect(queues, 75)
    clock.now += 600
    assert queues.visit(IN) == QueueVisit("help", "connected", "1-4min")
    assert queues.visit(IN) is None
    assert len(queues) == 0


@pytest.mark.parametrize(("after", "outcome"), [(0.0, "abandoned"), (1.9, "abandoned"), (2.1, "left")])
def test_a_call_whose_record_comes_at_once_gave_up(
    queues: Queues, clock: Clock, after: float, outcome: str
) -> None:
    join_queue(queues)
    end_unserved(queues, 20)
    clock.now += after
    assert queues.visit(IN) == QueueVisit("help", outcome, "1-59s")


def test_a_record_that_comes_before_the_end_of_the_wait_is_of_a_call_that_gave_up(
    queues: Queues, clock: Clock
) -> None:
    join_queue(queues)
    clock.now += 301
    assert queues.visit(IN) == QueueVisit("help", "abandoned", "5-14min")
    end_unserved(queues, 301)
    assert len(queues) == 0


def test_a_caller_who_leaves_by_a_key_was_sent_on(queues: Queues, clock: Clock) -> None:
    join_queue(queues)
    clock.now += 61
    queues.hear(event("QueueCallerLeave"))
    clock.now += 30
    assert queues.visit(IN) == QueueVisit("help", "left", "1-4min")


def test_of_two_queues_the_one_counts_in_which_it_ended(queues: Queues, clock: Clock) -> None:
    join_queue(queues, "day")
    end_unserved(queues, 30, "day")
    join_queue(queues, "night")
    clock.now += 65
    end_unserved(queues, 65, "night")
    assert queues.visit(IN) == QueueVisit("night", "abandoned", "1-4min")


def test_a_call_that_was_taken_stays_so_in_a_later_queue(queues: Queues, clock: Clock) -> None:
    join_queue(queues, "day")
    connect(queues, 5, "day")
    join_queue(queues, "night")
    end_unserved(queues, 400, "night")
    assert queues.visit(IN) == QueueVisit("day", "connected", "1-59s")


def test_a_wait_that_began_before_it_was_heard_is_told_if_an_agent_takes_the_call(queues: Queues) -> None:
    connect(queues, 61)
    assert queues.visit(IN) == QueueVisit("help", "connected", "1-4min")
    end_unserved(queues, 61)
    assert queues.visit(IN) is None
    connect(queues, -1)
    assert queues.visit(IN) is None


def test_a_clock_that_was_set_back_is_not_believed(queues: Queues, clock: Clock) -> None:
    join_queue(queues)
    clock.now += 70
    connect(queues, -3500)
    assert queues.visit(IN) == QueueVisit("help", "connected", "1-4min")


def test_a_line_that_shows_callers_waits_on_another_channel_of_the_same_call(queues: Queues) -> None:
    queues.hear(event("QueueCallerJoin", channel="1782900672.14"))
    queues.hear(event("AgentConnect", HoldTime="3", channel="1782900672.14"))
    assert queues.visit({**IN, "LinkedID": "1782900672.99"}) is None
    assert queues.visit(IN) == QueueVisit("help", "connected", "1-59s")
    assert queues.visit(IN) is None


def test_a_call_to_an_agent_outside_did_not_wait(queues: Queues) -> None:
    join_queue(queues)
    connect(queues, 3)
    assert queues.visit({**IN, "VeilDirection": "out", "UniqueID": "1782900672.17"}) is None
    assert queues.visit(IN) == QueueVisit("help", "connected", "1-59s")


def test_a_call_with_no_name_for_the_whole_of_it_matches_no_other(queues: Queues) -> None:
    queues.hear({**event("AgentConnect", HoldTime="3"), "Linkedid": ""})
    assert queues.visit({**IN, "UniqueID": "1782900672.99", "LinkedID": ""}) is None
    assert queues.visit({name: text for name, text in IN.items() if name != "LinkedID"}) is not None


@pytest.mark.parametrize("name", ["", "+12065550123 ", "a b", "é", "x" * 65, "a|b", "../a", "-a"])
def test_a_queue_with_another_name_costs_the_figure_and_not_the_record(name: str) -> None:
    intake = Intake({})
    intake.take(event("QueueCallerJoin", name))
    intake.take(event("AgentConnect", name, HoldTime="3"))
    intake.take(IN)
    (record,) = intake.next_batch(10)
    assert record.queue is None


@pytest.mark.parametrize(
    "odd",
    [
        {"Event": "QueueCallerJoin"},
        {**event("QueueCallerJoin"), "Uniqueid": ["1", "2"]},
        {**event("QueueCallerJoin"), "Uniqueid": ""},
        {**event("QueueCallerJoin"), "Uniqueid": "x" * 151},
        {**event("QueueCallerJoin"), "Uniqueid": "1\n"},
        {**event("QueueCallerJoin"), "Queue": ["help", "help"]},
        {**event("QueueMemberStatus")},
    ],
)
def test_an_odd_event_is_passed_over(queues: Queues, odd: dict[str, object]) -> None:
    queues.hear(odd)
    assert len(queues) == 0


def test_calls_that_never_get_a_record_are_forgotten(queues: Queues, clock: Clock) -> None:
    queues.hear(event("QueueCallerJoin", channel="a"))
    clock.now += LONGEST - 1
    queues.hear(event("QueueCallerJoin", channel="b"))
    assert len(queues) == 2
    clock.now += 2
    queues.hear(event("QueueCallerLeave", channel="b"))
    assert len(queues) == 1


def test_memory_is_bounded_and_who_was_heard_of_last_stays(clock: Clock) -> None:
    queues = Queues(clock, capacity=3)
    for number in range(3):
        queues.hear(event("QueueCallerJoin", channel=str(number), Linkedid=f"call {number}"))
    queues.hear(event("QueueCallerLeave", channel="0"))
    queues.hear(event("QueueCallerJoin", channel="3", Linkedid="call 3"))
    assert len(queues) == 3
    assert queues.visit({**IN, "UniqueID": "1", "LinkedID": ""}) is None
    assert queues.visit({**IN, "UniqueID": "0", "LinkedID": ""}) is not None
    assert CAPACITY <= 10_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from((*QUEUE_EVENTS, "Cdr")),
            st.sampled_from(("day", "night")),
            st.sampled_from(("a", "b")),
            st.integers(-5, 500),
        ),
        max_size=30,
    )
)
def test_whatever_comes_in_whatever_order_memory_and_links_stay_in_step(
    steps: list[tuple[str, str, str, int]],
) -> None:
    clock = Clock()
    queues = Queues(clock, capacity=3)
    for name, queue, channel, seconds in steps:
        clock.now += abs(seconds) / 100
        if name == "Cdr":
            visit = queues.visit({**IN, "UniqueID": channel})
            assert visit is None or visit.name in ("day", "night")
        else:
            queues.hear(event(name, queue, channel=channel, HoldTime=str(seconds)))
        assert len(queues) <= 2
    for channel in ("a", "b"):
        queues.visit({**IN, "UniqueID": channel})
    assert len(queues) == 0
    assert queues.visit({**IN, "UniqueID": "c"}) is None


def test_two_listeners_and_all_parts_of_a_call_give_one_visit() -> None:
    """The second one began to listen when the call was already waiting."""
    found: list[Record] = []
    for heard in (QUEUE_EVENTS, ("AgentConnect",)):
        intake = Intake({})
        for name in heard:
            if name != "QueueCallerAbandon":
                intake.take(event(name, HoldTime="3"))
        intake.take({**IN, "Sequence": "2", "Disposition": "NO ANSWER", "BillableSeconds": "0"})
        intake.take({**IN, "Sequence": "5"})
        found += intake.next_batch(10)
    assert len(found) == 4
    (record,) = join_all(found).values()
    assert (record.queue, record.disposition) == (QueueVisit("help", "connected", "1-59s"), "ANSWERED")


def test_the_manager_user_may_hear_exactly_what_is_listened_to() -> None:
    text = (Path(__file__).parents[2] / "config" / "manager.conf").read_text(encoding="utf-8")
    own = text.partition("[callveil]")[2].partition("[callveil-audit]")[0]
    (heard,) = re.findall(r"^eventfilter=\^Event: \((.*)\)$", own, re.M)
    assert tuple(heard.split("|")) == HEARD
    (number,) = re.findall(r"^eventfilter=!(.*)$", own, re.M)
    assert re.search(number, "Uniqueid: 1\r\nCallerIDNum: +12065550123\r\n")
    assert re.search(number, "Uniqueid: 1\r\nCallerIDNum: 2065550123\r\n")
    assert not re.search(
        number, "CallerIDNum: <unknown>\r\nDestCallerIDNum: 2065550123\r\nUniqueid: 1782900672.12"
    )
