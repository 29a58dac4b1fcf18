from __future__ import annotations

from datetime import date

import pytest
from callveil.decision import Kind
from callveil.record import BUCKETS, DECISIONS, DISPOSITIONS, Record, bucket, join, join_all, record_key
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (-1, "0"),
        (0, "0"),
        (1, "1-59s"),
        (59, "1-59s"),
        (60, "1-4min"),
        (299, "1-4min"),
        (300, "5-14min"),
        (899, "5-14min"),
        (900, "15-29min"),
        (1799, "15-29min"),
        (1800, "30-59min"),
        (3599, "30-59min"),
        (3600, "60min+"),
        (10**9, "60min+"),
    ],
)
def test_speech_is_coarsened(seconds: int, name: str) -> None:
    assert bucket(seconds) == name
    assert name in BUCKETS


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
        "day": date(2026, 11, 24),
        "spoken": "0",
        "disposition": "NO ANSWER",
    }
    return Record(**(known | facts))  # type: ignore[arg-type]


PARTS = st.builds(
    part,
    decision=st.sampled_from(DECISIONS),
    day=st.dates(date(2026, 1, 1), date(2026, 1, 9)),
    spoken=st.sampled_from(BUCKETS),
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
    assert join(part(), part(day=date(2026, 11, 25))).day == date(2026, 11, 24)


@given(PARTS, PARTS, PARTS)
def test_parts_join_in_any_order_and_any_number_of_times(one: Record, two: Record, three: Record) -> None:
    whole = join(join(one, two), three)
    assert whole == join(one, join(two, three)) == join(three, join(two, one))
    assert join(whole, two) == whole


def test_parts_of_different_calls_are_not_joined() -> None:
    with pytest.raises(ValueError, match="different calls"):
        join(part(), part(key=record_key("other")))
