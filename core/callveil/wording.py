"""Says a decision in the plain words that staff and admins read, hear and search for."""

from __future__ import annotations

from callveil.decision import Decision, Kind
from callveil.policy.model import Policy


def in_words(decision: Decision, policy: Policy) -> str:
    """Return one line about what the far end sees. It never holds the number called."""
    match decision.kind:
        case Kind.EMERGENCY:
            return f"Emergency: shows {decision.shown}"
        case Kind.HIDE:
            return f"Hidden ({_with_name_in_front(decision.beneath, policy)} stands beneath)"
        case Kind.REFUSE:
            return f"Refused: {decision.reason}"
        case Kind.SHOW | Kind.SUBSTITUTE:
            name = f" ({decision.name})" if decision.name else ""
            return f"Shows {decision.shown}{name}"


def _with_name_in_front(number: str | None, policy: Policy) -> str:
    names = (identity.name for identity in policy.identities if identity.number == number)
    return f"{next(names, '')} {number}".lstrip()
