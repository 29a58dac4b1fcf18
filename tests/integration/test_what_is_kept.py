"""Each line's records keep what the policy says of it, by event and by journal alike, and no line more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from harness.leaks import find_number
from harness.pbx import Version, wait_for
from harness.sip import Carrier, Phone, place_call, ring_in
from program.site import POLICY, SETTINGS, Site
from program.watch import restart

pytestmark = pytest.mark.asterisk

HOTLINE, OFFICE, CLINIC, FRONT = "+18005550100", "+12065550100", "+12065550177", "+12065550188"

CALLER = "+15035550147"
OTHER = "+15035550146"
BRITISH = "+442079460147"
CALLED = "+14165550147"
HOTLINES = "+14585550147"

# "desk" keeps all, "clinic" and "front" something, "hotline" is flagged and keeps nothing.
KEEPING = (
    POLICY.replace("200-219", "200-201")
    .replace(
        "    caller: none\n", "    caller: full\n    called: full\n    time: exact\n    duration: exact\n"
    )
    .replace(
        "destinations:",
        """\
  clinic:
    purpose: "Appointments"
    dids: ["+12065550177"]
    extensions: ["202-209"]
    ring: "desk-ring,s,1"
    caller: repeat
    called: country
    time: hour
    duration: minute
  front:
    purpose: "Everything else"
    dids: ["+12065550188"]
    ring: "desk-ring,s,1"
    caller: country
destinations:""",
    )
)


class Kept(NamedTuple):
    """What is to be kept of a call; times and durations by their form, because they vary."""

    line: str
    direction: str
    party: str
    began: str
    spoken: str


DAY, HOUR, EXACT = (
    r"20\d\d-\d\d-\d\d",
    r"20\d\d-\d\d-\d\dT\d\d",
    r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d",
)
PSEUDONYM = r"~[0-9a-f]{32}"
EVERY_KIND = [
    Kept("clinic", "in", PSEUDONYM, HOUR, "0min"),
    Kept("clinic", "in", PSEUDONYM, HOUR, "0min"),
    Kept("clinic", "in", PSEUDONYM, HOUR, "0min"),
    Kept("clinic", "out", "CA", HOUR, "0min"),
    Kept("desk", "in", r"\+15035550147", EXACT, r"\ds"),
    Kept("desk", "in", "", EXACT, r"\ds"),
    Kept("desk", "out", r"\+14165550147", EXACT, r"\ds"),
    Kept("front", "in", "GB", DAY, "1-59s"),
    Kept("hotline", "in", "", DAY, "1-59s"),
    Kept("hotline", "out", "", DAY, "1-59s"),
]


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    with Site.start(version) as keeping:
        keeping.write_policy(KEEPING)
        keeping.pbx.callveil.exec(["callveil", "install"])
        keeping.pbx.cli("dialplan reload")
        keeping.load_policy(KEEPING)
        yield keeping


def place_every_kind(site: Site) -> None:
    pbx = site.pbx
    with Carrier(pbx), Phone(pbx, "201"), Phone(pbx, "101"), ThreadPoolExecutor(10) as pool:
        calls = [
            pool.submit(ring_in, pbx, OFFICE, CALLER, seconds=1.1),
            pool.submit(ring_in, pbx, OFFICE, CALLER, seconds=1.1, headers=["Privacy: id"]),
            pool.submit(ring_in, pbx, CLINIC, CALLER, seconds=1.1),
            pool.submit(ring_in, pbx, CLINIC, CALLER, seconds=1.1),
            pool.submit(ring_in, pbx, CLINIC, OTHER, seconds=1.1),
            pool.submit(ring_in, pbx, FRONT, BRITISH, seconds=1.1),
            pool.submit(ring_in, pbx, HOTLINE, CALLER, seconds=1.1),
            pool.submit(place_call, pbx, "101", CALLED, hold_ms=1100),
            pool.submit(place_call, pbx, "202", CALLED, hold_ms=1100),
            pool.submit(place_call, pbx, "201", HOTLINES, hold_ms=1100),
        ]
        assert [call.result().answered for call in calls] == [True] * len(calls)


class Since:
    """What is kept of the calls from now on."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._before = Counter(self._now())

    def _now(self) -> list[Kept]:
        return [Kept(*(one[field] or "" for field in Kept._fields)) for one in self._site.records_now()]

    def records(self, number: int) -> list[Kept]:
        """The new ones, once there are so many of them."""

        def new() -> list[Kept]:
            return list((Counter(self._now()) - self._before).elements())

        wait_for(f"{number} records", lambda: len(new()) >= number, 20)
        return new()


def agrees(found: list[Kept], wanted: list[Kept]) -> bool:
    """Whether each is as it is wanted, one for one."""
    rest = list(found)
    for want in sorted(wanted, reverse=True):
        fits = [
            one for one in rest if all(re.fullmatch(form, is_) for form, is_ in zip(want, one, strict=True))
        ]
        if not fits:
            return False
        rest.remove(fits[0])
    return not rest


def test_each_line_keeps_what_the_policy_says(site: Site) -> None:
    since = Since(site)
    place_every_kind(site)
    found = since.records(len(EVERY_KIND))
    assert agrees(found, EVERY_KIND), found
    pseudonyms = Counter(one.party for one in found if one.party.startswith("~"))
    # Two calls of one caller, one of another.
    assert sorted(pseudonyms.values()) == [1, 2]


def test_the_journal_alone_keeps_the_same(site: Site) -> None:
    restart(site, settings=SETTINGS.replace("{", "{port: 5999, ", 1))
    try:
        since = Since(site)
        place_every_kind(site)
        assert agrees(found := since.records(len(EVERY_KIND)), EVERY_KIND), found
        assert not site.listening_to_asterisk()
    finally:
        restart(site, settings=SETTINGS)
        site.wait_ready()


def test_without_callveil_nothing_is_kept_of_anybody(site: Site) -> None:
    since = Since(site)
    site.stop()
    with Phone(site.pbx, "201"), Phone(site.pbx, "101"), ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(ring_in, site.pbx, did, CALLER, seconds=1.1) for did in (OFFICE, CLINIC)]
        assert [call.result().answered for call in calls] == [True] * 2
    site.serve()
    site.wait_ready()
    wanted = [Kept("clinic", "in", "", HOUR, "0min"), Kept("desk", "in", "", EXACT, r"\ds")]
    assert agrees(found := since.records(2), wanted), found


def test_a_number_is_on_the_disk_only_where_its_line_keeps_it(site: Site) -> None:
    site.records_settled()
    # On the line that keeps numbers, they are there: the search would find them elsewhere, too.
    assert any("records.sqlite3" in str(place) for place in find_number(site.pbx, [CALLER]))
    assert find_number(site.pbx, [OTHER, BRITISH, HOTLINES]) == []
