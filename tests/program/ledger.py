"""What Asterisk finished and what Callveil stored, call by call, each read without asking the other."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from callveil.record import record_key

from program.site import Site

CDR_CUSTOM: Final = "/etc/asterisk/cdr_custom.conf"
LEDGER: Final = "/var/log/asterisk/cdr-custom/ledger.csv"

OVERLAY: Final = {
    CDR_CUSTOM: '#tryinclude "callveil/cdr_custom.conf"\n[mappings](+)\nledger.csv => ${CDR(veil_id)}\n'
}
"""Makes Asterisk keep a file of its own with the id of each call.

Its line is written after the journal's: a call that stands here stands in the journal, and one whose record
was being written when Asterisk was killed may stand in the journal alone.
"""

_ROWS: Final = (
    "import json, sqlite3\n"
    "store = sqlite3.connect('file:/var/lib/callveil/records.sqlite3?mode=ro', uri=True, timeout=20)\n"
    "rows = store.execute('SELECT hex(key), direction, decision, disposition FROM records')\n"
    "print(json.dumps(rows.fetchall()))\n"
)


class Row(NamedTuple):
    """What of a record tells the calls of a test apart."""

    key: str
    direction: str
    decision: str
    disposition: str


def finished(site: Site) -> set[str]:
    """The keys of all calls of which Asterisk wrote a record to its end."""
    try:
        text = site.pbx.read(LEDGER)
    except FileNotFoundError:
        return set()
    # Whatever follows the last line end was not written to its end.
    ids = {line for line in text.split("\n")[:-1] if line}
    return {record_key(call_id).hex().upper() for call_id in ids}


def stored(site: Site) -> list[Row]:
    """All records in the store, read from its file without Callveil."""
    said = site.pbx.callveil.exec(["python3", "-c", _ROWS], user="asterisk").stdout
    return [Row(*row) for row in json.loads(said)]
