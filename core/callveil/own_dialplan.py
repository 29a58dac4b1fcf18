"""What an admin's own dialplan is told before it dials by itself.

It is given no dial strings: the number called without any code, and only if the trunk that it is going to
dial can keep what was decided.
"""

from __future__ import annotations

from dataclasses import replace

from callveil.answer import decided_fields, pack
from callveil.decision import TRUNK_CANNOT_HIDE, Decision, Kind
from callveil.dialled import DIAL_NOW, read_dialled
from callveil.numbers import without_formatting
from callveil.policy.model import Policy, Trunk


def for_trunk(policy: Policy, decision: Decision, trunk: str) -> Decision:
    """Return the decision for a call that leaves by one trunk: the same, or a refusal.

    Args:
        policy: the policy that was decided by.
        decision: what was decided.
        trunk: which trunk will be dialled, by its name in the policy or its endpoint. Empty where the
            dialplan does not say: then every trunk of the policy must be able to hide.
    """
    if decision.kind in (Kind.EMERGENCY, Kind.REFUSE):
        return decision
    meant = [one for one in policy.trunks if not trunk or is_named(one, trunk)]
    suits = all(one.dial_string(decision.number) in decision.dial for one in meant)
    if suits and (meant or decision.kind is not Kind.HIDE):
        return decision
    return replace(
        decision,
        kind=Kind.REFUSE,
        shown=None,
        beneath=None,
        name="",
        reason="it is not known that the trunk can do what was decided",
        number="",
        dial=(),
        prompt=TRUNK_CANNOT_HIDE,
        confirm="",
        again="",
    )


def is_named(trunk: Trunk, name: str) -> bool:
    """Return whether a dialplan means this trunk: by its key, its endpoint, or what stands before the number.

    ``PJSIP/{number}@carrier`` is ``carrier``, ``DAHDI/g0/{number}`` is ``DAHDI/g0``.
    """
    before, at, endpoint = trunk.dial.rpartition("@")
    start = (before if at else trunk.dial).partition("{")[0].rstrip("/")
    return bool(name) and name in (trunk.key, endpoint if at else start)


def pack_identity(call_id: str, policy: Policy, decision: Decision, digits: str) -> str:
    """Return the answer for a call that the admin's own dialplan dials.

    Its fields::

        veil3|ID|decision|presentation|number|name|line|prompt|confirm|called|typed

    ``called`` is E.164, or a short number; ``typed`` is the same as it was dialled, without codes. Both are
    empty when the call is refused.

    Args:
        call_id: the random id that the dialplan asked with.
        policy: the policy that was decided by.
        decision: what was decided, with the trunk taken into account.
        digits: what was dialled, codes and all.

    Raises:
        AnswerError: see `callveil.answer.pack`.
    """
    decided = decided_fields(call_id, decision)
    return pack((*decided, decision.number, _typed(policy, decision, digits)))


def _typed(policy: Policy, decision: Decision, digits: str) -> str:
    if decision.kind is Kind.REFUSE:
        return ""
    if decision.kind is Kind.EMERGENCY:
        return decision.number
    return without_formatting(read_dialled(policy.preset, digits).rest.removesuffix(DIAL_NOW))
