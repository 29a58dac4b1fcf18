"""`make bench`: prints each figure with its baseline and its goal."""

from __future__ import annotations

import sys

from bench import backlog, calls, decision, million, records, spawned, written

PARTS = {
    "decision": decision.measure,
    "spawned": spawned.measure,
    "calls": calls.measure,
    "records": records.measure,
    "backlog": backlog.measure,
    "written": written.measure,
    "million": million.measure,
}


def main(names: list[str]) -> None:
    """Measure the parts of these names, or all of them."""
    for name in names or list(PARTS):
        for figure in PARTS[name]():
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
