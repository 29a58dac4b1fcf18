"""What a line of the policy does, in plain sentences."""

from __future__ import annotations

from callveil.policy.model import HIDE, Identity, Line, Policy


def describe_line(line: Line, policy: Policy) -> str:
    """Return what people see and what is kept of calls from and to one line."""
    beneath = policy.identity_by_key[line.beneath]
    return " ".join(
        (
            _outbound(line, policy, beneath),
            *_show_code(line, policy, beneath),
            *_inbound(line),
            "Callers are never recorded.",
            *_kept(line),
        )
    )


def _outbound(line: Line, policy: Policy, beneath: Identity) -> str:
    if line.outbound == HIDE:
        return f"calls out are hidden ({f'{beneath.name} {beneath.number}'.strip()} beneath)."
    shown = policy.identity_by_key[line.outbound]
    return f"calls out show {shown.number}{f' ({shown.name})' if shown.name else ''}."


def _show_code(line: Line, policy: Policy, beneath: Identity) -> tuple[str, ...]:
    if line.outbound != HIDE or not line.allow_show:
        return ()
    return (f"Staff may show {beneath.number} with {' or '.join(policy.preset.show_codes)}.",)


def _inbound(line: Line) -> tuple[str, ...]:
    return ("The telephones that ring show who calls.",) if line.show_caller else ()


def _kept(line: Line) -> tuple[str, ...]:
    kept = [
        f"{what} {days} {'day' if days == 1 else 'days'}"
        for what, days in (("records", line.keep.records), ("voicemail", line.keep.voicemail))
        if days is not None
    ]
    return (f"To be kept: {', '.join(kept)} (this version deletes nothing by itself).",) if kept else ()
