"""What may stand where in a policy file.

Only what a value says by itself is checked here; what it says about others is in `cross_checks`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from callveil.policy.fields import (
    CountryText,
    DaysText,
    DialText,
    DigitText,
    DisplayName,
    DurationText,
    ExtensionsText,
    KeyText,
    MailboxText,
    MatchText,
    OrganisationText,
    PartyText,
    PhoneNumber,
    PurposeText,
    ReasonText,
    RejectionText,
    RingText,
    SubstituteCodeText,
    TimeText,
    fault,
)
from callveil.policy.model import HIDE, REJECTED, SUBSTITUTE_CODE

MAX_TRUNKS: Final = 10
"""The answer to the dialplan carries a dial string for each, in a line of limited length."""

MAX_REJECTED: Final = 20


def _version(version: int) -> int:
    if version != 1:
        raise fault("This Callveil reads policies of version 1. Write version: 1.")
    return version


def _several(names: list[str]) -> list[str]:
    if len(set(names)) < 2:
        raise fault("A pool needs at least two different identities. Add one, or do without the pool.")
    return names


class Part(BaseModel):
    """A group of settings: strict about types, and about names that it does not know.

    What may be left out is an empty text then, not None: a setting with nothing after its colon is a
    mistake, and YAML makes None of it.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class EmergencyPart(Part):
    """``emergency:``."""

    callerid: PhoneNumber


class IdentityPart(Part):
    """One of ``identities:``."""

    number: PhoneNumber
    name: DisplayName = ""
    digit: DigitText = ""
    trunks: list[str] = Field(default_factory=list)


class PoolPart(Part):
    """One of ``pools:``."""

    identities: Annotated[list[str], AfterValidator(_several)]


class TrunkPart(Part):
    """One of ``trunks:``."""

    dial: DialText
    trusted_to_hide: ReasonText = ""


class KeepPart(Part):
    """``keep:`` of a line."""

    records: DaysText = ""
    voicemail: DaysText = ""


class LinePart(Part):
    """One of ``lines:``."""

    purpose: PurposeText
    flagged: bool = False
    dids: list[PhoneNumber] = Field(default_factory=list)
    extensions: list[ExtensionsText] = Field(default_factory=list)
    mailboxes: list[MailboxText] = Field(default_factory=list)
    ring: RingText = ""
    outbound: str = HIDE
    beneath: str = ""
    allow_show: bool = False
    substitutes: list[str] = Field(default_factory=list)
    show_after_rejection: bool = True
    show_caller: bool = False
    caller: PartyText = "none"
    called: PartyText = "none"
    time: TimeText = "day"
    duration: DurationText = "bucket"
    keep: KeepPart = KeepPart()


class DestinationPart(Part):
    """One of ``destinations:``."""

    match: MatchText
    outbound: str
    organisation: OrganisationText = ""


class PolicyPart(Part):
    """The whole file."""

    version: Annotated[int, AfterValidator(_version)]
    country: CountryText
    emergency: EmergencyPart
    identities: Annotated[dict[KeyText, IdentityPart], Field(min_length=1)]
    trunks: Annotated[dict[KeyText, TrunkPart], Field(min_length=1, max_length=MAX_TRUNKS)]
    lines: Annotated[dict[KeyText, LinePart], Field(min_length=1)]
    destinations: list[DestinationPart] = Field(default_factory=list)
    pools: dict[KeyText, PoolPart] = Field(default_factory=dict)
    substitute_code: SubstituteCodeText = SUBSTITUTE_CODE
    rejected: Annotated[list[RejectionText], Field(max_length=MAX_REJECTED)] = Field(
        default_factory=lambda: list(REJECTED)
    )
