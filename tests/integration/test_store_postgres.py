"""The PostgreSQL store on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from callveil.store.place import Place, PostgresUrl
from harness.databases import Postgres, start_postgres
from unit.store_suite import StoreSuite

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def server(images: None) -> Iterator[Postgres]:
    with start_postgres() as started:
        yield started


class TestPostgres(StoreSuite):
    """A table, small or one that is too large to be written anew as a whole each time."""

    @pytest.fixture
    def place(self, server: Postgres) -> Place:
        return PostgresUrl(server.url(server.new_database()))

    @pytest.fixture(params=["small", "large"])
    def size(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        if request.param == "large":
            monkeypatch.setattr("callveil.store.postgres.SMALL_BYTES", -1)
        return str(request.param)
