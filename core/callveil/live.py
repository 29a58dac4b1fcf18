"""What runs in one Callveil process: the policy in force, the settings, and whether each part is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from callveil.facts import NO_FACTS, Facts
from callveil.party import Pseudonym
from callveil.policy.model import Policy
from callveil.pseudonyms import Pseudonyms
from callveil.settings import Settings


@dataclass(slots=True)
class Live:
    """Shared by the services of one process.

    Services read `policy` afresh for each call, so that a reload takes effect between two calls and never
    within one.

    Attributes:
        policy: the policy in force; replaced whole on a reload.
        settings: fixed for the life of the process.
        troubles: what is wrong now, in plain words, by the part that says so; empty when all is well.
        ready: set once calls' questions are answered.
        facts: returns what is known beside the policy now; asked for each call, so it must be quick.
        cannot_hide: keys of the trunks whose settings on the PBX defeat hiding, as last seen; replaced whole.
        pseudonym: returns what stands for a number on a line today, see `callveil.party`.
        cannot_show: keys of those that show a number of their own in place of any other; replaced whole.
    """

    policy: Policy
    settings: Settings
    troubles: dict[str, str] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    facts: Callable[[], Facts] = lambda: NO_FACTS
    pseudonym: Pseudonym = field(default_factory=lambda: Pseudonyms().of_today)
    cannot_hide: frozenset[str] = frozenset()
    cannot_show: frozenset[str] = frozenset()
