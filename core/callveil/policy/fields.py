"""The kinds of text that a policy is made of, each with the sentence for a text that does not fit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Final

import phonenumbers
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from callveil.coarse import DURATIONS, TIMES, Duration, Time
from callveil.party import PARTY_KEPT, PartyKept
from callveil.policy.model import HIDE, NEUTRAL
from callveil.policy.problems import mention
from callveil.policy.ranges import parse_range

RESERVED: Final = frozenset({HIDE, NEUTRAL, "unlisted", "emergency"})
"""Words that mean something else wherever a name may stand."""

MAX_NAME: Final = 40
MAX_ORGANISATION: Final = 60
MAX_REASON: Final = 200
MAX_DIAL: Final = 120
MAX_DAYS: Final = 3650

_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_NAME_MARKS: Final = frozenset("0123456789 .'&-")
_TECHNOLOGY: Final = re.compile(r"(?:PJSIP|SIP|DAHDI|IAX2|Local)/.+")
_DIAL: Final = re.compile(r"[A-Za-z0-9_./@:{}+-]*")
_PLACEHOLDER: Final = re.compile(r"\{(?:number|digits)\}")
_MAILBOX: Final = re.compile(r"([0-9-]+)@([A-Za-z0-9_-]{1,40})")
_RING: Final = re.compile(
    r"[A-Za-z0-9_-]{1,79},[A-Za-z0-9_*#+-]{1,79},(?:[1-9][0-9]{0,4}|[A-Za-z][A-Za-z0-9_-]{0,39})"
)
_DAYS: Final = re.compile(r"([1-9][0-9]{0,3})d")
_MATCH: Final = re.compile(r"\+([0-9]+)\*?")
_DIGIT: Final = re.compile(r"[0-9]")
# Numbers are made of digits: a code that begins with one would swallow the numbers that begin alike.
_SUBSTITUTE_CODE: Final = re.compile(r"[*#][0-9*#]{1,7}")
# It becomes part of a regular expression in the dialplan.
_REJECTION: Final = re.compile(r"[456][0-9]{2}|[a-z]{4,30}")
_ORGANISATION_MARKS: Final = frozenset("0123456789 .,'&()/-")
_MAX_DIGITS_OF_A_NAME: Final = 4


def fault(sentence: str) -> PydanticCustomError:
    """Return an error whose message is the sentence that the admin reads."""
    # Braces in the template would be taken for placeholders of its context.
    return PydanticCustomError("callveil", "{sentence}", {"sentence": sentence})


def is_possible(number: str) -> bool:
    """Return whether an E.164 number could exist, by its country code and length."""
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False
    # `is_possible_number` would also take a number without its area code.
    return reason == phonenumbers.ValidationResult.IS_POSSIBLE


def _key(text: str) -> str:
    if text in RESERVED:
        raise fault(f'"{text}" has a meaning of its own here. Choose another name.')
    if not _KEY.fullmatch(text):
        raise fault(
            f"{mention(text, 'This name')} cannot be a name here. Use 1 to 32 small letters, digits, - and "
            "_, a letter first."
        )
    return text


def _phone_number(text: str) -> str:
    if not _E164.fullmatch(text):
        raise fault(
            "This is not a full international number. Write + and the country code, then 8 to 15 digits in "
            'all without spaces, as "+12065550100".'
        )
    if not is_possible(text):
        raise fault("No telephone can have this number. Check the country code and count the digits.")
    return text


def _name(text: str) -> str:
    text = unicodedata.normalize("NFC", text.strip())
    if len(text) > MAX_NAME:
        raise fault("This name is longer than 40 characters. Shorten it.")
    if any(not (character.isalpha() or character in _NAME_MARKS) for character in text):
        raise fault("A name may hold letters, digits, spaces and . ' & - only. Take other characters away.")
    return text


def _digit(text: str) -> str:
    if not _DIGIT.fullmatch(text):
        raise fault('Write one digit from 0 to 9, in quotes: "3".')
    return text


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise fault(
            "Write why calls stay hidden on this trunk, in a sentence. Somebody will have to trust it."
        )
    if len(text) > MAX_REASON:
        raise fault("This reason is longer than 200 characters. Shorten it.")
    return text


def _organisation(text: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if not text:
        raise fault('Write whose number this is, as "County Court". It must not be a person.')
    if len(text) > MAX_ORGANISATION:
        raise fault("This name is longer than 60 characters. Shorten it.")
    if any(not (character.isalpha() or character in _ORGANISATION_MARKS) for character in text):
        raise fault(
            "An organisation's name may hold letters, digits, spaces and . , ' & ( ) / - only. Take other "
            "characters away."
        )
    # It is repeated where numbers are not.
    if sum(character.isdigit() for character in text) > _MAX_DIGITS_OF_A_NAME:
        raise fault("An organisation's name holds at most 4 digits. Take the number out of it.")
    return text


def _substitute_code(text: str) -> str:
    if text and not _SUBSTITUTE_CODE.fullmatch(text):
        raise fault(
            'Write a substitute code as * or # and then 1 to 7 digits, * or #, as "*68"; or "" for none.'
        )
    return text


def _rejection(text: str) -> str:
    if not _REJECTION.fullmatch(text):
        raise fault(
            'Write a SIP code from 400 to 699, as "433", or part of a word of the answer in 4 to 30 small '
            'letters, as "anonym".'
        )
    return text


def _dial(text: str) -> str:
    if not _TECHNOLOGY.fullmatch(text):
        raise fault("A trunk's dial string begins with PJSIP/, SIP/, DAHDI/, IAX2/ or Local/. Add it.")
    rest = _PLACEHOLDER.sub("", text)
    if not _DIAL.fullmatch(text) or "{" in rest or "}" in rest:
        raise fault(
            "A dial string may hold letters, digits, . _ / @ : + - and the words {number} and {digits} only. "
            "Take other characters and spaces away."
        )
    if not 1 <= len(_PLACEHOLDER.findall(text)) <= 2:
        raise fault(
            "A dial string says where the number called goes: write {number} (with the plus sign) or "
            "{digits} (without it) in it once."
        )
    if len(text) > MAX_DIAL:
        raise fault("This dial string is longer than 120 characters. Shorten it.")
    return text


def _extensions(text: str) -> str:
    try:
        parse_range(text)
    except ValueError as error:
        raise fault(str(error)) from None
    return text


def split_mailbox(text: str) -> tuple[str, str]:
    """Return the number or range of a mailbox and its context.

    Raises:
        ValueError: with a sentence for the admin.
    """
    match = _MAILBOX.fullmatch(text)
    if not match:
        raise ValueError('Write a mailbox as "200@default" or several as "200-219@default".')
    parse_range(match[1])
    return match[1], match[2]


def _mailbox(text: str) -> str:
    try:
        split_mailbox(text)
    except ValueError as error:
        raise fault(str(error)) from None
    return text


def _ring(text: str) -> str:
    if not _RING.fullmatch(text):
        raise fault(
            'Write where calls go on in your dialplan as context,extension,priority: "hotline-ring,s,1".'
        )
    return text


def _purpose(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise fault("Write why this line's records exist, in a sentence. Funders and courts may ask.")
    if len(text) > 1000:
        raise fault("This purpose is longer than 1000 characters. Shorten it.")
    return text


def _days(value: object) -> object:
    if value is None or isinstance(value, dict | list):
        return value
    match = _DAYS.fullmatch(value) if isinstance(value, str) else None
    if not match or int(match[1]) > MAX_DAYS:
        raise fault("Write a number of days from 1 to 3650 and the letter d, as 90d.")
    return value


def _match(text: str) -> str:
    match = _MATCH.fullmatch(text)
    if not match:
        raise fault('Write a pattern as + and the first digits of the numbers, then *: "+1800*".')
    digits = match[1]
    if len(digits) < 3:
        raise fault(
            "This pattern is too wide: it needs at least 3 digits. Use a line's outbound for a rule so wide."
        )
    if len(digits) > 15:
        raise fault("This pattern is longer than any telephone number. Shorten it.")
    return text


def may_be_a_persons(match: str) -> bool:
    """Return whether a destination's pattern is no more of a pattern than somebody's number itself."""
    digits = match.removeprefix("+").removesuffix("*")
    # Twelve digits and a star fit a whole number, too.
    return len(digits) >= 10 and (not match.endswith("*") or is_possible(f"+{digits}"))


def _word(known: tuple[str, ...]) -> BeforeValidator:
    """Return a check for one of a few words, from the least that it keeps to the most."""

    def check(value: object) -> object:
        if isinstance(value, str | bool | int) and value not in known:
            raise fault(f"Write one of {', '.join(known)}. The first keeps least.")
        return value

    return BeforeValidator(check)


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise fault('Write the country as two capital letters, as "US".')
    return text


def _checked(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(check)


KeyText = Annotated[str, _checked(_key)]
PhoneNumber = Annotated[str, _checked(_phone_number)]
DisplayName = Annotated[str, _checked(_name)]
DigitText = Annotated[str, _checked(_digit)]
ReasonText = Annotated[str, _checked(_reason)]
OrganisationText = Annotated[str, _checked(_organisation)]
SubstituteCodeText = Annotated[str, _checked(_substitute_code)]
RejectionText = Annotated[str, _checked(_rejection)]
DialText = Annotated[str, _checked(_dial)]
ExtensionsText = Annotated[str, _checked(_extensions)]
MailboxText = Annotated[str, _checked(_mailbox)]
RingText = Annotated[str, _checked(_ring)]
PurposeText = Annotated[str, _checked(_purpose)]
DaysText = Annotated[str, BeforeValidator(_days)]
MatchText = Annotated[str, _checked(_match)]
PartyText = Annotated[PartyKept, _word(PARTY_KEPT)]
TimeText = Annotated[Time, _word(TIMES)]
DurationText = Annotated[Duration, _word(DURATIONS)]
CountryText = Annotated[str, _checked(_country)]
