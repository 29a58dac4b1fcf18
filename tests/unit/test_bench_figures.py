from __future__ import annotations

import itertools

import pytest
from bench import million
from bench.calls import queued, ticks
from bench.figures import Figure, Goal, alternate, in_slices, number
from bench.sipp_log import calls_a_second, post_dial_delay, read_log
from bench.told import event, line
from callveil.record import Record
from callveil_ami.events import read_cdr
from callveil_ami.lines import read_line
from panoramisk.message import Message


def figure(ours: list[float], baseline: list[float], goal: Goal | None = None, note: str = "") -> Figure:
    return Figure("delay", "ms", ours, baseline, "nothing", goal, note)


class TestFigure:
    def test_the_ratio_is_the_median_of_the_rounds_ratios(self) -> None:
        # Each round twice as long as its baseline, though the last two met a busy machine.
        assert figure([2, 2, 2, 20, 40], [1, 1, 1, 10, 20]).ratio == 2
        assert figure([2, 3, 100], [1, 1, 1]).ratio == 3

    def test_the_difference_is_the_median_of_the_rounds_differences(self) -> None:
        assert figure([12, 15, 90], [10, 10, 10]).difference == 5

    def test_a_baseline_must_be_of_the_same_rounds(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            _ = figure([1, 2], [1]).ratio

    @pytest.mark.parametrize(
        ("ours", "goal", "end"),
        [
            (15, Goal(1.5), "ratio 1.50; goal at most 1.50: met"),
            (15.1, Goal(1.5), "ratio 1.51; goal at most 1.50: goal missed"),
            (8, Goal(0.8, at_least=True), "ratio 0.80; goal at least 0.80: met"),
            (7.9, Goal(0.8, at_least=True), "ratio 0.79; goal at least 0.80: goal missed"),
            (15, Goal(5, difference=True), "added 5.00 ms; goal at most 5.00 ms added: met"),
            (15.1, Goal(5, difference=True), "added 5.10 ms; goal at most 5.00 ms added: goal missed"),
            (15, Goal(15, own=True), "ratio 1.50; goal at most 15.0 ms: met"),
            (15.1, Goal(15, own=True), "ratio 1.51; goal at most 15.0 ms: goal missed"),
            (15, Goal(16, at_least=True, own=True), "ratio 1.50; goal at least 16.0 ms: goal missed"),
            (15, None, "ratio 1.50; no goal"),
        ],
    )
    def test_the_line_says_whether_the_goal_is_met(self, ours: float, goal: Goal | None, end: str) -> None:
        line = figure([ours], [10], goal).line()
        assert line.startswith(f"delay: {number(ours)} ms; nothing 10.0 ms; ratio ")
        assert line.endswith(end)

    def test_the_line_says_what_went_wrong(self) -> None:
        assert figure([1], [1], None, "3 calls failed").line().endswith("; no goal (3 calls failed)")


@pytest.mark.parametrize(
    ("value", "said"), [(0.456, "0.46"), (-9.5, "-9.50"), (12.34, "12.3"), (123.4, "123"), (4999.6, "5000")]
)
def test_numbers_have_about_three_digits(value: float, said: str) -> None:
    assert number(value) == said


def test_ways_take_turns_and_every_other_round_goes_backwards() -> None:
    order: list[str] = []

    def way(name: str) -> str:
        order.append(name)
        return f"{name}{len(order)}"

    found = alternate((lambda: way("a"), lambda: way("b")), rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == [["a1", "a4", "a5"], ["b2", "b3", "b6"]]


def test_a_round_of_slices_is_their_median() -> None:
    ours = itertools.cycle([1.0, 2.0, 900.0])
    found = in_slices((lambda: next(ours), lambda: 7.0), rounds=2)
    assert found == [[2.0, 2.0], [7.0, 7.0]]


def sipp(moment: float, direction: str, call: str, sequence: str, first: str) -> str:
    return f"2026-01-02\t03:04:05.000000\t{moment:.6f}\t{direction}\t{call}\tCSeq:{sequence}\t{first}\n"


ONE, TWO = "+12125550141", "+12125550142"

PHONE = (
    sipp(100.000, "S", "1-7@127.0.0.21", "1 INVITE", f"INVITE sip:99{ONE}@127.0.0.1 SIP/2.0")
    + sipp(100.001, "R", "1-7@127.0.0.21", "1 INVITE", "SIP/2.0 100 Trying")
    + sipp(100.500, "S", "2-7@127.0.0.21", "1 INVITE", f"INVITE sip:99{TWO}@127.0.0.1 SIP/2.0")
    # No answer came, so it is sent again: the delay counts from the first.
    + sipp(101.000, "S", "2-7@127.0.0.21", "1 INVITE", f"INVITE sip:99{TWO}@127.0.0.1 SIP/2.0")
    + sipp(101.100, "R", "1-7@127.0.0.21", "1 INVITE", "SIP/2.0 200 OK")
    + sipp(101.101, "S", "1-7@127.0.0.21", "2 BYE", "BYE sip:127.0.0.1:5060 SIP/2.0")
    + sipp(102.000, "R", "1-7@127.0.0.21", "2 BYE", "SIP/2.0 200 OK")
)
CARRIER = (
    sipp(100.004, "R", "x", "9 INVITE", f"INVITE sip:{ONE}@127.0.0.3:5060 SIP/2.0")
    + sipp(101.008, "R", "y", "9 INVITE", f"INVITE sip:{TWO}@127.0.0.3:5060 SIP/2.0")
    + sipp(101.508, "R", "y", "9 INVITE", f"INVITE sip:{TWO}@127.0.0.3:5060 SIP/2.0")
)


class TestLog:
    def test_the_first_invite_to_each_number_counts_without_what_was_dialled_in_front(self) -> None:
        assert read_log(PHONE, "99").sent == {ONE: 100.0, TWO: 100.5}
        assert read_log(CARRIER).received == {ONE: 100.004, TWO: 101.008}

    def test_what_had_to_be_sent_again_is_counted(self) -> None:
        assert read_log(PHONE, "99").repeated == 1
        assert read_log(CARRIER).repeated == 0

    def test_what_the_other_side_sends_is_not_taken_for_a_call_of_ones_own(self) -> None:
        again = sipp(103, "R", "1-7@127.0.0.21", "77 INVITE", "INVITE sip:201@127.0.0.21:5060 SIP/2.0")
        assert set(read_log(PHONE + again, "99").sent) == {ONE, TWO}

    def test_a_call_ends_well_when_its_bye_is_answered(self) -> None:
        assert read_log(PHONE, "99").ended == {"1-7@127.0.0.21"}
        refused = sipp(103, "R", "2-7@127.0.0.21", "2 BYE", "SIP/2.0 481 Call/Transaction Does Not Exist")
        assert read_log(PHONE + refused, "99").ended == {"1-7@127.0.0.21"}

    def test_a_line_that_is_still_being_written_is_passed_over(self) -> None:
        whole = read_log(PHONE[: PHONE.rindex("2026")], "99")
        for cut in range(PHONE.rindex("2026"), len(PHONE)):
            assert read_log(PHONE[:cut], "99") == whole
        assert read_log("", "99").sent == {}


class TestDelay:
    def test_median_over_the_calls_that_arrived(self) -> None:
        sent = {"a": 1.0, "b": 2.0, "c": 3.0, "lost": 4.0}
        received = {"a": 1.002, "b": 2.003, "c": 3.5, "of another round": 0.1}
        assert post_dial_delay(sent, received) == pytest.approx(3.0)

    def test_of_a_log(self) -> None:
        delay = post_dial_delay(read_log(PHONE, "99").sent, read_log(CARRIER).received)
        assert delay == pytest.approx((4 + 508) / 2)

    def test_without_any_call_there_is_none(self) -> None:
        with pytest.raises(ValueError, match="no call arrived"):
            post_dial_delay({"a": 1.0}, {})


def test_the_rate_counts_calls_that_ended_well() -> None:
    assert calls_a_second(read_log(PHONE, "99")) == pytest.approx(1 / 2)
    with pytest.raises(ValueError, match="no call"):
        calls_a_second(read_log(""))


def test_tasks_that_wait() -> None:
    table = (
        "Processor                  Processed   In Queue  Max Depth  Low water High water\n\n"
        "pjsip/default-00000041            12          3         18        450        500\n"
        "stasis/m:manager:core-0d       32011         40       5981       2700       3000\n\n"
        "2 taskprocessors\n"
    )
    assert queued(table) == 43


def test_processor_time_of_a_program_with_any_name() -> None:
    assert ticks("7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 30 12 5 5 20 0 1 0 100") == 42


class TestCallsThatNeverWere:
    def test_event_and_journal_tell_of_the_same_calls(self) -> None:
        for call in range(50):
            told = read_cdr(Message.from_line(event(call).decode().strip()))
            assert isinstance(told, Record)
            assert read_line(line(call).rstrip(b"\n")) == ([told], [])

    def test_each_call_has_a_record_of_its_own(self) -> None:
        keys = {read_line(line(call))[0][0].key for call in (0, 1, 999, 50_000, 500_000_000)}
        assert len(keys) == 5

    def test_a_year_of_records_is_in_the_order_of_a_store(self) -> None:
        found = list(million.records(1000))
        places = [(one.began, one.key) for one in found]
        assert len(found) == 1000
        assert places == sorted(set(places))
        assert {one.line for one in found} == {f"line{place}" for place in range(8)}
