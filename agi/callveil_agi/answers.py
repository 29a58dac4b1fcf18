"""What is answered to one call, whichever way it was asked: FastAGI or the spawned script."""

from __future__ import annotations

import re
from typing import Final

from callveil import decision
from callveil.answer import pack_inbound, pack_outbound
from callveil.facts import NO_FACTS, Facts
from callveil.numbers import to_e164
from callveil.own_dialplan import for_trunk, pack_identity
from callveil.party import PartyKept, Pseudonym, keep_party
from callveil.policy.model import Line, Policy

from callveil_agi.protocol import ProtocolError

_CALL_ID: Final = re.compile(r"[0-9a-f-]{8,64}")


def answer_outbound(
    policy: Policy,
    extension: str | None,
    digits: str | None,
    call_id: str | None,
    facts: Facts = NO_FACTS,
    *,
    pseudonym: Pseudonym | None = None,
) -> str:
    """Return the packed answer for a call that goes out.

    Args:
        policy: the policy in force.
        extension: the extension that dials; empty where the telephone has none.
        digits: what it dialled.
        call_id: the random id that the dialplan asked with.
        facts: what is known beside the policy.
        pseudonym: see `callveil.party.keep_party`.

    Raises:
        ProtocolError: if something is missing or the id is none that the dialplan makes.
        AnswerError: if the decision does not fit into an answer.
    """
    if extension is None or not digits:
        raise ProtocolError("a call without an extension or without digits")
    decided = decision.decide(policy, extension, digits, facts)
    # A call for help has a line of its own in the records, which keeps nothing.
    line = policy.line_by_key.get(decided.line or "") if decided.kind is not decision.Kind.EMERGENCY else None
    party = "" if line is None else _kept(line, line.called, decided.number, pseudonym)
    return pack_outbound(_checked(call_id), decided, party)


def answer_identity(
    policy: Policy,
    extension: str | None,
    digits: str | None,
    call_id: str | None,
    *,
    trunk: str | None,
    facts: Facts = NO_FACTS,
) -> str:
    """Return the packed answer for a call that the admin's own dialplan dials.

    Args:
        policy: the policy in force.
        extension: the extension that dials; empty where the telephone has none.
        digits: what it dialled.
        call_id: the random id that the dialplan asked with.
        trunk: the trunk that is going to be dialled; empty or None where the dialplan does not say.
        facts: what is known beside the policy.

    Raises:
        ProtocolError: if something is missing or the id is none that the dialplan makes.
        AnswerError: if the decision does not fit into an answer.
    """
    if extension is None or not digits:
        raise ProtocolError("a call without an extension or without digits")
    decided = for_trunk(policy, decision.decide(policy, extension, digits, facts), trunk or "")
    return pack_identity(_checked(call_id), policy, decided, digits)


def answer_inbound(
    policy: Policy,
    line_key: str | None,
    call_id: str | None,
    caller: str = "",
    pseudonym: Pseudonym | None = None,
) -> str:
    """Return the packed answer for a call that comes in: a flagged or unknown line never shows the caller.

    Args:
        policy: the policy in force.
        line_key: the policy's name of the line that is called.
        call_id: the random id that the dialplan asked with.
        caller: the caller's number as the carrier gave it; empty where it was withheld.
        pseudonym: see `callveil.party.keep_party`.

    Raises:
        ProtocolError: if something is missing or the id is none that the dialplan makes.
        AnswerError: if the name does not fit into an answer.
    """
    if not line_key:
        raise ProtocolError("a call without a line")
    line = policy.line_by_key.get(line_key)
    show_caller = line is not None and line.show_caller and not line.flagged
    party = ""
    if line is not None and keeps_caller(policy, line_key) and caller:
        party = _kept(line, line.caller, to_e164(caller, policy.preset.country) or "", pseudonym)
    return pack_inbound(_checked(call_id), line_key, show_caller=show_caller, party=party)


def keeps_caller(policy: Policy, line_key: str | None) -> bool:
    """Return whether records of a line keep anything of who called."""
    line = policy.line_by_key.get(line_key or "")
    return line is not None and line.caller != "none" and not line.flagged


def _kept(line: Line, kept: PartyKept, number: str, pseudonym: Pseudonym | None) -> str:
    return "" if line.flagged else keep_party(kept, line.key, number, pseudonym)


def _checked(call_id: str | None) -> str:
    if call_id is None or not _CALL_ID.fullmatch(call_id):
        raise ProtocolError("a call without a proper id")
    return call_id
