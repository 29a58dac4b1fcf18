"""What a checked policy means, as plain immutable data.

Nothing here reads files or needs a library, so that the spawned AGI script can load it in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

HIDE: Final = "hide"
"""The rule that withholds the caller ID. Any other rule is the name of an identity."""

LineCaller = Literal["none"]
"""What the record of a call keeps of its caller."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a country's telephones do: its dial codes, emergency and service numbers.

    Attributes:
        country: ISO 3166 code, also the region of national numbers.
        hide_codes: dialled before a number to hide this call, as ``*67``.
        show_codes: dialled before a number to show this call, as ``*82``.
        emergency: numbers that always go out with the registered caller ID, as dialled.
        services: other short numbers that may be dialled as they are.
    """

    country: str
    hide_codes: tuple[str, ...]
    show_codes: tuple[str, ...]
    emergency: tuple[str, ...]
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """A number that the program owns and may show.

    Attributes:
        key: its name in the policy.
        number: E.164 with the plus sign.
        name: the display name shown beside it; may be empty.
    """

    key: str
    number: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way out of the PBX.

    Attributes:
        key: its name in the policy.
        dial: an Asterisk dial string in which ``{number}`` stands for the number called
            (E.164 with the plus sign, or a short number as it was dialled) and ``{digits}`` for the same
            without the plus sign.
    """

    key: str
    dial: str

    def dial_string(self, number: str) -> str:
        """Return the dial string for one number."""
        return self.dial.replace("{number}", number).replace("{digits}", number.removeprefix("+"))


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days things of a line are kept; None means the shipped default."""

    records: int | None = None
    voicemail: int | None = None


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
        outbound: `HIDE` or the key of an identity.
        beneath: key of the identity that stands under a withheld call.
        allow_show: whether the show code may show `beneath` on a line that hides.
        show_caller: whether the phones that ring are shown who calls (never on a flagged line).
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
    show_caller: bool = False
    caller: LineCaller = "none"
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
        outbound: `HIDE` or the key of an identity.
    """

    match: str
    outbound: str


@dataclass(frozen=True)
class Policy:
    """A whole policy that has passed every check."""

    preset: Preset
    emergency_callerid: str
    identities: tuple[Identity, ...]
    trunks: tuple[Trunk, ...]
    lines: tuple[Line, ...]
    destinations: tuple[DestinationRule, ...] = ()

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
