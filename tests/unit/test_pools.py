"""Which number of a pool a person is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from callveil.policy.model import Pool
from callveil.pools import choose

KEY = b"the secret of this installation."
FOUR = Pool("callbacks", ("office", "clinic", "annex", "house"))
NUMBERS = [f"+1{area}55501{last:02}" for area in range(200, 300) for last in range(100)]
"""10,000 numbers of which each differs from some others in one digit only."""

TODAY = ["office", "clinic", "annex", "clinic", "annex", "house", "clinic", "annex"]


def shown(pool: Pool, key: bytes = KEY) -> list[str]:
    return [choose(pool, number, key) for number in NUMBERS]


def chi_square(choices: list[str], kinds: int) -> float:
    expected = len(choices) / kinds
    return sum((count - expected) ** 2 / expected for count in Counter(choices).values())


@pytest.mark.parametrize("key", [KEY, b"", b"another secret"])
def test_every_identity_is_shown_to_as_many_people(key: bytes) -> None:
    choices = shown(FOUR, key)
    assert set(choices) == set(FOUR.identities)
    # 3 degrees of freedom: chance alone exceeds 21.1 once in 10,000 keys.
    assert chi_square(choices, 4) < 21.1


def test_neighbours_in_the_numbering_are_not_shown_the_same() -> None:
    """Whoever is shown a number learns nothing of what others are shown."""
    choices = shown(FOUR)
    same = sum(first == second for first, second in pairwise(choices))
    assert 0.22 < same / (len(choices) - 1) < 0.28


def test_a_person_is_always_shown_the_same_number() -> None:
    assert shown(FOUR) == shown(Pool("callbacks", tuple(reversed(FOUR.identities))))


def test_the_choice_of_today_holds_after_an_update() -> None:
    """A change of the way of choosing would show people numbers that they do not know."""
    assert [choose(FOUR, f"+120655501{last:02}", KEY) for last in range(8)] == TODAY


def test_without_the_key_nobody_can_tell() -> None:
    one, other = shown(FOUR), shown(FOUR, b"another secret")
    same = sum(first == second for first, second in zip(one, other, strict=True))
    assert 0.22 < same / len(one) < 0.28


def test_two_pools_of_the_same_identities_choose_apart() -> None:
    one, other = shown(FOUR), shown(Pool("agencies", FOUR.identities))
    same = sum(first == second for first, second in zip(one, other, strict=True))
    assert 0.22 < same / len(one) < 0.28


def moved(before: Pool, after: Pool) -> Iterator[tuple[str, str]]:
    """What each person was shown before and is shown after, where that is not the same."""
    return ((old, new) for old, new in zip(shown(before), shown(after), strict=True) if old != new)


def test_who_was_shown_the_number_that_is_taken_away_moves_and_nobody_else() -> None:
    three = Pool("callbacks", FOUR.identities[:-1])
    moves = list(moved(FOUR, three))
    assert len(moves) == Counter(shown(FOUR))["house"]
    assert {old for old, _ in moves} == {"house"}
    assert {new for _, new in moves} == set(three.identities)


def test_who_is_shown_the_number_that_is_added_moves_and_nobody_else() -> None:
    five = Pool("callbacks", (*FOUR.identities, "shed"))
    moves = list(moved(FOUR, five))
    assert {new for _, new in moves} == {"shed"}
    assert 0.17 < len(moves) / len(NUMBERS) < 0.23


def test_a_pool_of_one() -> None:
    assert set(shown(Pool("callbacks", ("office",)))) == {"office"}
