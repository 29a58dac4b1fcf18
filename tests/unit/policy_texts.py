"""A policy that is right, to be made wrong one piece at a time."""

from __future__ import annotations

from callveil.policy.load import LoadedPolicy, PolicyError, parse_policy

GOOD = """\
version: 1
country: US
emergency:
  callerid: "+12065550100"
identities:
  office: {number: "+12065550100", name: "Main Office"}
  clinic: {number: "+12065550177", name: "Westside Clinic"}
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
  hotline:
    purpose: "Crisis calls"
    flagged: true
    dids: ["+18005550100"]
    extensions: ["200-219"]
    mailboxes: ["200@default"]
    ring: "hotline-ring,s,1"
    beneath: office
    keep: {records: 90d, voicemail: 14d}
  desk:
    purpose: "Office calls"
    extensions: ["100-109"]
    outbound: office
destinations:
  - {match: "+1800*", outbound: clinic}
"""


GOOD_AND_FULL = """\
version: 1
country: US
emergency:
  callerid: "+12065550100"
identities:
  office: {number: "+12065550100", name: "Main Office", trunks: [carrier, gateway]}
  clinic: {number: "+12065550177", name: "Westside Clinic", digit: "3"}
  annex: {number: "+12065550178", digit: "0"}
pools:
  callbacks: {identities: [office, clinic]}
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
  gateway: {dial: "DAHDI/g0/{digits}", trusted_to_hide: "Tested with the carrier in May."}
lines:
  hotline:
    purpose: "Crisis calls"
    flagged: true
    dids: ["+18005550100"]
    extensions: ["200-219"]
    mailboxes: ["200@default"]
    ring: "hotline-ring,s,1"
    beneath: office
    allow_show: true
    substitutes: [clinic, annex]
    show_after_rejection: false
    keep: {records: 90d, voicemail: 14d}
  desk:
    purpose: "Office calls"
    extensions: ["100-109"]
    outbound: callbacks
    show_caller: true
destinations:
  - {match: "+1800*", outbound: callbacks}
  - {match: "+12065550142", outbound: clinic, organisation: "County Court"}
substitute_code: "*69"
rejected: ["433", "anonym", "unmask"]
"""
"""Every setting that there is, once at least."""


def good_with(*changes: tuple[str, str]) -> str:
    """Return the good policy with pieces replaced; each piece must stand in it exactly once."""
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def read(text: str | bytes) -> LoadedPolicy:
    return parse_policy(text.encode() if isinstance(text, str) else text, "policy.yaml")


def complaints(text: str | bytes) -> list[str]:
    """Return the printed problems of a policy; empty where it has none."""
    try:
        read(text)
    except PolicyError as error:
        return [str(problem) for problem in error.problems]
    return []


def complaint(*changes: tuple[str, str]) -> str:
    """Return the one problem that a changed policy has."""
    found = complaints(good_with(*changes))
    assert len(found) == 1, found
    return found[0]
