"""Every channel variable and CDR variable that Callveil uses, named once.

The dialplan snippets use the same names; a test keeps the two the same. A leading underscore pair in the
dialplan (``__VEIL_DIAL``) makes Asterisk pass a variable on to the channels that a channel creates.
"""

from __future__ import annotations

from typing import Final

# Set by an admin, where the telephone's caller ID number is not its extension.
EXTENSION: Final = "VEIL_EXTENSION"

# Set by the dialplan before it asks.
ID: Final = "VEIL_ID"  # random, ties a call to its answer and its record
FROM: Final = "VEIL_FROM"  # the extension that dials
CALLER: Final = "VEIL_CALLER"  # an incoming caller's number, set aside in memory (never on a flagged line)
LINE: Final = "VEIL_LINE"
RING: Final = "VEIL_RING"  # where an incoming call goes on

# Set by Callveil: the whole decision in one variable, see answer.py.
ANSWER: Final = "VEIL_ANSWER"

# Unpacked by the dialplan.
DECISION: Final = "VEIL_DECISION"
PRESENTATION: Final = "VEIL_PRES"
NUMBER: Final = "VEIL_NUMBER"  # the caller ID number put on the call
NAME: Final = "VEIL_NAME"
PROMPT: Final = "VEIL_PROMPT"
CONFIRM: Final = "VEIL_CONFIRM"  # the sound that asks staff to press 1 first
PARTY: Final = "VEIL_PARTY"  # what the record keeps of the other party
AGAIN: Final = "VEIL_AGAIN"  # the sound that offers to call again, shown, after a rejection
DIALS: Final = "VEIL_DIALS"  # the trunks' dial strings

# CDR variables, the only ones that the journal and the AMI event carry.
CDR_ID: Final = "veil_id"
CDR_LINE: Final = "veil_line"
CDR_DIRECTION: Final = "veil_direction"
CDR_DECISION: Final = "veil_decision"
CDR_PARTY: Final = "veil_party"  # what the line keeps of the other party, see callveil.party
CDR_TIME: Final = "veil_time"  # how fine the line keeps times and durations, see callveil.coarse
CDR_DURATION: Final = "veil_duration"
