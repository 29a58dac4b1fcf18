"""What Asterisk says of a channel that had been answered before is not said of the call."""

from __future__ import annotations

import pytest
from callveil.record import DISPOSITIONS
from callveil_ami.fields import FIELDS, make_record

GIVEN = {
    "id": "123456789-123456789-123456789-123456789",
    "sequence": "7",
    "line": "hotline",
    "direction": "out",
    "decision": "hide",
    "began": "2026-10-05",
    "spoken": "1-4min",
    "disposition": "ANSWERED",
    "party": "",
}


def made(**changed: str) -> tuple[str, str]:
    """Disposition and spoken of a record."""
    values = GIVEN | changed
    record = make_record(tuple(values[field] for field in FIELDS))
    return record.disposition, record.spoken


@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_a_refused_call_was_not_made(disposition: str) -> None:
    assert made(decision="refuse", disposition=disposition) == ("NO ANSWER", "0")


@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_ringing_is_not_speech(disposition: str) -> None:
    spoken = "1-4min" if disposition == "ANSWERED" else "0"
    assert made(disposition=disposition) == (disposition, spoken)
