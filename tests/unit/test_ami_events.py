"""An AMI event and a journal line of one call give one record."""

from datetime import date

import pytest
from callveil.record import record_key
from callveil_ami.events import Problem, read_cdr
from callveil_ami.intake import Intake
from callveil_ami.lines import read_line
from harness.fake_ami import CDR


def test_event_and_journal_line_are_the_same_record():
    from_event = read_cdr(CDR)
    line = f'"{CDR["VeilId"]}","12","hotline","out","hide","2026-07-01","1-59s","ANSWERED"'
    assert [from_event] == read_line(line.encode())[0]
    assert not isinstance(from_event, Problem)
    assert from_event is not None
    assert from_event.key == record_key(CDR["VeilId"])
    assert (from_event.day, from_event.spoken) == (date(2026, 7, 1), "1-59s")


def test_event_of_another_call_is_ignored():
    assert read_cdr({"Event": "Cdr", "Source": "+12065550123"}) is None
    assert read_cdr({**CDR, "VeilId": ""}) is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("VeilId", "+12065550123"),
        ("VeilId", "short"),
        ("VeilId", "123456789\n"),
        ("VeilId", ["482913377-1", "482913377-2"]),
        ("Sequence", ""),
        ("Sequence", "12065550123"),
        ("Sequence", "\uff11\uff12"),
        ("VeilLine", "12065550123"),
        ("VeilLine", "Hotline"),
        ("VeilDirection", "sideways"),
        ("VeilDecision", "allow"),
        ("StartTime", "2026-07-01"),
        ("StartTime", "2026-02-30 00:00:00"),
        ("StartTime", ""),
        ("BillableSeconds", "-1"),
        ("BillableSeconds", "9" * 5000),
        ("Disposition", "UNKNOWN"),
    ],
)
def test_odd_event_is_a_problem_that_does_not_repeat_the_value(header, value):
    found = read_cdr({**CDR, header: value})
    assert isinstance(found, Problem)
    assert "5550123" not in found.text
    assert len(found.text) < 100


def test_intake_is_bounded_and_says_so():
    troubles: dict[str, str] = {}
    intake = Intake(troubles, capacity=2)
    for number in range(5):
        intake.take({**CDR, "Sequence": str(number)})
    assert (len(intake), intake.overflowed) == (2, 3)
    assert "journal" in troubles["queue"]
    assert len(intake.next_batch(10)) == 2
    assert troubles == {}
    assert not intake.arrived.is_set()


def test_intake_never_raises():
    class Bad(dict):
        def get(self, *_):
            raise RuntimeError("+12065550123")

    troubles: dict[str, str] = {}
    intake = Intake(troubles)
    intake.take(Bad())
    assert intake.unreadable == 1
    assert "5550123" not in troubles["events"]
    intake.take(CDR)
    assert troubles == {}
