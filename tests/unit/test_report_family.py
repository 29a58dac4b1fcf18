"""Which parts of a number are hidden."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from callveil.report.family import LEAST_SHOWN, hidden_parts
from callveil.report.shape import LINE, Shape
from hypothesis import given
from hypothesis import strategies as st

calls = st.lists(st.one_of(st.integers(0, 15), st.integers(0, 500)), max_size=12)


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ([], set()),
        ([0, 0], set()),
        ([11, 12, 0], set()),
        ([10, 20], {0, 1}),  # what is left would tell the 10
        ([10, 20, 30], {0, 1}),
        ([30, 10, 20, 20], {1, 2, 3}),  # all of the 20, so that nobody can tell which of them went with it
        ([5, 6, 20], {0, 1}),
        ([6, 6, 20], {0, 1}),
        ([2, 3, 20, 40], {0, 1, 2}),  # together they would be 5
        ([10, 10, 20, 40], {0, 1, 2}),  # two that have 20 can only have 10 each
        ([10, 10, 11], {0, 1, 2}),
        ([10, 10], {0, 1}),
        ([1] * 11 + [20, 40], {*range(12)}),
        ([9, 2, 0, 40], {0, 1}),
        ([0, 40], set()),
    ],
)
def test_examples(parts: list[int], hidden: set[int]) -> None:
    assert hidden_parts(parts) == hidden


@given(calls)
def test_few_calls_are_hidden_and_none_are_shown(parts: list[int]) -> None:
    hidden = hidden_parts(parts)
    assert {place for place, number in enumerate(parts) if 0 < number < LEAST_SHOWN} <= hidden
    assert all(parts[place] for place in hidden)
    if any(0 < number < LEAST_SHOWN for number in parts) and sum(parts) >= LEAST_SHOWN:
        assert sum(parts[place] for place in hidden) >= LEAST_SHOWN


@given(calls, st.randoms(use_true_random=False))
def test_the_order_of_the_parts_plays_no_role(parts: list[int], random) -> None:
    order = list(range(len(parts)))
    random.shuffle(order)
    hidden = hidden_parts(parts)
    assert hidden_parts([parts[place] for place in order]) == {
        new for new, place in enumerate(order) if place in hidden
    }


def families(shape: Shape | None) -> Iterator[Shape]:
    if shape is not None:
        yield shape
        for part in shape.parts.values():
            yield from families(part)


def test_families_have_fewer_parts_than_the_proof_needs() -> None:
    assert all(len(shape.parts) < LEAST_SHOWN for shape in families(LINE))
