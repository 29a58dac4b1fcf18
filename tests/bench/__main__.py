"""`make bench`: prints each figure with its baseline."""

from __future__ import annotations

from bench.decision import measure

if __name__ == "__main__":
    for line in measure():
        print(line, flush=True)
