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
            *_substitutes(line, policy),
            *_after_rejection(line),
            *_inbound(line),
            "Callers are never recorded.",
            *_kept(line),
        )
    )


def _outbound(line: Line, policy: Policy, beneath: Identity) -> str:
    if line.outbound == HIDE:
        return f"calls out are hidden ({f'{beneath.name} {beneath.number}'.strip()} beneath)."
    pool = policy.pool_by_key.get(line.outbound)
    if pool is not None:
        return (
            f"calls out show one of {len(pool.identities)} numbers of pool {pool.key}, always the same one "
            "to each person."
        )
    return f"calls out show {_named(policy.identity_by_key[line.outbound])}."


def _show_code(line: Line, policy: Policy, beneath: Identity) -> tuple[str, ...]:
    if line.outbound != HIDE or not line.allow_show:
        return ()
    return (f"Staff may show {beneath.number} with {' or '.join(policy.preset.show_codes)}.",)


def _substitutes(line: Line, policy: Policy) -> tuple[str, ...]:
    choices = [
        f"{_named(identity)} with {policy.preset.substitute_code}{identity.digit}"
        for identity in (policy.identity_by_key[key] for key in line.substitutes)
    ]
    return (f"Staff may show {' or '.join(choices)}.",) if choices else ()


def _after_rejection(line: Line) -> tuple[str, ...]:
    if line.show_after_rejection:
        return ()
    return ("When a hidden call is rejected, staff are not offered to show the number.",)


def _inbound(line: Line) -> tuple[str, ...]:
    return ("The telephones that ring show who calls.",) if line.show_caller else ()


def _kept(line: Line) -> tuple[str, ...]:
    kept = [
        f"{what} {days} {'day' if days == 1 else 'days'}"
        for what, days in (("records", line.keep.records), ("voicemail", line.keep.voicemail))
        if days is not None
    ]
    return (f"To be kept: {', '.join(kept)} (this version deletes nothing by itself).",) if kept else ()


def _named(identity: Identity) -> str:
    return f"{identity.number} ({identity.name})" if identity.name else identity.number
