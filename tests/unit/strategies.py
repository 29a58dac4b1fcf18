"""Hypothesis strategies: programs of every make, the world around a call, and everything that is dialled."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callveil.contacts.model import Contact, ContactsError, Hours
from callveil.facts import Facts
from callveil.policy.model import (
    HIDE,
    NEUTRAL,
    DestinationRule,
    Identity,
    Line,
    Policy,
    Pool,
    Preset,
    Trunk,
)
from callveil.presets import available_countries, load_preset
from hypothesis import strategies as st

PRESETS: Final = tuple(load_preset(country) for country in available_countries())

GONE: Final = "gone"
"""What a contact's rule may still name after the policy has lost it."""

NANP_FROM_ABROAD: Final = (("+12065550123", "+12065550123"), ("00 1 206 555 0123", "+12065550123"))

SPELLED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "US": (
        ("2065550123", "+12065550123"),
        ("12065550123", "+12065550123"),
        ("+1 (206) 555-0123", "+12065550123"),
        ("206.555.0124", "+12065550124"),
        ("18005550143", "+18005550143"),
        ("8885550144", "+18885550144"),
        ("011442079460123", "+442079460123"),
    ),
    "CA": (
        ("4165550123", "+14165550123"),
        ("1-416-555-0123", "+14165550123"),
        ("18005550143", "+18005550143"),
        ("011 49 30 23125123", "+493023125123"),
    ),
    "GB": (
        ("02079460123", "+442079460123"),
        ("020 7946 0124", "+442079460124"),
        ("+442079460123", "+442079460123"),
        ("08081570123", "+448081570123"),
        *NANP_FROM_ABROAD,
    ),
    "AU": (
        ("0255500123", "+61255500123"),
        ("0491 570 156", "+61491570156"),
        ("1800160401", "+611800160401"),
        ("0011442079460123", "+442079460123"),
        ("+12065550123", "+12065550123"),
    ),
    "DE": (
        ("03023125123", "+493023125123"),
        ("(030) 23125-124", "+493023125124"),
        ("0049 30 23125123", "+493023125123"),
        *NANP_FROM_ABROAD,
    ),
    "NZ": (("021234567", "+6421234567"), ("0044 20 7946 0123", "+442079460123"), *NANP_FROM_ABROAD),
}
"""Numbers of each country, in ways in which they are dialled there, and what they mean."""

NOT_CALLABLE: Final = (
    "",
    "1",
    "1" * 41,
    "1" * 100,
    "+",
    "+0123456789",
    "#",
    "##",
    "2065550123##",
    "#2065550123",
    "2065550123p12",
    "2065550123,12",
    "2065550123w1",
    "2065550123/1",
    "+12065550123&PJSIP/101",
    "+12065550123|veil3|x",
    "+12065550123@trunk",
    "+12065550123\r\nSet: x",
    "+12065550123\x00",
    "+1206555012\u0663",
    "\uff0b12065550123",
    "++12065550123",
    "+1+2065550123",
    "${EXTEN}",
    "${SHELL(id)}",
    "$[1/0]",
    "hangup",
    "1-800-FLOWERS",
    "*69",
    "\u202e",
    "\ud800",
    "\U0001f600",
)
"""What is no number in any country, whatever codes stand in front."""

HOSTILE: Final = (
    "\u0669\u0661\u0661",
    "\uff19\uff11\uff11",
    "²⁶",
    "\n",
    "\x7f",
    "9111",
    "1911",
    "11",
    "*",
    "*6",
    "*68",
    "p",
    "-",
)

BETWEEN: Final = ("", "", "", "", " ", ",", ",,", "p", "W", "-", " ; ", "(", ") ", "\t.")
"""What telephones and people put behind a code."""

ENDS: Final = ("", "", "", "#", " #", ",", "# ", "-#;")

# A checked policy has no other signs in a name.
NAMES: Final = ("", "", "Main Office", "Westside Clinic", "O'Neill & Sons-West", "Büro Zürich", "Ж" * 40)
KEYS: Final = ("office", "clinic", "annex", "partner", "shelter", "court")

DIALS: Final = (
    "PJSIP/{number}@carrier",
    "PJSIP/{digits}@backup",
    "PJSIP/carrier/sip:{number}@sip.example.org:5060",
    "SIP/old/{digits}",
    "DAHDI/g1/{digits}",
    "IAX2/guest@peer/{number}",
    "Local/{digits}@my-gateway",
)


@dataclass(frozen=True)
class World:
    """What a decision is told beside policy and digits.

    Attributes:
        everybody: what is agreed with each person there is.
        readable: whether what is agreed can be read.
    """

    everybody: Contact | None = None
    readable: bool = True
    cannot_hide: frozenset[str] = frozenset()
    cannot_show: frozenset[str] = frozenset()
    pool_key: bytes = b""
    now: datetime | None = None

    def facts(self) -> Facts:
        """Return it as the decision takes it."""
        return Facts(self.contact, self.cannot_hide, self.cannot_show, self.pool_key, self.now)

    def contact(self, number: str) -> Contact | None:
        """Return what is agreed with the owner of a number."""
        assert number.startswith("+"), "contacts are asked for whole numbers"
        if not self.readable:
            raise ContactsError("the contacts cannot be read")
        return self.everybody


@dataclass(frozen=True)
class Call:
    """What somebody dials, and what is meant by it.

    Attributes:
        text: what is dialled.
        codes: the codes in front, in order.
        number: E.164 or a short number, or None where it is no number at all.
    """

    text: str
    codes: tuple[str, ...]
    number: str | None


def beginnings(preset: Preset) -> st.SearchStrategy[str]:
    """Draw how a number that is dialled in a country begins, such as +1800."""
    numbers = st.sampled_from([number for _, number in SPELLED[preset.country]])
    return st.builds(lambda number, length: number[:length], numbers, st.sampled_from((3, 5, 8)))


@st.composite
def destinations(draw: st.DrawFn, preset: Preset, rules: st.SearchStrategy[str]) -> DestinationRule:
    if draw(st.booleans()):
        return DestinationRule(draw(beginnings(preset)) + "*", draw(rules))
    whole = st.sampled_from([number for _, number in SPELLED[preset.country]])
    # Neither fits a number that only begins like it.
    match = draw(whole) + draw(st.sampled_from(("", "", "4")))
    return DestinationRule(match, draw(rules), "County Court")


@st.composite
def presets(draw: st.DrawFn) -> Preset:
    preset = draw(st.sampled_from(PRESETS))
    toll_free = (*preset.toll_free, *draw(st.lists(beginnings(preset), max_size=1)))
    return replace(
        preset, toll_free=toll_free, substitute_code=draw(st.sampled_from(("*68", "*68", "*55", "*1", "")))
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy such as one that has passed every check."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=6, unique=True))
    digits = draw(st.sampled_from(("012345", "987650", "1 2 3 ", "      ", "7     ")))
    identities = tuple(
        Identity(
            key,
            f"+120655501{place}0",
            draw(st.sampled_from(NAMES)),
            digits[place].strip(),
        )
        for place, key in enumerate(keys)
    )
    one_of = st.sampled_from(keys)
    pools = tuple(
        Pool(key, tuple(draw(st.lists(one_of, min_size=1, max_size=4, unique=True))))
        for key in ("pool", "round")[: draw(st.integers(0, 2))]
    )
    rules = st.sampled_from((HIDE, HIDE, *keys, *(pool.key for pool in pools)))
    preset = draw(presets())
    return Policy(
        preset=preset,
        emergency_callerid=draw(st.sampled_from(("+12065550199", identities[0].number))),
        identities=identities,
        trunks=tuple(
            Trunk(f"trunk{place}", dial, draw(st.sampled_from(("", "", "Their contract says so."))))
            for place, dial in enumerate(draw(st.lists(st.sampled_from(DIALS), min_size=1, max_size=4)))
        ),
        lines=tuple(
            Line(
                key=key,
                purpose="a purpose",
                flagged=draw(st.booleans()),
                outbound=draw(rules),
                beneath=draw(one_of),
                allow_show=draw(st.booleans()),
                substitutes=tuple(draw(st.lists(one_of, max_size=6, unique=True))),
                show_after_rejection=draw(st.booleans()),
                extensions=extensions,
            )
            for key, extensions in (("hotline", ("200", "201")), ("desk", ("100",)), ("out", ("300",)))[
                : draw(st.integers(1, 3))
            ]
        ),
        destinations=tuple(draw(st.lists(destinations(preset, rules), max_size=3))),
        pools=pools,
    )


EXTENSIONS: Final = st.sampled_from(("200", "201", "100", "300", "900", ""))


EDGES: Final = st.sampled_from((0, 540, 720, 1020, 1380))
"""Minutes of the day at which hours begin or end."""


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    days = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=7))
    return Hours(days, draw(EDGES), draw(st.one_of(EDGES, st.just(1440))))


ZONES: Final = ("America/New_York", "Pacific/Auckland", "UTC")


@st.composite
def moments(draw: st.DrawFn, zones: tuple[str, ...] = ZONES) -> datetime:
    """Draw a moment of a fortnight at which hours begin or end in a zone, or a minute beside it."""
    minute = draw(EDGES) + draw(st.sampled_from((-1, 0, 0, 1)))
    day = datetime(2026, 3, 1, second=30, tzinfo=ZoneInfo(draw(st.sampled_from(zones))))
    return (day + timedelta(draw(st.integers(1, 14)), minutes=minute)).astimezone(UTC)


@st.composite
def contacts(draw: st.DrawFn, policy: Policy) -> Contact:
    agreed = ("", HIDE, NEUTRAL, GONE, *policy.identity_by_key, *policy.pool_by_key)
    return Contact(
        outbound=draw(st.sampled_from(agreed)),
        hours=tuple(draw(st.lists(hours(), max_size=2))),
        zone=draw(st.sampled_from((*ZONES, "No/Where", ""))),
    )


@st.composite
def worlds(draw: st.DrawFn, policy: Policy) -> World:
    trunks = st.sampled_from((*(trunk.key for trunk in policy.trunks), "another"))
    return World(
        everybody=draw(st.one_of(st.none(), contacts(policy))),
        readable=draw(st.sampled_from((True,) * 9 + (False,))),
        cannot_hide=draw(st.frozensets(trunks, max_size=4)),
        cannot_show=draw(st.frozensets(trunks, max_size=2)),
        pool_key=draw(st.sampled_from((b"", b"k" * 32))),
        now=draw(st.one_of(st.none(), moments())),
    )


def codes_of(preset: Preset) -> list[str]:
    """Return every code as staff dial it: each substitute code with a digit."""
    substitutes = (
        [preset.substitute_code + digit for digit in string.digits] if preset.substitute_code else []
    )
    return [*preset.hide_codes * 3, *preset.show_codes * 3, *substitutes]


@st.composite
def codes(draw: st.DrawFn, preset: Preset, *, bare: bool = False) -> tuple[tuple[str, ...], str]:
    """Draw codes, repeated and mixed, and how they are dialled with what stands between and behind them.

    Args:
        draw: given by hypothesis.
        preset: whose codes.
        bare: the substitute code may stand there without a digit, too.
    """
    some = codes_of(preset) + ([preset.substitute_code] * 3 if bare and preset.substitute_code else [])
    drawn = draw(st.one_of(st.just([]), st.lists(st.sampled_from(some), max_size=4)))
    between = st.sampled_from(BETWEEN)
    return tuple(drawn), draw(between) + "".join(code + draw(between) for code in drawn)


@st.composite
def calls(draw: st.DrawFn, preset: Preset) -> Call:
    """Draw a call whose meaning is known because it was put together from its parts."""
    services = tuple((short, short) for short in preset.services)
    text, number = draw(st.sampled_from((*SPELLED[preset.country] * 2, *services)))
    drawn, front = draw(codes(preset))
    return Call(front + text + draw(st.sampled_from(ENDS)), drawn, number)


@st.composite
def emergencies(draw: st.DrawFn, preset: Preset) -> Call:
    """Draw an emergency number, however it is dialled."""
    number = draw(st.sampled_from(preset.emergency))
    drawn, front = draw(codes(preset, bare=True))
    between = st.sampled_from(BETWEEN)
    spaced = "".join(digit + draw(between) for digit in number)
    return Call(front + spaced + draw(st.sampled_from(ENDS)), drawn, number)


@st.composite
def not_calls(draw: st.DrawFn, preset: Preset) -> Call:
    """Draw codes with something behind them that nobody can call."""
    drawn, front = draw(codes(preset))
    text = draw(st.sampled_from(NOT_CALLABLE))
    return Call(front + text, drawn, None)


@st.composite
def anything(draw: st.DrawFn, preset: Preset) -> str:
    """Draw anything, from what staff dial every day to what no telephone sends."""
    numbers = [text for text, _ in SPELLED[preset.country]]
    pieces = st.one_of(
        codes(preset, bare=True).map(lambda drawn: drawn[1]),
        st.sampled_from((*numbers, *HOSTILE, *NOT_CALLABLE, *preset.emergency, *preset.services)),
        st.text("0123456789*#+ ,pw", max_size=14),
        st.text(max_size=6),
    )
    return "".join(draw(st.lists(pieces, max_size=4)))
