"""What Callveil says and remembers from a moment on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from harness.pbx import wait_for

from program.site import Site

SETTINGS_FILE: Final = "/etc/callveil/settings.yaml"


class Remembered(NamedTuple):
    """A record without its day; `spoken` is left out where it depends on how busy the machine is."""

    line: str
    direction: str
    decision: str
    disposition: str
    spoken: str = ""


class Watch:
    """The records and the log of a site, without those that were there when this was made.

    Args:
        site: all calls until now have their records.
        durations: whether records are told with their rough durations.
    """

    def __init__(self, site: Site, *, durations: bool = False) -> None:
        self._site = site
        self._fields = Remembered._fields if durations else Remembered._fields[:-1]
        self._before = Counter(self._tell(site.records_now()))
        self._log = len(site.log())

    def _tell(self, records: Sequence[dict[str, Any]]) -> list[Remembered]:
        return [Remembered(*(str(one[field]) for field in self._fields)) for one in records]

    def said(self) -> str:
        """What the daemon said since."""
        return self._site.log()[self._log :]

    def wait_said(self, text: str, timeout: float = 15) -> None:
        """Wait until the daemon has said something."""
        wait_for(f'Callveil to say "{text}"', lambda: text in self.said(), timeout)

    def records(self, of: Sequence[dict[str, Any]] | None = None) -> list[Remembered]:
        """The new ones among these records, or among all, sorted."""
        every = self._tell(self._site.records_now() if of is None else of)
        return sorted((Counter(every) - self._before).elements())

    def expect(self, *records: Remembered, timeout: float = 15) -> None:
        """Wait until exactly these records are new; none comes twice by then, but one still may."""
        wanted, found = sorted(records), self.records()
        deadline = time.monotonic() + timeout
        while found != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
            found = self.records()
        assert found == wanted, differences(found, wanted)

    def expect_in_the_end(self, *records: Remembered, timeout: float = 15) -> None:
        """Wait for exactly these, and then until nothing is left that could make another."""
        # Asterisk writes a record a moment after the channel is gone: an empty journal alone proves nothing.
        self.expect(*records, timeout=timeout)
        found = self.records(self._site.records_settled())
        assert found == sorted(records), differences(found, records)


def differences(found: Sequence[Remembered], wanted: Sequence[Remembered]) -> str:
    """What a failed test shows of records."""
    less, more = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    return f"missing: {list(less.elements())}; too many: {list(more.elements())}"


def restart(site: Site, *, settings: str | None = None) -> None:
    """End the daemon, if it runs, start it, perhaps with other settings, and wait for its FastAGI."""
    if site.processes():
        site.stop()
    if settings is not None:
        site.pbx.callveil.write(SETTINGS_FILE, settings, 0o640, "asterisk:asterisk")
    before = len(site.log())
    site.serve()
    wait_for("the FastAGI server", lambda: "Listening for calls" in site.log()[before:], 20)
