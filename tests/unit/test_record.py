from __future__ import annotations

from datetime import date

import pytest
from callveil.coarse import BUCKETS
from callveil.decision import Kind
from callveil.record import (
    DECISIONS,
    DISPOSITIONS,
    QUEUE_OUTCOMES,
    QueueVisit,
    Record,
    join,
    join_all,
    record_key,
)
from hypothesis import given
from hypothesis import strategies as st


def test_a_record_key_is_the_same_each_time_and_another_for_another_call() -> None:
    assert record_key("a1b2") == record_key("a1b2")
    assert len({record_key(call) for call in ("a", "b", "a1", "1a", "")}) == 5
    assert len(record_key("a1b2")) == 16


def test_a_record_key_does_not_hold_the_id() -> None:
    assert b"a1b2c3" not in record_key("a1b2c3")


def part(**facts: object) -> Record:
    """A part of one call."""
    known: dict[str, object] = {
        "key": record_key("a1b2"),
        "line": "hotline",
        "direction": "in",
        "decision": "scrub",
        "began": "2026-11-24",
        "spoken": "0",
        "disposition": "NO ANSWER",
    }
    return Record(**(known | facts))  # type: ignore[arg-type]


TIMES = (
    "2026-01-01",
    "2026-01-02",
    "2026-01-01T09",
    "2026-01-02T00",
    "2026-01-01T09:59:59",
    "2026-01-02T00:00:01",
)
QUEUES = [
    QueueVisit(name, outcome, waited)
    for name in ("help", "night")
    for outcome in QUEUE_OUTCOMES
    for waited in ("0", "1-59s", "1-4min")
]
PARTS = st.builds(
    part,
    decision=st.sampled_from(DECISIONS),
    began=st.sampled_from(TIMES),
    spoken=st.sampled_from((*BUCKETS, "0min", "4min", "5min", "59s", "60s", "300s")),
    party=st.sampled_from(("", "US", "GB")),
    queue=st.sampled_from((None, *QUEUES)),
    disposition=st.sampled_from(DISPOSITIONS),
)


def test_a_call_that_nobody_answers_and_then_voicemail_does_is_one_answered_call() -> None:
    voicemail = part(spoken="1-4min", disposition="ANSWERED")
    assert join(part(), voicemail) == voicemail
    assert join_all([part(), voicemail, part()]) == {part().key: voicemail}


def test_every_decision_has_its_place_among_what_was_shown() -> None:
    assert sorted(DECISIONS) == sorted({*Kind, "scrub"})


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("refuse", "hide"),  # a prompt was heard, and then the call was made
        ("refuse", "show"),
        ("hide", "show"),  # rejected because it was hidden, and made again by a key
        ("hide", "substitute"),
        ("scrub", "show"),
    ],
)
def test_a_call_is_recorded_with_the_most_that_it_showed(first: str, then: str) -> None:
    tried = part(direction="out", decision=first)
    made = part(direction="out", decision=then, spoken="1-59s", disposition="ANSWERED")
    assert join(tried, made) == join(made, tried) == made
    assert join(tried, part(direction="out", decision=then)).decision == then


def test_a_call_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    assert join(part(), part(began="2026-11-25")).day == date(2026, 11, 24)


@given(PARTS, PARTS, PARTS)
def test_parts_join_in_any_order_and_any_number_of_times(one: Record, two: Record, three: Record) -> None:
    whole = join(join(one, two), three)
    assert whole == join(one, join(two, three)) == join(three, join(two, one))
    assert join(whole, two) == whole


def test_parts_of_different_calls_are_not_joined() -> None:
    with pytest.raises(ValueError, match="different calls"):
        join(part(), part(key=record_key("other")))


def test_a_call_keeps_the_least_that_a_part_of_it_keeps() -> None:
    fine = part(began="2026-11-24T13:05:07", spoken="431s", party="US", disposition="ANSWERED")
    coarse = part(began="2026-11-24", spoken="1-59s")
    assert join(fine, coarse) == part(spoken="5-14min", disposition="ANSWERED")
    assert join(fine, part(began="2026-11-24T12", spoken="4min", party="US")).began == "2026-11-24T12"


def test_a_visit_to_a_queue_is_kept_whichever_part_tells_of_it() -> None:
    visit = QueueVisit("help", "abandoned", "1-59s")
    assert join(part(queue=visit), part()).queue == visit
    assert join(part(queue=visit), part(queue=QueueVisit("night", "connected", "0"))).queue == QueueVisit(
        "night", "connected", "0"
    )
