"""What is shown of a call that goes out: the one pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What happens to a call that goes out."""

    EMERGENCY = "emergency"
    HIDE = "hide"
    SHOW = "show"
    SUBSTITUTE = "substitute"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one call.

    Attributes:
        kind: what happens.
        shown: E.164 that the far end sees, or None when it is withheld or there is no call.
        beneath: E.164 that stands under the withholding, or None.
        name: display name beside `shown`.
        line: the policy's name of the line, or None where no line has the extension.
        reason: in plain words, without the number called.
        number: what is called: E.164, or a short number as dialled; empty when refused.
        dial: one Asterisk dial string a trunk, in order; empty when refused.
        prompt: name of a sound to play to staff first (or instead, when refused); may be empty.
    """

    kind: Kind
    shown: str | None
    beneath: str | None
    name: str
    line: str | None
    reason: str
    number: str = ""
    dial: tuple[str, ...] = ()
    prompt: str = ""
