"""What is known of the trunks' settings, kept in ``trunks.json`` for programs that start for one decision.

The file holds names of trunks and of settings, never a setting's value. A small part of it, `unfit_trunks`,
is read by the script that Asterisk starts for each call, so that nothing heavy is loaded here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from callveil.policy.model import Policy
from callveil.whole_files import write_whole

FORMAT: Final = 1
FROM_USER: Final = "from_user"
"""The fault by which a trunk names somebody else on shown calls too."""

_MAX_BYTES: Final = 256 * 1024
_UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class TrunkState:
    """What is known of one trunk.

    Attributes:
        way: which dial string this is about, see `way_of`.
        looked: when its settings were last seen, with its zone; None where they never were.
        faults: names of the settings that defeat hiding, see `callveil.trunk_faults`.
        risks: names of the settings that are worth a look.
        trouble: why the last look failed, in plain words; empty where it did not.
        tried: when that was; None where nobody has looked yet.
    """

    way: str
    looked: datetime | None = None
    faults: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    trouble: str = ""
    tried: datetime | None = None

    def unseen(self, trouble: str, now: datetime) -> TrunkState:
        """Return the same after a look that failed: what was known before stays in force."""
        return replace(self, trouble=trouble, tried=now)


class Unfit(NamedTuple):
    """Keys of the trunks that some calls must not leave by.

    Attributes:
        to_hide: their settings defeat hiding.
        to_show: they show a number of their own in place of any other.
    """

    to_hide: frozenset[str] = frozenset()
    to_show: frozenset[str] = frozenset()


def way_of(dial: str) -> str:
    """Return what tells one dial string from another, without any part of it."""
    return hashlib.sha256(dial.encode()).hexdigest()[:16]


def unfit_trunks(path: Path, policy: Policy) -> Unfit:
    """Return which trunks are unfit, as last seen.

    Args:
        path: the state file. Without it nothing is known. One that is there and cannot be read may say of any
            trunk that it is unfit, so all of them count as such.
        policy: with the trunks.
    """
    try:
        return unfit_of(_load(path))
    except FileNotFoundError:
        return Unfit()
    except _UNREADABLE:
        every = frozenset(trunk.key for trunk in policy.trunks)
        return Unfit(every, every)


def unfit_of(states: Mapping[str, TrunkState]) -> Unfit:
    """Return which trunks are unfit by what is known of them."""
    return Unfit(
        frozenset(key for key, state in states.items() if state.faults),
        frozenset(key for key, state in states.items() if FROM_USER in state.faults),
    )


def read_state(path: Path) -> dict[str, TrunkState]:
    """Return what is known, by the trunk's key in the policy; empty where there is nothing to be read."""
    try:
        return _load(path)
    except _UNREADABLE:
        return {}


def _load(path: Path) -> dict[str, TrunkState]:
    with open(path, encoding="utf-8") as file:
        data = json.loads(file.read(_MAX_BYTES))
    if data["format"] != FORMAT:
        raise ValueError("a state of another format")
    return {str(key): _state(one) for key, one in data["trunks"].items()}


def write_state(path: Path, states: Mapping[str, TrunkState]) -> None:
    """Write all that is known, whole or not at all, for the owner and group of its folder.

    Raises:
        OSError: it cannot be written; whatever was there before still is.
    """
    write_whole(path, as_text(states))


def as_text(states: Mapping[str, TrunkState]) -> str:
    """Return all that is known as the file holds it: the same text for the same knowledge."""
    trunks = {
        key: {
            "way": state.way,
            "looked": _written(state.looked),
            "faults": state.faults,
            "risks": state.risks,
            "trouble": state.trouble,
            "tried": _written(state.tried),
        }
        for key, state in states.items()
    }
    return json.dumps({"format": FORMAT, "trunks": trunks}, sort_keys=True, indent=1) + "\n"


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="minutes") if moment else None


def _read_moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment


def _state(data: dict[str, Any]) -> TrunkState:
    return TrunkState(
        way=str(data["way"]),
        looked=_read_moment(data["looked"]),
        faults=tuple(str(name) for name in data["faults"]),
        risks=tuple(str(name) for name in data["risks"]),
        trouble=str(data["trouble"]),
        tried=_read_moment(data["tried"]),
    )
