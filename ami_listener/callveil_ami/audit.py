"""Looks at the settings of the policy's trunks, and keeps those that cannot hide from hidden calls.

Asterisk is asked over a connection of its own, as a manager user of its own: seeing an endpoint's settings
takes a right that the listener has no use for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from callveil.live import Live
from callveil.policy.model import Policy, Trunk
from callveil.trunk_faults import FAULTS, SHARED_USER, endpoint_of, find_faults, find_risks
from callveil.trunk_state import TrunkState, as_text, read_state, unfit_of, way_of, write_state

from callveil_ami.connection import AmiConnection, Headers, RefusedError, SessionError
from callveil_ami.endpoint_settings import Unseen, endpoint_settings, shared_settings
from callveil_ami.waiting import Backoff, first_of, plain_error, run_unless, say

log = logging.getLogger(__name__)

PART: Final = "trunks"
"""The name under which the audit says that it could not look; what it finds is under one for each trunk."""

FILE_PART: Final = "trunks' state"

SUFFIX: Final = "-audit"
"""What the name of its manager user has behind the listener's."""

EVERY: Final = 30.0
"""Seconds between two looks where nothing says that there is news."""

_AWAY: Final = 3.0
"""Seconds, at most, between two attempts to connect: an Asterisk that has started again may have other
settings, and takes calls at once."""

_REFUSED: Final = 30.0  # seconds before a login that was refused is tried again: Asterisk logs each
_REFUSALS: Final = 3  # so many in a row are meant: an Asterisk that ends or starts refuses everybody
_REST: Final = 0.2  # seconds between two looks in any case: many modules may be reloaded one by one
_POLICY: Final = 0.25  # seconds after which a changed policy is noticed
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_READ_PJSIP: Final = frozenset({"all", "res_pjsip", "res_pjsip.so"})
_MEND: Final = "run `callveil install`, then asterisk -rx 'manager reload'."


class TrunkAudit:
    """Keeps true what `callveil.live.Live` says of trunks, and the state file.

    Args:
        live: the policy, the settings, where troubles are said, and where the outcome goes.
        backoff: the pauses between attempts to connect.
        every: seconds between two looks.
    """

    def __init__(self, live: Live, backoff: Backoff | None = None, every: float = EVERY) -> None:
        self._live = live
        self._path = live.settings.trunks
        self._user = live.settings.ami.username + SUFFIX
        self._backoff = backoff or Backoff(most=_AWAY)
        self._every = every
        self._news = asyncio.Event()
        self._states: dict[str, TrunkState] = {}
        self._told: dict[str, str] = {}
        self._refusals = 0
        self._denials = 0
        self._written = ""
        # When Asterisk read pjsip.conf, as far as that is known: its start, or a reload that was heard of.
        self._read_at = _LONG_AGO

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until the event is set. What was known before a start is in force already."""
        self._states = read_state(self._path)
        while not stop.is_set():
            problem = await run_unless(stop, self._hold())
            if stop.is_set():
                break
            if not isinstance(problem, SessionError):
                raise problem or RuntimeError("the audit ended unasked")
            self._refusals = self._refusals + 1 if isinstance(problem, RefusedError) else 0
            refused = self._refusals >= _REFUSALS
            meant = f"Asterisk does not let AMI user {self._user} log in: {_MEND}"
            await self._could_not_look(meant if refused else str(problem))
            self._news.clear()
            await run_unless(stop, self._pause(_REFUSED if refused else self._backoff.pause()))
        for part in (PART, FILE_PART, *map(_part, self._told)):
            self._live.troubles.pop(part, None)

    async def _hold(self) -> NoReturn:
        """Connect and look, until something goes wrong.

        Raises:
            SessionError: what went wrong.
        """
        while not _endpoints(self._live.policy):
            self._news.clear()
            self._live.troubles.pop(PART, None)
            await self._keep({})
            await self._pause(self._every)
        heard = {"Reload": self._reloaded, "FullyBooted": self._booted}
        connection = await AmiConnection.open(self._live.settings.ami, "system", heard, self._user)
        try:
            connection.lost.add_done_callback(lambda _: self._news.set())
            while True:
                self._news.clear()
                policy = self._live.policy
                await self._look(connection, policy)
                self._backoff.reset()
                await asyncio.sleep(_REST)
                await self._pause(self._every, policy)
        finally:
            await connection.close()

    async def _pause(self, seconds: float, policy: Policy | None = None) -> None:
        """Return after some seconds, or as soon as there are news or another policy.

        Args:
            seconds: at most so long.
            policy: the one that is no news; the one in force where none is given.
        """
        policy = policy or self._live.policy
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        while policy is self._live.policy and not self._news.is_set() and (left := deadline - clock()) > 0:
            await first_of(self._news, seconds=min(left, _POLICY))

    def _reloaded(self, event: Headers) -> None:
        if str(event.get("Module", "")).lower() in _READ_PJSIP:
            self._read_at = _now()
        self._news.set()

    def _booted(self, event: Headers) -> None:
        uptime = str(event.get("Uptime", ""))
        if uptime.isdecimal() and len(uptime) < 10:
            self._read_at = max(self._read_at, _now() - timedelta(seconds=int(uptime)))
        self._news.set()

    async def _look(self, connection: AmiConnection, policy: Policy) -> None:
        shared = await shared_settings(connection)
        states: dict[str, TrunkState] = {}
        for trunk, endpoint in _endpoints(policy):
            seen = await endpoint_settings(connection, endpoint)
            self._denials = self._denials + 1 if seen is Unseen.NOT_ALLOWED else 0
            if 0 < self._denials < _REFUSALS:
                raise SessionError("Asterisk did not show a trunk's settings. Connecting again.")
            if isinstance(seen, Unseen):
                states[trunk.key] = self._earlier(trunk).unseen(self._why_not(trunk, seen), _now())
            else:
                states[trunk.key] = self._judge(trunk, seen, shared)
        await self._keep(states)
        reasons = sorted({state.trouble for state in states.values()} - {""})
        if reasons:
            self._say_unseen(" ".join(reasons))
        elif self._live.troubles.pop(PART, None):
            log.warning("Every trunk could be checked again")

    def _judge(
        self, trunk: Trunk, settings: Mapping[str, str], shared: Mapping[str, str] | None
    ) -> TrunkState:
        now, looked = _now(), _now()
        faults = find_faults(settings, shared or {})
        earlier = self._earlier(trunk)
        # A file that was mended is no proof that Asterisk has read it since.
        mended = SHARED_USER in earlier.faults and SHARED_USER not in faults
        if mended and earlier.looked and (shared is None or earlier.looked >= self._read_at):
            faults, looked = (*faults, SHARED_USER), earlier.looked
        return TrunkState(way_of(trunk.dial), looked, faults, find_risks(settings, shared), "", now)

    def _why_not(self, trunk: Trunk, why: Unseen) -> str:
        match why:
            case Unseen.NOT_ALLOWED:
                return f"Asterisk does not let AMI user {self._user} see settings: {_MEND}"
            case Unseen.NO_SUCH_ENDPOINT:
                return f"Asterisk has no endpoint by the name in the dial string of trunk {trunk.key}."
            case Unseen.NO_ANSWER:
                return f"Asterisk does not tell the settings of trunk {trunk.key}: is PJSIP loaded?"

    async def _could_not_look(self, reason: str) -> None:
        now = _now()
        trunks = [trunk for trunk, _ in _endpoints(self._live.policy)]
        await self._keep({trunk.key: self._earlier(trunk).unseen(reason, now) for trunk in trunks})
        self._say_unseen(reason)

    def _earlier(self, trunk: Trunk) -> TrunkState:
        """Return what is known of a trunk; nothing, if its dial string leads elsewhere by now."""
        state, way = self._states.get(trunk.key), way_of(trunk.dial)
        return state if state and state.way == way else TrunkState(way)

    async def _keep(self, states: dict[str, TrunkState]) -> None:
        """Put in force what is known now, say what is new in it, and write it down."""
        self._states = states
        self._live.cannot_hide, self._live.cannot_show = unfit_of(states)
        self._tell(states)
        text = as_text(states)
        if text == self._written:
            return
        try:
            await asyncio.to_thread(write_state, self._path, states)
        except OSError as error:
            said = f"What is known of the trunks could not be written ({plain_error(error)})."
            if say(self._live.troubles, FILE_PART, said):
                log.warning("%s", said)
        else:
            self._written = text
            self._live.troubles.pop(FILE_PART, None)

    def _tell(self, states: Mapping[str, TrunkState]) -> None:
        """Say, once, which trunks begin and cease to be kept from hidden calls."""
        trunks = {trunk.key: trunk for trunk in self._live.policy.trunks}
        found = {
            key: _in_words(key, state)
            for key, state in states.items()
            if state.faults and key in trunks and not trunks[key].trusted_to_hide
        }
        for key in self._told.keys() - found.keys():
            self._live.troubles.pop(_part(key), None)
            if key in trunks:
                log.warning("Trunk %s is used for hidden calls again", key)
        for key, text in found.items():
            if say(self._live.troubles, _part(key), text) or key not in self._told:
                log.warning("%s", text)
        self._told = found

    def _say_unseen(self, reason: str) -> None:
        text = f"Could not check every trunk. {reason} What was known before stays in force."
        if say(self._live.troubles, PART, text):
            log.warning("%s", text)


def _in_words(key: str, state: TrunkState) -> str:
    reasons = "; ".join(FAULTS[name].text if name in FAULTS else name for name in state.faults)
    return f"Trunk {key} is NOT used for hidden calls: {reasons}. callveil status says how to mend it."


def _part(key: str) -> str:
    return f"trunk {key}"


def _now() -> datetime:
    return datetime.now(UTC)


def _endpoints(policy: Policy) -> list[tuple[Trunk, str]]:
    """Return the PJSIP trunks of a policy, each with the name of its endpoint."""
    return [(trunk, endpoint) for trunk in policy.trunks if (endpoint := endpoint_of(trunk.dial)) is not None]
