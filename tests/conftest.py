"""The order of files: when several run at once, those that take longest begin first."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

LONG: Final = (
    "test_every_kind_of_call",
    "test_trunks_that_defeat_hiding",
    "test_kill_everything",
    "test_ways_out",
    "test_records",
    "test_harness",
    "test_store_faults_live",
    "test_history",
    "test_hostile_callers",
    "test_hostile_dialling",
    "test_hostile_rejections",
    "test_hostile_transfers",
    "test_rejection",
    "test_explain_agrees",
    "test_own_dialplan",
    "test_shared_store",
    "test_calls",
    "test_confirmation",
    "test_what_is_kept",
    "test_queues",
    "test_report_suppression",
    "test_store_postgres",
)
"""Files that take more than half a minute, from the longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(Path(item.path).stem, len(LONG)))
