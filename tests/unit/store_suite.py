"""What every store has to do, tested in the same way for each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from callveil.coarse import BUCKETS
from callveil.record import DECISIONS, DISPOSITIONS, QueueVisit, Record, join_all, record_key
from callveil.store.interface import ALL_LINES, Cutoffs, Hold, Month, Store, StoreError
from callveil.store.opening import open_store
from callveil.store.place import Place

JULY = date(2026, 7, 1)


def call(number: int, *, day: date = JULY, line: str = "hotline", **facts: object) -> Record:
    """A call that nobody answered; the same number is the same call."""
    found = Record(record_key(f"id{number}"), line, "in", "scrub", str(day), "0", "NO ANSWER")
    return replace(found, **facts)  # type: ignore[arg-type]


def some_calls(many: int, seed: int = 1) -> list[Record]:
    """Parts of calls of all kinds over ten weeks, some calls in several parts."""
    dice = random.Random(seed)  # noqa: S311
    found = []
    for number in range(many):
        day = JULY + timedelta(days=dice.randrange(70))
        exact = dice.random() < 0.3
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            found.append(
                call(
                    number,
                    day=day + timedelta(days=dice.choice((0, 0, 0, 1))),
                    line=("hotline", "desk", "gone")[number % 3],
                    direction=("in", "out")[number % 2],
                    decision=dice.choice(DECISIONS),
                    disposition=dice.choice(DISPOSITIONS),
                    spoken=dice.choice(("0", "7min", "4s") if exact else BUCKETS),
                    party=f"+1206555{100 + number % 100:04}" if number % 5 == 0 else "",
                    queue=QueueVisit("help", "connected", "1-59s") if number % 7 == 0 else None,
                )
            )
    dice.shuffle(found)
    return found


async def everything(store: Store, **only: object) -> list[Record]:
    return [one async for one in store.records(**only)]  # type: ignore[arg-type]


def in_order(records: object) -> list[Record]:
    return sorted(records, key=lambda one: (one.day, one.key))  # type: ignore[call-overload, no-any-return]


async def counted(store: Store) -> dict[str, int]:
    months = [Month(2026, number) for number in range(1, 13)]
    return {str(month): sum(count.calls for count in await store.counts(month)) for month in months}


class StoreSuite:
    """Run it with a fixture `place`, where there is no store yet, and one `size`, see there."""

    @pytest.fixture
    async def store(self, place: Place, size: str) -> AsyncIterator[Store]:
        opened = await open_store(place)
        yield opened
        await opened.close()

    async def test_each_call_is_one_record_by_day_and_key(self, store: Store, place: Place) -> None:
        parts = some_calls(700)
        added = 0
        for start in range(0, len(parts), 90):
            added += await store.add(parts[start : start + 90])
        expected = in_order(join_all(parts).values())
        assert added == len(expected) == 700
        assert await everything(store) == expected
        assert await store.add(reversed(parts)) == 0
        assert await store.add([]) == 0
        assert await everything(store) == expected
        await store.settle()
        assert await store.add(parts) == 0
        await store.close()
        again = await open_store(place)
        assert await again.add(parts) == 0
        assert await everything(again) == expected
        await again.close()

    async def test_a_part_that_began_earlier_takes_the_record_along(self, store: Store) -> None:
        late, early = call(1, day=JULY), call(1, day=JULY - timedelta(days=1))
        assert await store.add([late, call(2)]) == 2
        assert await store.add([early]) == 0
        for _ in range(2):
            assert await everything(store) == [early, call(2)]
            assert await store.add([late]) == 0
            await store.settle()

    async def test_the_clock_is_set_back_for_weeks_in_the_middle_of_a_call(self, store: Store) -> None:
        late, early = call(1, day=JULY), call(1, day=JULY - timedelta(days=40))
        assert await store.add([late, call(2)]) == 2
        await store.settle()
        assert await store.add([early, call(3, day=early.day)]) == 1
        await store.settle()
        assert await store.add([late, early]) == 0
        assert [one.day for one in await everything(store)] == [early.day, early.day, JULY]

    async def test_an_old_part_that_comes_again(self, store: Store) -> None:
        old = call(1, day=JULY - timedelta(days=60))
        assert await store.add([old]) == 1
        for number in range(2, 30):
            assert await store.add([call(number, day=JULY + timedelta(days=number))]) == 1
            await store.settle()
        assert await store.add([old, replace(old, spoken="1-59s", disposition="ANSWERED")]) == 0
        assert len(await everything(store)) == 29
        assert (await everything(store))[0].disposition == "ANSWERED"

    async def test_only_some(self, store: Store) -> None:
        parts = [call(number, day=JULY + timedelta(days=number // 4)) for number in range(40)]
        parts += [call(100 + number, line="desk", day=JULY + timedelta(days=number)) for number in range(10)]
        await store.add(parts)
        ordered = in_order(parts)
        assert await everything(store, line="desk") == [one for one in ordered if one.line == "desk"]
        assert await everything(store, line="none") == []
        since, until = JULY + timedelta(days=2), JULY + timedelta(days=5)
        between = [one for one in ordered if since <= one.day < until]
        assert await everything(store, since=since, until=until) == between
        assert await everything(store, since=until) == [one for one in ordered if one.day >= until]
        latest = await everything(store, most=7)
        assert latest == in_order(latest)
        assert [one.day for one in latest] == [one.day for one in ordered[-7:]]
        assert (
            await everything(store, most=3, line="desk", until=until)
            == [one for one in ordered if one.line == "desk" and one.day < until][-3:]
        )

    async def test_counts_of_a_month(self, store: Store) -> None:
        parts = [
            *[call(number, spoken="7min", disposition="ANSWERED") for number in range(3)],
            *[call(number, spoken="5-14min", disposition="ANSWERED") for number in range(3, 5)],
            call(5, day=date(2026, 7, 31), queue=QueueVisit("help", "abandoned", "1-59s")),
            call(6, day=date(2026, 6, 30)),
            call(7, day=date(2026, 8, 1)),
        ]
        await store.add(parts)
        counts = await store.counts(Month(2026, 7))
        assert [(one.spoken, one.queue, one.outcome, one.waited, one.calls) for one in counts] == [
            ("5-14min", "", "", "", 5),
            ("0", "help", "abandoned", "1-59s", 1),
        ]
        assert await store.counts(Month(2025, 7)) == []
        assert sum((await counted(store)).values()) == 8

    async def test_counts_stay_the_same_whatever_is_purged(self, store: Store) -> None:
        parts = some_calls(400)
        await store.add(parts)
        months = [Month(2026, number) for number in (6, 7, 8, 9)]
        before = [await store.counts(month) for month in months]
        for counts in before:
            groups = [(one.line, one.direction, one.decision, one.disposition, one.spoken) for one in counts]
            assert groups == sorted(groups)
            assert len({replace(one, calls=0) for one in counts}) == len(counts)
        over = Cutoffs({"hotline": date(2026, 8, 1), "desk": date(2026, 7, 10)}, others=date(2026, 9, 1))
        left = [one for one in join_all(parts).values() if one.day >= over.of(one.line)]
        due = await store.due(over)
        assert sum(due.values()) == 400 - len(left)
        assert set(due) == {"hotline", "desk", "gone"}
        purged = 0
        while now := await store.purge(over, most=37):
            assert now <= 37
            purged += now
            assert [await store.counts(month) for month in months] == before
            if purged % 2:
                await store.settle()
        assert purged == sum(due.values())
        assert await store.due(over) == {}
        assert await everything(store) == in_order(left)
        assert [await store.counts(month) for month in months] == before
        await store.add([call(5000, day=date(2026, 7, 3), line="gone")])
        assert (await counted(store))["2026-07"] == sum(one.calls for one in before[1]) + 1

    async def test_nothing_is_over_by_itself(self, store: Store) -> None:
        await store.add(some_calls(30))
        for cutoffs in (Cutoffs(), Cutoffs({"hotline": date.min}), Cutoffs({}, JULY)):
            assert await store.due(cutoffs) == {}
            assert await store.purge(cutoffs) == 0
        assert len(await everything(store)) == 30

    async def test_holds(self, store: Store, place: Place) -> None:
        await store.add(some_calls(90))
        over = Cutoffs(others=date(2027, 1, 1))
        first = Hold("desk", date(2026, 7, 2), "subpoena")
        assert await store.holds() == []
        await store.hold(first)
        await store.hold(Hold(ALL_LINES, date(2026, 7, 3), "the lawyer said so"))
        assert [one.line for one in await store.holds()] == [ALL_LINES, "desk"]
        assert await store.due(over) == {}
        assert await store.purge(over) == 0
        assert await store.release(ALL_LINES)
        assert not await store.release(ALL_LINES)
        assert set(await store.due(over)) == {"hotline", "gone"}
        assert await store.purge(over) == 60
        assert {one.line for one in await everything(store)} == {"desk"}
        await store.hold(Hold("desk", date(2026, 8, 2), "another reason"))
        reader = await open_store(place, read_only=True)
        assert await reader.holds() == [replace(first, reason="another reason")]
        await reader.close()
        assert await store.release("desk")
        assert await store.purge(over) == 30

    async def test_a_hold_that_comes_meanwhile_holds(self, store: Store, place: Place) -> None:
        await store.add(some_calls(300))
        other = await open_store(place)
        over = Cutoffs(others=date(2027, 1, 1))

        async def purge() -> int:
            purged = 0
            while now := await store.purge(over, most=5):
                purged += now
            return purged

        purging = asyncio.create_task(purge())
        await asyncio.sleep(0.05)
        await other.hold(Hold("desk", JULY, "stop"))
        held = {one.key for one in await everything(other, line="desk")}
        await purging
        assert {one.key for one in await everything(other)} == held
        await other.close()

    async def test_settling_changes_nothing_that_can_be_read(self, store: Store) -> None:
        parts = some_calls(300)
        for start in range(0, len(parts), 50):
            await store.add(parts[start : start + 50])
            await store.settle()
        await store.settle()
        assert await everything(store) == in_order(join_all(parts).values())
        assert sum((await counted(store)).values()) == 300

    async def test_who_reads_sees_one_moment_and_keeps_settling_waiting(self, store: Store) -> None:
        await store.add(call(number, day=JULY + timedelta(days=number % 20)) for number in range(5000))
        reading = store.records()
        read = [await anext(reading)]
        assert await store.purge(Cutoffs(others=date(2027, 1, 1)), most=4999) == 4999
        assert await store.add([call(6000)]) == 1
        with pytest.raises(StoreError):
            await store.settle()
        read += [one async for one in reading]
        assert len(read) == 5000
        assert all((one.day, one.key) < (other.day, other.key) for one, other in pairwise(read))
        await store.settle()
        assert len(await everything(store)) == 2

    async def test_a_reader_that_is_given_up_is_no_trouble(self, store: Store) -> None:
        await store.add(call(number) for number in range(3000))
        reading = store.records()
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]
        await store.settle()

    async def test_two_writers_and_one_who_tidies(self, store: Store, place: Place) -> None:
        parts = some_calls(400)
        other = await open_store(place)
        done = asyncio.Event()

        async def write(one: Store, mine: list[Record]) -> int:
            return sum([await one.add(mine[start : start + 10]) for start in range(0, len(mine), 10)])

        async def tidy() -> int:
            tidied = 0
            while not done.is_set():
                try:
                    await other.settle()
                    tidied += 1
                except StoreError:
                    pass  # somebody reads or writes
                await asyncio.sleep(0.001)
            return tidied

        tidying = asyncio.create_task(tidy())
        added = await asyncio.gather(write(store, parts), write(other, parts[::-1]), write(store, parts[::3]))
        done.set()
        assert await tidying
        assert sum(added) == 400
        assert await everything(store) == in_order(join_all(parts).values())
        await other.close()

    async def test_two_that_open_at_once(self, place: Place, size: str) -> None:
        opened = await asyncio.gather(*[open_store(place) for _ in range(4)])
        added = await asyncio.gather(*[one.add([call(1), call(2)]) for one in opened])
        assert sorted(added) == [0, 0, 0, 2]
        for one in opened:
            await one.close()

    async def test_who_only_reads_changes_nothing(self, store: Store, place: Place) -> None:
        await store.add([call(1)])
        reader = await open_store(place, read_only=True)
        for change in (
            reader.add([call(2)]),
            reader.purge(Cutoffs(others=date(2027, 1, 1))),
            reader.hold(Hold("desk", JULY, "no")),
            reader.release("desk"),
            reader.settle(),
        ):
            with pytest.raises(StoreError):
                await change
        assert await everything(reader) == [call(1)]
        assert await reader.due(Cutoffs(others=date(2027, 1, 1))) == {"hotline": 1}
        await reader.close()
        assert await everything(store) == [call(1)]

    async def test_who_only_reads_creates_nothing(self, place: Place) -> None:
        for _ in range(2):
            with pytest.raises(StoreError, match="does not exist; nothing has been recorded"):
                await open_store(place, read_only=True)

    async def test_a_store_that_is_closed_says_so(self, place: Place) -> None:
        store = await open_store(place)
        await store.close()
        await store.close()
        for attempt in (store.add([call(1)]), store.due(Cutoffs()), everything(store), store.settle()):
            with pytest.raises(StoreError, match="closed"):
                await attempt

    async def test_who_is_cancelled_leaves_a_whole_transaction(self, store: Store) -> None:
        for number in range(20):
            adding = asyncio.create_task(store.add(call(number * 100 + one) for one in range(100)))
            await asyncio.sleep(0.0005 * (number % 5))
            adding.cancel()
            await asyncio.gather(adding, return_exceptions=True)
        await store.add([call(5000)])
        assert len(await everything(store)) % 100 == 1
