from __future__ import annotations

import pytest
from callveil.record import BUCKETS, bucket, record_key


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


def test_a_record_key_is_the_same_each_time() -> None:
    assert record_key("a1b2", "7") == record_key("a1b2", "7")
    assert len(record_key("a1b2", "7")) == 16


def test_a_record_key_differs_with_either_part() -> None:
    keys = {record_key(call, sequence) for call in ("a", "b", "a1") for sequence in ("1", "2", "12")}
    assert len(keys) == 9


def test_a_record_key_holds_neither_part() -> None:
    key = record_key("a1b2c3", "1234")
    assert b"a1b2c3" not in key
    assert b"1234" not in key
