"""The SQLite store does what every store has to."""

from __future__ import annotations

from pathlib import Path

import pytest
from callveil.store.place import Place
from unit.store_suite import StoreSuite


class TestSqlite(StoreSuite):
    """A file, small or one that is too large to be written anew as a whole each time."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return tmp_path / "records.sqlite3"

    @pytest.fixture(params=["small", "large"])
    def size(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        if request.param == "large":
            monkeypatch.setattr("callveil.store.sqlite.SMALL_PAGES", 0)
        return str(request.param)
