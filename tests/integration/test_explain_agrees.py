"""`callveil explain` and the calls themselves agree, for a sample of all that a policy can say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import pytest
from attacks.raw_sip import RawResult, from_phone, place
from harness.images import RECIPES
from harness.pbx import Pbx, Version
from harness.sip import Carrier
from program.far_end import FarEnd
from program.site import Site

pytestmark = pytest.mark.asterisk

CALLS: Final = {"hiding": 13, "mixed": 9, "only a gateway": 4}
"""How many there are of each policy."""

SEED: Final = "328"
"""Of a sample that holds everything."""

GATEWAY: Final = """
[gateway]
exten => _X.,1,Dial(PJSIP/${IF($[${LEN(${EXTEN})} > 8]?+)}${EXTEN}@trunk)
 same => n,Hangup()
"""
"""A way out that is not known to hide anything."""

IDENTITIES: Final = """version: 1
country: US
emergency: {callerid: "+12065550111"}
identities:
  office: {number: "+12065550100", name: "Main Office", digit: "1"}
  clinic: {number: "+12065550177", name: "Westside Clinic", digit: "3"}
  shelter: {number: "+12065550178", digit: "7"}
  court: {number: "+12065550179", name: "Court Desk"}
pools:
  callbacks: {identities: [clinic, shelter, court]}
"""

HIDING: Final = (
    IDENTITIES
    + """
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
  hotline:
    purpose: "Crisis calls"
    flagged: true
    extensions: ["201"]
    outbound: hide
    beneath: clinic
    allow_show: true
    substitutes: [shelter]
  outreach:
    purpose: "Follow-up"
    flagged: true
    extensions: ["202"]
    outbound: callbacks
    substitutes: [office, clinic]
  desk:
    purpose: "Office calls"
    extensions: ["100-109"]
    outbound: office
destinations:
  - {match: "+12065550142", outbound: court, organisation: "County Court"}
  - {match: "+1206555*", outbound: hide}
  - {match: "+1800*", outbound: callbacks}
  - {match: "+1888*", outbound: clinic}
"""
)

MIXED: Final = (
    IDENTITIES
    + """
trunks:
  gateway: {dial: "Local/{digits}@gateway"}
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
  hotline:
    purpose: "Crisis calls"
    extensions: ["201"]
    outbound: hide
    beneath: shelter
    substitutes: [office, clinic, shelter]
  desk:
    purpose: "Office calls"
    extensions: ["100-109"]
    outbound: callbacks
    beneath: court
    substitutes: [clinic]
substitute_code: "*55"
destinations:
  - {match: "+1206*", outbound: shelter}
"""
)
"""202 belongs to no line here."""

ONLY_A_GATEWAY: Final = MIXED.replace('  carrier: {dial: "PJSIP/{number}@trunk"}\n', "")

POLICIES: Final = {"hiding": HIDING, "mixed": MIXED, "only a gateway": ONLY_A_GATEWAY}

REASONS: Final = (
    "agreed with this contact: hide",
    "agreed with this contact: shelter",
    "agreed with this contact: callbacks",
    "rejects hidden calls",
    "destination rule +",
    "destination rule for",
    "toll-free",
    "code that hides this call",
    "was dialled and is allowed",
    "is not allowed on",
    "belongs to no line",
    "no trunk can hide it",
    "no number that can be called",
)
"""Each decides at least one call of the samples."""

AGREED: Final = ("hide", "neutral", "shelter", "callbacks")
"""With some of the people called."""

FORMATS: Final = ("+1{}{}{}", "1{}{}{}", "{}{}{}", "({}) {}-{}", "+1 {}.{}.{}", "1-{}-{}-{}#")
AREAS: Final = ("212", "206", "800", "888", "866")


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        extension: of the telephone.
        dialled: on it.
        number: that the carrier must be asked for if there is a call.
        agreed: with the person called; may be empty.
    """

    extension: str
    dialled: str
    number: str
    agreed: str = ""


def sample(key: str) -> list[Case]:
    """The calls of one policy: always the same, and each to a number of its own."""
    chance = Random(SEED + key)  # noqa: S311 - the same sample each time
    code = "*55" if "substitute_code" in POLICIES[key] else "*68"
    codes = (
        "",
        "",
        "",
        "",
        "*67",
        "*67",
        "*82",
        "*82",
        f"{code}1",
        f"{code}3",
        f"{code}7",
        f"{code}9",
        "*67*82",
    )
    cases = []
    for place_ in range(CALLS[key]):
        extension = chance.choice(("101", "201", "202"))
        front = chance.choice(codes) + chance.choice(("", "", ",", " "))
        kind = chance.choice(("number",) * 8 + ("emergency", "service", "nothing"))
        if kind == "number":
            parts = (chance.choice(AREAS), "555", f"01{10 + place_}")
            agreed = chance.choice((*AGREED, "", "", "", ""))
            dialled = front + chance.choice(FORMATS).format(*parts)
            cases.append(Case(extension, dialled.lstrip(", "), "+1" + "".join(parts), agreed))
        elif kind == "emergency":
            number = chance.choice(("911", "933"))
            cases.append(
                Case(extension, chance.choice(("", "*67", "*82*67", code, code + "3")) + number, number)
            )
        elif kind == "service":
            number = chance.choice(("411", "211"))
            cases.append(Case(extension, chance.choice(("", "*67", "*82")) + number, number))
        else:
            cases.append(Case(extension, chance.choice(("*67", "5550123", "*69", "206555014", "9111")), ""))
    # Of a pattern for one whole number there is little chance to be met.
    return [*cases, Case("101", "12065550142", "+12065550142")]


@dataclass(frozen=True)
class Outcome:
    """What was said of one call, and what came of it.

    Attributes:
        case: the call.
        told: what `callveil explain` says.
        result: what the telephone saw.
        arrived: what the carrier received for that number, of all calls of the policy.
    """

    case: Case
    told: dict[str, Any]
    result: RawResult
    arrived: list[FarEnd]


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    extensions = (RECIPES / "etc-asterisk/callveil/extensions.conf").read_text()
    with Pbx.start(version, "callveil", {"/etc/asterisk/extensions.conf": extensions + GATEWAY}) as pbx:
        yield Site(pbx)


@pytest.fixture(scope="module")
def outcomes(site: Site) -> dict[str, list[Outcome]]:
    return {key: spend(site, key) for key in POLICIES}


def spend(site: Site, key: str) -> list[Outcome]:
    """Put a policy in force, ask about every call of its sample, and make it."""
    cases = sample(key)
    change(site, POLICIES[key])
    in_turn(site, "contact add --outbound", [(case.agreed, case.number) for case in cases if case.agreed])
    with ThreadPoolExecutor(1) as pool, Carrier(site.pbx) as carrier:
        told = pool.submit(explain, site, cases)
        results = place(site.pbx, [from_phone(case.extension, case.dialled, give_up=9) for case in cases])
        site.pbx.wait_idle()
        arrived = [FarEnd(invite) for invite in carrier.calls()]
    in_turn(site, "contact", [("remove", case.number) for case in cases if case.agreed])
    known = {case.number for case in cases}
    assert [far.invite.dialled for far in arrived if far.invite.dialled not in known] == []
    return [
        Outcome(case, said, result, [far for far in arrived if far.invite.dialled == case.number])
        for case, said, result in zip(cases, told.result(), results, strict=True)
    ]


def change(site: Site, policy: str) -> None:
    """Give the program another policy, as an admin does."""
    site.write_policy(policy)
    site.pbx.callveil.exec(["callveil", "install"])
    site.pbx.cli("dialplan reload")
    site.load_policy(policy)


def explain(site: Site, cases: list[Case]) -> list[dict[str, Any]]:
    """What the command says of each call."""
    said = in_turn(site, "explain --json --dial - --from", [(one.extension, one.dialled) for one in cases])
    return [json.loads(line) for line in said.splitlines()]


def in_turn(site: Site, command: str, lines: list[tuple[str, str]]) -> str:
    """Run a command for each line, with its first word behind it and the other on standard input."""
    loop = (
        "tab=$(printf '\\t'); while IFS=$tab read -r word digits; do "
        f"printf '%s\\n' \"$digits\" | callveil {command} $word || exit 9; done"
    )
    text = "".join(f"{word}\t{digits}\n" for word, digits in lines)
    return site.pbx.callveil.exec(loop, user="asterisk", input=text).stdout


@pytest.mark.parametrize("key", POLICIES)
def test_a_call_shows_what_was_explained(outcomes: dict[str, list[Outcome]], key: str) -> None:
    every = outcomes[key]
    for outcome in every:
        alike = [one for one in every if one.case.number == outcome.case.number]
        made = [one for one in alike if one.told["decision"] != "refuse"]
        assert len(outcome.arrived) == len(made), outcome.case
        if outcome.told["decision"] == "refuse":
            assert not outcome.result.answered
            assert outcome.result.loud_ms > 300
            continue
        assert outcome.result.answered, outcome.case
        # Several calls may go to one short number: each of them arrives as one of them should.
        assert sorted(map(seen, outcome.arrived)) == sorted(one.told["shown"] or "" for one in made)


def seen(far: FarEnd) -> str:
    """The one number that everything in a call says; empty if it is hidden, and says none."""
    numbers = {far.invite.user(name) for name in ("P-Asserted-Identity", "Remote-Party-ID") if far.all(name)}
    if far.shown is None:
        assert numbers == set()
        assert "2065550" not in far.identity_text
        return ""
    assert numbers == {far.shown}
    assert far.all("Privacy") == []
    return far.shown


@pytest.mark.parametrize("key", POLICIES)
def test_what_is_explained_is_hidden_says_what_stands_beneath(
    outcomes: dict[str, list[Outcome]], key: str
) -> None:
    owned = {"+12065550100", "+12065550177", "+12065550178", "+12065550179"}
    for outcome in outcomes[key]:
        told = outcome.told
        assert (told["shown"] is None) == (told["decision"] in ("hide", "refuse"))
        assert (told["beneath"] is not None) == (told["decision"] == "hide")
        if told["decision"] == "emergency":
            assert told["shown"] == "+12065550111"
        else:
            assert {told["shown"], told["beneath"]} - {None} <= owned


def test_the_sample_holds_everything(outcomes: dict[str, list[Outcome]]) -> None:
    decisions = {(key, one.told["decision"]) for key, every in outcomes.items() for one in every}
    kinds = {"emergency", "hide", "show", "substitute", "refuse"}
    assert decisions >= {(key, kind) for key in ("hiding", "mixed") for kind in kinds}
    assert ("only a gateway", "hide") not in decisions
    reasons = [one.told["reason"] for every in outcomes.values() for one in every]
    for part in REASONS:
        assert any(part in reason for reason in reasons), part
