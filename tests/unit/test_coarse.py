from __future__ import annotations

import pytest
from callveil.coarse import (
    BUCKETS,
    DURATIONS,
    TIMES,
    Duration,
    Time,
    as_bucket,
    bucket,
    coarsen_duration,
    coarsen_seconds,
    coarsen_time,
    earliest,
    is_duration,
    is_time,
    longest,
)
from hypothesis import given
from hypothesis import strategies as st

SECONDS = st.integers(0, 2 * 86400)


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


@pytest.mark.parametrize(
    ("to", "kept"), [("day", "2026-11-24"), ("hour", "2026-11-24T13"), ("exact", "2026-11-24T13:05:07")]
)
def test_a_time_is_as_fine_as_the_line_keeps_it(to: Time, kept: str) -> None:
    assert coarsen_time("2026-11-24T13:05:07", to) == kept
    assert is_time(kept)


@pytest.mark.parametrize(
    ("seconds", "minute", "exact"),
    [(0, "0", "0"), (1, "0min", "1s"), (59, "0min", "59s"), (60, "1min", "60s"), (7199, "119min", "7199s")],
)
def test_a_duration_is_as_fine_as_the_line_keeps_it(seconds: int, minute: str, exact: str) -> None:
    assert coarsen_seconds(seconds, "minute") == minute
    assert coarsen_seconds(seconds, "exact") == exact
    assert is_duration(minute)
    assert is_duration(exact)


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-31", "2026-11-24T24", "2026-11-24 13", "2026-11-24T13:05", "2026-11-24T13:05:60",
     "1969-12-31", "2026-11-24\n", "\u0662026-11-24"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert not is_time(text)


@pytest.mark.parametrize(
    "text", ["", "0s", "-1s", "01s", "5", "5m", "5min ", "00min", "1234567min", "\u0665s"]
)
def test_what_is_no_duration(text: str) -> None:
    assert not is_duration(text)


@given(SECONDS, st.sampled_from(DURATIONS), st.sampled_from(DURATIONS))
def test_coarsening_twice_is_coarsening_to_the_coarser(seconds: int, one: Duration, two: Duration) -> None:
    coarser = min(one, two, key=DURATIONS.index)
    assert coarsen_duration(coarsen_seconds(seconds, one), two) == coarsen_seconds(seconds, coarser)
    assert as_bucket(coarsen_seconds(seconds, one)) == bucket(seconds)


@given(SECONDS, SECONDS, st.sampled_from(DURATIONS), st.sampled_from(DURATIONS))
def test_the_longest_is_that_of_the_seconds(one: int, two: int, fine: Duration, other: Duration) -> None:
    found = longest(coarsen_seconds(one, fine), coarsen_seconds(two, other))
    # Silence says nothing about how fine its line keeps durations.
    kinds = [kind for seconds, kind in ((one, fine), (two, other)) if seconds] or [fine]
    assert found == coarsen_seconds(max(one, two), min(kinds, key=DURATIONS.index))


@given(st.datetimes(), st.datetimes(), st.sampled_from(TIMES), st.sampled_from(TIMES))
def test_the_earliest_is_that_of_the_times(one: object, two: object, fine: Time, other: Time) -> None:
    texts = [str(one)[:19].replace(" ", "T"), str(two)[:19].replace(" ", "T")]
    found = earliest(coarsen_time(texts[0], fine), coarsen_time(texts[1], other))
    assert found == coarsen_time(min(texts), min(fine, other, key=TIMES.index))
