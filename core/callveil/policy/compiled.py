"""A checked policy as JSON, for programs that start afresh for each call.

Reading YAML and checking it costs a spawned script most of its time; this form needs the standard library
only. It is a cache, never a second truth: it names the digest of the policy file that it was made from, and
counts only as long as that file has not changed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from callveil import __version__
from callveil.policy.model import (
    DestinationRule,
    Identity,
    Keep,
    Line,
    Mailbox,
    Policy,
    Pool,
    Preset,
    Trunk,
)
from callveil.whole_files import write_whole

FORMAT: Final = 3
"""Changes whenever a compiled file would mean something else to the code that reads it."""

_MAX_BYTES: Final = 4 * 1024 * 1024


class CompiledError(ValueError):
    """Text that is no compiled policy of this version."""


def compile_policy(policy: Policy, source_sha256: str = "") -> str:
    """Return a policy as JSON: the same text for the same policy.

    Args:
        policy: a checked policy.
        source_sha256: hexadecimal digest of the bytes of the file that it was read from.
    """
    preset = policy.preset
    data = {
        "format": FORMAT,
        "callveil": __version__,
        "source_sha256": source_sha256,
        "preset": {
            "country": preset.country,
            "hide_codes": preset.hide_codes,
            "show_codes": preset.show_codes,
            "emergency": preset.emergency,
            "services": preset.services,
            "toll_free": preset.toll_free,
            "substitute_code": preset.substitute_code,
        },
        "emergency_callerid": policy.emergency_callerid,
        # Lists, because the order of each means something and the keys of an object are sorted.
        "identities": [
            [identity.key, identity.number, identity.name, identity.digit, identity.trunks]
            for identity in policy.identities
        ],
        "pools": [[pool.key, pool.identities] for pool in policy.pools],
        "rejected": policy.rejected,
        "trunks": [[trunk.key, trunk.dial, trunk.trusted_to_hide] for trunk in policy.trunks],
        "lines": [_line_data(line) for line in policy.lines],
        "destinations": [[rule.match, rule.outbound, rule.organisation] for rule in policy.destinations],
        # For the guard of voicemail mails, which looks up one mailbox and needs nothing else.
        "mailboxes": {
            str(mailbox): {"line": line.key, "flagged": line.flagged}
            for line in policy.lines
            for mailbox in line.mailboxes
        },
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":")) + "\n"


def parse_compiled(text: str) -> Policy:
    """Return the policy that `compile_policy` wrote.

    Raises:
        CompiledError: if the text is anything else.
    """
    return _policy(_load(text))


def write_compiled(path: Path, policy: Policy, source_sha256: str) -> None:
    """Write a compiled policy whole or not at all, for the owner and group of its folder.

    Args:
        path: where to.
        policy: a checked policy.
        source_sha256: hexadecimal digest of the bytes of the file that it was read from.

    Raises:
        OSError: if it cannot be written and the very same is not there already; what was there still is.
    """
    text = compile_policy(policy, source_sha256)
    try:
        write_whole(path, text)
    except OSError:
        # A full disk must not keep a daemon from starting that would write nothing new.
        if not _holds(path, text):
            raise


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def load_for_script(policy_path: Path, compiled_path: Path) -> Policy:
    """Return the policy in force: its compiled form where that is current, else the file itself.

    Raises:
        PolicyError: if the compiled form is missing or stale and the file has mistakes.
    """
    policy = _read_current(policy_path, compiled_path)
    if policy is not None:
        return policy
    # YAML and the schema cost most of a script's time: only where they are needed.
    from callveil.policy.load import load_policy  # noqa: PLC0415

    return load_policy(policy_path)


def _read_current(policy_path: Path, compiled_path: Path) -> Policy | None:
    """Return the compiled policy, or None where it is not there or was made from something else."""
    try:
        with open(policy_path, "rb") as file:
            digest = hashlib.sha256(file.read(_MAX_BYTES)).hexdigest()
        with open(compiled_path, encoding="utf-8") as file:
            data = _load(file.read(_MAX_BYTES))
        # Another version may check more, and bring other presets.
        if data["source_sha256"] != digest or data["callveil"] != __version__:
            return None
        return _policy(data)
    except (OSError, ValueError, KeyError):
        return None


def _load(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise CompiledError("a compiled policy is JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CompiledError("a compiled policy of another format")
    return data


def _policy(data: dict[str, Any]) -> Policy:
    try:
        preset = data["preset"]
        return Policy(
            preset=Preset(
                preset["country"],
                tuple(preset["hide_codes"]),
                tuple(preset["show_codes"]),
                tuple(preset["emergency"]),
                tuple(preset["services"]),
                tuple(preset["toll_free"]),
                preset["substitute_code"],
            ),
            emergency_callerid=data["emergency_callerid"],
            identities=tuple(
                Identity(key, number, name, digit, tuple(trunks))
                for key, number, name, digit, trunks in data["identities"]
            ),
            trunks=tuple(Trunk(*trunk) for trunk in data["trunks"]),
            lines=tuple(_line(line) for line in data["lines"]),
            destinations=tuple(DestinationRule(*rule) for rule in data["destinations"]),
            pools=tuple(Pool(key, tuple(identities)) for key, identities in data["pools"]),
            rejected=tuple(data["rejected"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CompiledError("a compiled policy with parts missing") from None


def _line_data(line: Line) -> dict[str, object]:
    return {
        "key": line.key,
        "purpose": line.purpose,
        "flagged": line.flagged,
        "outbound": line.outbound,
        "beneath": line.beneath,
        "allow_show": line.allow_show,
        "substitutes": line.substitutes,
        "show_after_rejection": line.show_after_rejection,
        "show_caller": line.show_caller,
        "caller": line.caller,
        "called": line.called,
        "time": line.time,
        "duration": line.duration,
        "dids": line.dids,
        "extensions": line.extensions,
        "mailboxes": [[mailbox.number, mailbox.context] for mailbox in line.mailboxes],
        "ring": line.ring,
        "keep": [line.keep.records, line.keep.voicemail],
    }


def _line(data: dict[str, Any]) -> Line:
    return Line(
        key=data["key"],
        purpose=data["purpose"],
        flagged=data["flagged"],
        outbound=data["outbound"],
        beneath=data["beneath"],
        allow_show=data["allow_show"],
        substitutes=tuple(data["substitutes"]),
        show_after_rejection=data["show_after_rejection"],
        show_caller=data["show_caller"],
        caller=data["caller"],
        called=data["called"],
        time=data["time"],
        duration=data["duration"],
        dids=tuple(data["dids"]),
        extensions=tuple(data["extensions"]),
        mailboxes=tuple(Mailbox(*mailbox) for mailbox in data["mailboxes"]),
        ring=data["ring"],
        keep=Keep(*data["keep"]),
    )
