"""Which settings of a PJSIP trunk tell a far end who calls although the call is hidden.

Pure: settings as Asterisk tells them go in, and words about them come out. No word repeats a setting's value,
which may be a phone number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from callveil.trunk_state import FROM_USER

NEUTRAL_USERS: Final = frozenset(
    {"", "anonymous", "asterisk", "private", "restricted", "unavailable", "unknown", "withheld"}
)
"""Words that name nobody, in small letters."""

SHARED_USER: Final = "default_from_user"
"""The one fault that a file tells and not the endpoint in force."""

NEUTRAL_HOST: Final = "anonymous.invalid"
NEUTRAL_OWNERS: Final = NEUTRAL_USERS | {"-"}
NEUTRAL_SESSIONS: Final = NEUTRAL_OWNERS | {"asterisk pbx", "session", "sip call"}

_NOTHING: Final = frozenset({"", "<unknown>", "<none>", "(null)"})
_OFF: Final = frozenset({"", "no", "false", "off", "0"})
_WRITES_HEADER: Final = re.compile(
    r"(?<![A-Z_])(PJSIP_HEADER|_{0,2}SIPREFERREDBYHDR)(?![A-Z_])", re.IGNORECASE
)
_WRITES_IDENTITY: Final = re.compile(r"(?<![A-Z_])(CALLERID|CONNECTEDLINE|REDIRECTING)\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting that defeats hiding, or that could.

    Attributes:
        name: what it is called in files and for other programs; one of `FAULTS` or `RISKS`.
        text: what it does, as the end of a sentence.
        cure: what closes it.
    """

    name: str
    text: str
    cure: str


def _taken_out(name: str, text: str) -> Fault:
    return Fault(name, text, f"Take {name} out of pjsip.conf.")


_ALL_FAULTS: Final = (
    _taken_out(
        FROM_USER,
        "from_user is set, which Asterisk sends even when the number is hidden, and in place of any number "
        "that is shown: shown calls do not use this trunk either",
    ),
    _taken_out("contact_user", "contact_user is set, which Asterisk sends even when the number is hidden"),
    Fault(
        "from_domain",
        "from_domain is set, which Asterisk sends even when the number is hidden",
        "Take from_domain out of pjsip.conf. If it is only the carrier's own name, say so in "
        "trusted_to_hide.",
    ),
    Fault(
        SHARED_USER,
        "default_from_user is set in [global], which Asterisk sends even when the number is hidden",
        "Take default_from_user out of pjsip.conf, or give the trunk contact_user=anonymous.",
    ),
    Fault(
        "trust_id_outbound",
        "trust_id_outbound is on together with send_pai or send_rpid, so the carrier is sent the number "
        "beneath",
        "Set trust_id_outbound=no in pjsip.conf. If the carrier asks for the number and promises to keep it "
        "hidden, say so in trusted_to_hide.",
    ),
    Fault(
        "stir_shaken",
        "trust_id_outbound is on together with STIR/SHAKEN, so the number beneath is signed and sent along",
        "Set trust_id_outbound=no in pjsip.conf, or take STIR/SHAKEN off this trunk.",
    ),
    Fault(
        "set_var",
        "set_var writes a SIP header, which goes out with hidden calls too",
        "Take that set_var out of pjsip.conf. If the header tells nothing about the program, say so in "
        "trusted_to_hide.",
    ),
    Fault(
        "geoloc_outgoing_call_profile",
        "geoloc_outgoing_call_profile is set, so every call tells where the program is",
        "Take geoloc_outgoing_call_profile off this trunk, and use a trunk of its own for emergency calls "
        "that need it.",
    ),
    _taken_out("sdp_owner", "sdp_owner is set, which Asterisk sends with every call, hidden ones too"),
    _taken_out("sdp_session", "sdp_session is set, which Asterisk sends with every call, hidden ones too"),
)

_ALL_RISKS: Final = (
    Fault(
        "direct_media",
        "direct_media is on: the far end may learn the telephone's network address",
        "Set direct_media=no in pjsip.conf, for telephones too.",
    ),
    Fault(
        "send_diversion",
        "send_diversion or send_history_info is on: a forwarded call that does not go through Callveil tells "
        "for whom it was",
        "Set send_diversion=no and send_history_info=no in pjsip.conf.",
    ),
    Fault(
        "send_connected_line",
        "send_connected_line is on together with send_pai or send_rpid: when a call that does not go through "
        "Callveil is transferred, the far end is told who speaks next",
        "Set send_connected_line=no in pjsip.conf.",
    ),
    Fault(
        "callerid",
        "callerid or a set_var about the caller is set, which is not sent with Callveil's calls",
        "Take it out of pjsip.conf.",
    ),
    Fault(
        "user_agent",
        "user_agent is set in [global]: it goes out with every call and should not name the program",
        "Take user_agent out of pjsip.conf, or write something that many telephones have.",
    ),
    Fault(
        "global",
        "Callveil could not see the [global] settings of pjsip.conf",
        "Make sure yourself that default_from_user and user_agent there do not name the program.",
    ),
)

FAULTS: Final = {fault.name: fault for fault in _ALL_FAULTS}
RISKS: Final = {risk.name: risk for risk in _ALL_RISKS}


def endpoint_of(dial: str) -> str | None:
    """Return which PJSIP endpoint a trunk's dial string dials; None where it is no PJSIP trunk.

    Args:
        dial: as ``PJSIP/{number}@carrier`` or ``PJSIP/carrier/sip:{number}@host``.
    """
    technology, _, rest = dial.partition("/")
    if technology != "PJSIP":
        return None
    first = rest.partition("/")[0]
    return first.partition("@")[2] if "@" in first else first


def find_faults(endpoint: Mapping[str, str], shared: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of what defeats hiding on an endpoint; empty where a hidden call stays hidden.

    What is not told counts as not set, as Asterisk leaves out what was never written.

    Args:
        endpoint: fields of AMI's ``EndpointDetail``, by name in any case.
        shared: settings of the ``[global]`` section, by name in small letters.
    """
    told = {name.lower(): value.strip() for name, value in endpoint.items()}

    def word(field: str) -> str:
        return told.get(field, "").lower()

    def is_on(field: str) -> bool:
        return word(field) not in _OFF

    from_user, contact_user = word("fromuser"), word("contactuser")
    default_user = shared.get(SHARED_USER, "").strip().lower()
    trusts = is_on("trustidoutbound")
    found = {
        FROM_USER: from_user not in NEUTRAL_USERS,
        "contact_user": contact_user not in NEUTRAL_USERS,
        "from_domain": word("fromdomain") not in ("", NEUTRAL_HOST),
        # It stands in Contact where neither of the trunk's own does.
        SHARED_USER: not from_user and not contact_user and default_user not in NEUTRAL_USERS,
        "trust_id_outbound": trusts and (is_on("sendpai") or is_on("sendrpid")),
        "stir_shaken": trusts and (is_on("stirshaken") or word("stirshakenprofile") not in _NOTHING),
        "set_var": bool(_WRITES_HEADER.search(told.get("setvar", ""))),
        "geoloc_outgoing_call_profile": word("geolocoutgoingcallprofile") not in _NOTHING,
        "sdp_owner": word("sdpowner") not in NEUTRAL_OWNERS,
        "sdp_session": word("sdpsession") not in NEUTRAL_SESSIONS,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def find_risks(endpoint: Mapping[str, str], shared: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return the names of what is worth a look on an endpoint, though Callveil's hidden calls stay hidden.

    Args:
        endpoint: as for `find_faults`.
        shared: as for `find_faults`; None where these settings could not be seen.
    """
    told = {name.lower(): value.strip() for name, value in endpoint.items()}

    def is_on(field: str) -> bool:
        return told.get(field, "").lower() not in _OFF

    found = {
        "direct_media": is_on("directmedia"),
        "send_diversion": is_on("senddiversion") or is_on("sendhistoryinfo"),
        "send_connected_line": is_on("sendconnectedline") and (is_on("sendpai") or is_on("sendrpid")),
        "callerid": told.get("callerid", "").lower() not in _NOTHING
        or bool(_WRITES_IDENTITY.search(told.get("setvar", ""))),
        "user_agent": bool(shared) and not _is_common_agent((shared or {}).get("user_agent", "")),
        "global": shared is None,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _is_common_agent(text: str) -> bool:
    return not text.strip() or text.lower().startswith(("asterisk", "fpbx", "freepbx", "issabel"))
