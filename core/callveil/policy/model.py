"""What a checked policy means, as plain immutable data.

Nothing here reads files or needs a library, so that the spawned AGI script can load it in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from callveil.coarse import Duration, Time
from callveil.party import PartyKept

HIDE: Final = "hide"
"""The rule that withholds the caller ID. Any other rule is the name of an identity or of a pool."""

NEUTRAL: Final = "neutral"
"""The rule of a contact whose telephone rejects hidden calls: shows the number that would stand beneath."""

SUBSTITUTE_CODE: Final = "*68"
"""Dialled before an identity's digit and a number, unless the policy names another code."""

REJECTED: Final = ("433", "anonym")
"""Answers of a far end that takes no hidden calls, unless the policy names others."""

KEEP_RECORDS: Final = 90
"""Days that records are kept unless their line says otherwise, also those of lines that are gone."""

KEEP_VOICEMAIL: Final = 14
"""Days that messages are kept unless their line says otherwise."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a country's telephones do: its dial codes, emergency and service numbers.

    Attributes:
        country: ISO 3166 code, also the region of national numbers.
        hide_codes: dialled before a number to hide this call, as ``*67``.
        show_codes: dialled before a number to show this call, as ``*82``.
        emergency: numbers that always go out with the registered caller ID, as dialled.
        services: other short numbers that may be dialled as they are.
        toll_free: how numbers begin, with the plus sign, whose owners are told who calls in any case (ANI).
        substitute_code: dialled before the digit of an identity to show that one, as ``*68``.
    """

    country: str
    hide_codes: tuple[str, ...]
    show_codes: tuple[str, ...]
    emergency: tuple[str, ...]
    services: tuple[str, ...] = ()
    toll_free: tuple[str, ...] = ()
    substitute_code: str = SUBSTITUTE_CODE


@dataclass(frozen=True, slots=True)
class Identity:
    """A number that the program owns and may show.

    Attributes:
        key: its name in the policy.
        number: E.164 with the plus sign.
        name: the display name shown beside it; may be empty.
        digit: what staff dial after the substitute code to show it; may be empty.
        trunks: names of the trunks whose carrier issued the number; empty where the policy does not say.
    """

    key: str
    number: str
    name: str = ""
    digit: str = ""
    trunks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Identities of which each person called is always shown the same one.

    Attributes:
        key: its name in the policy.
        identities: the keys of its identities.
    """

    key: str
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way out of the PBX.

    Attributes:
        key: its name in the policy.
        dial: an Asterisk dial string in which ``{number}`` stands for the number called
            (E.164 with the plus sign, or a short number as it was dialled) and ``{digits}`` for the same
            without the plus sign.
        trusted_to_hide: why a hidden call stays hidden there although Callveil cannot see that it does; empty
            where nobody has said so.
    """

    key: str
    dial: str
    trusted_to_hide: str = ""

    @property
    def technology(self) -> str:
        """The first word of the dial string, as ``PJSIP``."""
        return self.dial.partition("/")[0]

    def dial_string(self, number: str) -> str:
        """Return the dial string for one number."""
        return self.dial.replace("{number}", number).replace("{digits}", number.removeprefix("+"))


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days things of a line are kept."""

    records: int = KEEP_RECORDS
    voicemail: int = KEEP_VOICEMAIL


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A voicemail box, as ``200@default``."""

    number: str
    context: str

    def __str__(self) -> str:
        return f"{self.number}@{self.context}"


@dataclass(frozen=True, slots=True)
class Line:
    """A group of telephones and numbers with one purpose and one set of rules.

    Attributes:
        key: its name in the policy.
        purpose: why its records exist, in the program's words.
        flagged: callers are survivors; nothing that identifies them may be kept.
        outbound: `HIDE` or the key of an identity or a pool.
        beneath: key of the identity that stands under a withheld call.
        allow_show: whether the show code may show `beneath` on a line that hides.
        substitutes: keys of the identities that staff may choose with the substitute code.
        show_after_rejection: whether staff may call again with `beneath` shown, by a key, after the far end
            has rejected a hidden call.
        show_caller: whether the phones that ring are shown who calls (never on a flagged line).
        caller: what records keep of who called (nothing on a flagged line).
        called: what records keep of whom staff called (nothing on a flagged line).
        time: how fine records keep the beginning of a call (the day on a flagged line).
        duration: how fine records keep how long people spoke (a bucket on a flagged line).
        dids: E.164 numbers on which callers reach the line.
        extensions: every extension, ranges expanded.
        mailboxes: every mailbox, ranges expanded.
        ring: where an incoming call goes on in the admin's dialplan: ``context,extension,priority``.
    """

    key: str
    purpose: str
    flagged: bool
    outbound: str
    beneath: str
    allow_show: bool = False
    substitutes: tuple[str, ...] = ()
    show_after_rejection: bool = True
    show_caller: bool = False
    caller: PartyKept = "none"
    called: PartyKept = "none"
    time: Time = "day"
    duration: Duration = "bucket"
    dids: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    ring: str | None = None
    keep: Keep = field(default_factory=Keep)


@dataclass(frozen=True, slots=True)
class DestinationRule:
    """What is shown to the numbers that match a pattern.

    Attributes:
        match: E.164 with the plus sign, ``*`` for any digits, as ``+1800*``.
        outbound: `HIDE` or the key of an identity or a pool.
        organisation: whose number it is, where `match` is one whole number.
    """

    match: str
    outbound: str
    organisation: str = ""


@dataclass(frozen=True)
class Policy:
    """A whole policy that has passed every check.

    Attributes:
        rejected: SIP answers that mean that a far end takes no hidden calls: codes of three digits, and parts
            of words in the reason.
    """

    preset: Preset
    emergency_callerid: str
    identities: tuple[Identity, ...]
    trunks: tuple[Trunk, ...]
    lines: tuple[Line, ...]
    destinations: tuple[DestinationRule, ...] = ()
    pools: tuple[Pool, ...] = ()
    rejected: tuple[str, ...] = REJECTED

    @cached_property
    def pool_by_key(self) -> dict[str, Pool]:
        """Pools by their name in the policy."""
        return {pool.key: pool for pool in self.pools}

    @cached_property
    def identity_by_digit(self) -> dict[str, Identity]:
        """Identities by the digit that staff dial for them."""
        return {identity.digit: identity for identity in self.identities if identity.digit}

    @cached_property
    def identity_by_key(self) -> dict[str, Identity]:
        """Identities by their name in the policy."""
        return {identity.key: identity for identity in self.identities}

    @cached_property
    def line_by_extension(self) -> dict[str, Line]:
        """The line of every extension."""
        return {extension: line for line in self.lines for extension in line.extensions}

    @cached_property
    def line_by_key(self) -> dict[str, Line]:
        """Lines by their name in the policy."""
        return {line.key: line for line in self.lines}

    @property
    def neutral(self) -> Identity:
        """The identity that stands beneath a call before anything else is known: the first of the policy."""
        return self.identities[0]
