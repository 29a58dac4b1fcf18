"""The small program that unit tests use: a flagged hotline and an office."""

from __future__ import annotations

from callveil.policy.model import DestinationRule, Identity, Line, Mailbox, Policy, Preset, Trunk

US = Preset(
    country="US",
    hide_codes=("*67",),
    show_codes=("*82",),
    emergency=("911", "933", "988", "711", "112"),
    services=("211", "411"),
)

OFFICE = Identity("office", "+12065550100", "Main Office")
CLINIC = Identity("clinic", "+12065550177", "Westside Clinic")

HOTLINE = Line(
    key="hotline",
    purpose="Crisis calls",
    flagged=True,
    outbound="hide",
    beneath="office",
    dids=("+18005550100",),
    extensions=("200", "201"),
    mailboxes=(Mailbox("200", "default"),),
    ring="hotline-ring,s,1",
)

DESK = Line(
    key="desk",
    purpose="Office calls",
    flagged=False,
    outbound="office",
    beneath="office",
    show_caller=True,
    dids=("+12065550100",),
    extensions=("100", "101"),
    mailboxes=(Mailbox("100", "default"),),
    ring="desk-ring,s,1",
)


def program(**changes: object) -> Policy:
    """Return the program's policy, with some of it changed."""
    facts: dict[str, object] = {
        "preset": US,
        "emergency_callerid": "+12065550100",
        "identities": (OFFICE, CLINIC),
        "trunks": (Trunk("carrier", "PJSIP/{number}@trunk"), Trunk("backup", "PJSIP/{digits}@backup")),
        "lines": (HOTLINE, DESK),
        "destinations": (DestinationRule("+1800*", "clinic"),),
    }
    return Policy(**(facts | changes))  # type: ignore[arg-type]
