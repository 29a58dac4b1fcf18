from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from callveil.contacts.hours import may_be_called
from callveil.contacts.hours_text import HoursError, hours_in_words, parse_hours, write_hours
from callveil.contacts.model import Contact, Hours
from callveil.contacts.zone import is_zone, machine_zone
from hypothesis import given
from hypothesis import strategies as st

LA = "America/Los_Angeles"
WEEK = frozenset(range(7))


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("mon-fri 09:00-17:00", {0, 1, 2, 3, 4}, 540, 1020),
        ("sat,sun 10:00-12:00", {5, 6}, 600, 720),
        ("daily 22:00-06:00", WEEK, 1320, 360),
        ("mon 00:00-24:00", {0}, 0, 1440),
        ("fri-mon 9:30-10:00", {4, 5, 6, 0}, 570, 600),
        ("sun-sun 09:00-10:00", {6}, 540, 600),
        ("mon,mon-wed,fri 22:00-24:00", {0, 1, 2, 4}, 1320, 1440),
        (" MON-Fri   09:00-17:00 ", {0, 1, 2, 3, 4}, 540, 1020),
        ("tue 22:00-00:00", {1}, 1320, 0),
    ],
)
def test_parse(text: str, days: set[int], begins: int, ends: int) -> None:
    assert parse_hours(text) == Hours(frozenset(days), begins, ends)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "These hours must be days and then times."),
        ("always", "These hours must be days and then times."),
        ("09:00-17:00 mon", "A day is one of mon, tue, wed"),
        ("mon to fri 09:00-17:00", "These hours must be days and then times."),
        ("monday 09:00-17:00", "A day is one of mon"),
        ("mon- 09:00-17:00", "A day is one of mon"),
        ("mon,,fri 09:00-17:00", "A day is one of mon"),
        ("mon-wed-fri 09:00-17:00", "A day is one of mon"),
        ("daily,mon 09:00-17:00", "A day is one of mon"),
        ("mon 9-17", "Times are two of the 24-hour clock"),
        ("mon 9am-5pm", "Times are two of the 24-hour clock"),
        ("mon 09:00", "Times are two of the 24-hour clock"),
        ("mon ٠٩:00-17:00", "Times are two of the 24-hour clock"),
        ("mon 24:00-06:00", "A time is from 00:00 to 23:59"),
        ("mon 09:60-17:00", "A time is from 00:00 to 23:59"),
        ("mon 09:00-24:01", "A time is from 00:00 to 23:59"),
        ("mon 09:00-25:00", "A time is from 00:00 to 23:59"),
        ("mon 09:00-09:00", "These hours begin and end at the same time."),
        ("mon 2065550142-2065550143", "Times are two of the 24-hour clock"),
    ],
)
def test_a_mistake_is_said_without_the_text(text: str, said: str) -> None:
    with pytest.raises(HoursError) as caught:
        parse_hours(text)
    assert str(caught.value).startswith(said)
    assert "2065550142" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "written", "words"),
    [
        ("mon-fri 9:00-17:00", "mon-fri 09:00-17:00", "Monday to Friday 09:00 to 17:00"),
        ("sat,sun 10:00-12:00", "sat,sun 10:00-12:00", "Saturday and Sunday 10:00 to 12:00"),
        ("sat-sun 10:00-12:00", "sat,sun 10:00-12:00", "Saturday and Sunday 10:00 to 12:00"),
        ("mon-sun 22:00-06:00", "daily 22:00-06:00", "every day 22:00 to 06:00 of the next day"),
        ("mon 00:00-24:00", "mon 00:00-24:00", "Monday all day"),
        (
            "fri-mon 09:00-10:00",
            "mon,fri-sun 09:00-10:00",
            "Monday and Friday to Sunday 09:00 to 10:00",
        ),
        ("wed,mon,fri 09:00-10:00", "mon,wed,fri 09:00-10:00", "Monday, Wednesday and Friday 09:00 to 10:00"),
    ],
)
def test_write(text: str, written: str, words: str) -> None:
    hours = parse_hours(text)
    assert write_hours(hours) == written
    assert hours_in_words(hours) == words


@given(
    days=st.frozensets(st.integers(0, 6), min_size=1),
    begins=st.integers(0, 1439),
    ends=st.integers(0, 1440),
)
def test_what_is_written_is_read_as_the_same(days: frozenset[int], begins: int, ends: int) -> None:
    if begins != ends:
        assert parse_hours(write_hours(Hours(days, begins, ends))) == Hours(days, begins, ends)


def contact(*texts: str, zone: str = LA) -> Contact:
    return Contact(hours=tuple(map(parse_hours, texts)), zone=zone)


@pytest.mark.parametrize(
    ("texts", "local", "may"),
    [
        (["mon-fri 09:00-17:00"], "2026-11-24T08:59", False),  # a Tuesday
        (["mon-fri 09:00-17:00"], "2026-11-24T09:00", True),
        (["mon-fri 09:00-17:00"], "2026-11-24T16:59", True),
        (["mon-fri 09:00-17:00"], "2026-11-24T17:00", False),
        (["mon-fri 09:00-17:00"], "2026-11-28T12:00", False),
        (["mon-fri 09:00-17:00", "sat 11:00-13:00"], "2026-11-28T12:00", True),
        (["fri 22:00-06:00"], "2026-11-27T23:00", True),
        (["fri 22:00-06:00"], "2026-11-28T05:59", True),
        (["fri 22:00-06:00"], "2026-11-28T06:00", False),
        (["fri 22:00-06:00"], "2026-11-27T05:00", False),  # that night belongs to Thursday
        (["sun 22:00-06:00"], "2026-11-30T01:00", True),  # over the end of the week
        (["mon 00:00-24:00"], "2026-11-30T00:00", True),
        (["mon 00:00-24:00"], "2026-11-30T23:59", True),
        (["mon 00:00-24:00"], "2026-12-01T00:00", False),
    ],
)
def test_hours_are_the_clocks_of_their_own_zone(texts: list[str], local: str, may: bool) -> None:
    there = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(LA))
    for asked_in in (ZoneInfo(LA), UTC, ZoneInfo("Asia/Kathmandu")):
        assert may_be_called(contact(*texts), there.astimezone(asked_in)) is may


def boundary(year: int, month: int, day: int, texts: list[str]) -> list[str]:
    """Return the moments of a day in Los Angeles, in UTC, at which the answer changes."""
    moment = datetime(year, month, day, tzinfo=ZoneInfo(LA)).astimezone(UTC)
    agreed, found, last = contact(*texts), [], None
    for _ in range(24 * 60):
        may = may_be_called(agreed, moment)
        if last is not None and may != last:
            found.append(f"{moment:%H:%M}")
        last, moment = may, moment + timedelta(minutes=1)
    return found


def test_daylight_saving_begins() -> None:
    # On 8 March 2026 the clocks of Los Angeles go from 02:00 (10:00 UTC) to 03:00.
    assert boundary(2026, 3, 7, ["daily 09:00-17:00"]) == ["17:00", "01:00"]
    assert boundary(2026, 3, 8, ["daily 09:00-17:00"]) == ["16:00", "00:00"]
    # An hour that does not exist that day is not moved into another one.
    assert boundary(2026, 3, 8, ["daily 02:00-03:00"]) == []
    assert boundary(2026, 3, 8, ["daily 01:30-03:30"]) == ["09:30", "10:30"]


def test_daylight_saving_ends() -> None:
    # On 1 November 2026 the clocks go from 02:00 (09:00 UTC) back to 01:00.
    assert boundary(2026, 11, 1, ["daily 09:00-17:00"]) == ["17:00", "01:00"]
    assert boundary(2026, 10, 31, ["daily 09:00-17:00"]) == ["16:00", "00:00"]
    # An hour that comes twice is within the hours twice.
    assert boundary(2026, 11, 1, ["daily 01:00-02:00"]) == ["08:00", "10:00"]
    assert boundary(2026, 11, 1, ["daily 01:30-02:00"]) == ["08:30", "09:00", "09:30", "10:00"]


def test_what_cannot_be_known_is_no() -> None:
    now = datetime(2026, 11, 24, 20, tzinfo=UTC)
    assert may_be_called(contact("daily 00:00-24:00"), now)
    assert not may_be_called(contact("daily 00:00-24:00"), None)
    for zone in ("Nowhere/Land", "", "../etc/passwd", "/etc/passwd", "A" * 5000, "\0"):
        assert not may_be_called(contact("daily 00:00-24:00", zone=zone), now)
    assert may_be_called(Contact(), None)


def test_zones() -> None:
    assert is_zone(LA)
    assert is_zone("UTC")
    for name in ("Nowhere/Land", "", "../etc/passwd", "/etc/passwd", "\0", "America"):
        assert not is_zone(name)


@pytest.mark.parametrize(
    ("variable", "link", "text", "zone"),
    [
        ("Europe/Berlin", LA, "Asia/Tokyo", "Europe/Berlin"),
        (":Europe/Berlin", LA, "Asia/Tokyo", "Europe/Berlin"),
        ("CET-1CEST", LA, "Asia/Tokyo", LA),
        ("", LA, "Asia/Tokyo", LA),
        ("", "", "Asia/Tokyo\n", "Asia/Tokyo"),
        ("", "", "Nowhere/Land\n", ""),
        ("", "", "", ""),
    ],
)
def test_the_machines_zone(etc: Path, variable: str, link: str, text: str, zone: str) -> None:
    os.environ["TZ"] = variable
    if link:
        target = etc / "zoneinfo" / link
        target.parent.mkdir(parents=True)
        target.touch()
        (etc / "localtime").symlink_to(target)
    if text:
        (etc / "timezone").write_text(text)
    assert machine_zone() == zone


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TZ", "")  # which also puts it back afterwards
    monkeypatch.setattr("callveil.contacts.zone._LOCALTIME", tmp_path / "localtime")
    monkeypatch.setattr("callveil.contacts.zone._TIMEZONE", tmp_path / "timezone")
    return tmp_path
