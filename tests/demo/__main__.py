"""Places the same calls through the same Asterisk, without Callveil and with it, and compares."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from harness.daemon import HarnessError
from harness.pbx import Pbx, ready
from program.calls import Day, place_all
from program.site import Site

from demo.story import HEADINGS, WIDTHS, faults, rows
from demo.table import render


def without_callveil() -> tuple[Day, str]:
    """Return the calls of a plain PBX, and the mail about the hotline's message."""
    with Pbx.start("22", "plain") as pbx:
        return place_all(pbx), pbx.read("/var/mail/hotline")


def with_callveil() -> tuple[Day, str, list[dict[str, Any]], str, str]:
    """Return the same with Callveil, its records, and the transcriber's log."""
    with Site.start("22") as site:
        day = place_all(site.pbx)
        records = site.records()
        table = site.pbx.callveil.exec(["callveil", "records"], user="asterisk").stdout
        return (
            day,
            site.pbx.read("/var/mail/hotline"),
            records,
            table,
            site.pbx.read("/var/log/transcriber.log"),
        )


def main() -> int:
    """Run the demo; return 0 if all was as the policy promises, 1 if not, 3 if it could not be run."""
    began = time.monotonic()
    try:
        ready()
        print(
            "Real calls through Asterisk 22, twice: without Callveil and with it. About a minute.", flush=True
        )
        with ThreadPoolExecutor(2) as pool:
            plain, veiled = pool.submit(without_callveil), pool.submit(with_callveil)
            before, mail_before = plain.result()
            after, mail_after, records, table, transcribed = veiled.result()
    except HarnessError as problem:
        print(f"Could not check: {problem}", file=sys.stderr)
        return 3
    found = faults(after, before, records)
    if "Transcript:" not in mail_before:
        found.append("without Callveil the hotline's message should have been transcribed")
    if "Transcript:" in mail_after or "audio" in mail_after or "hotline" in transcribed:
        found.append("the hotline's message left the mailbox")
    print()
    print(render(HEADINGS, rows(before, after), WIDTHS))
    print("\nThe hotline's voicemail. Without Callveil it was mailed with the recording and this transcript:")
    print(f"    {_transcript(mail_before)}")
    print("With Callveil the mail says, whole:")
    print(f"    {mail_after.strip().splitlines()[-1]}")
    print("\nWhat is recorded of these calls (callveil records):\n")
    print("\n".join(f"    {line}" for line in table.rstrip().splitlines()))
    places = sum(len(one.places) for one in after.outcomes.values()) + len(after.name_places)
    leaked = sum(len(one.places) for one in before.outcomes.values()) + len(before.name_places)
    print("\nPlaces on the disk that hold a survivor's number or name:", end=" ")
    print(f"{leaked} without Callveil, {places} with it.")
    print(f"({time.monotonic() - began:.0f} s)")
    for fault in found:
        print(f"NOT AS PROMISED: {fault}", file=sys.stderr)
    return 1 if found else 0


def _transcript(mail: str) -> str:
    return next((line for line in mail.splitlines() if line.startswith("Transcript:")), "(none)")


if __name__ == "__main__":
    sys.exit(main())
