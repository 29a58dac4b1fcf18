"""The PostgreSQL store on a real server."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import pairwise

import pytest
from callveil.record import Record
from callveil.store.interface import Cutoffs, Hold, StoreError
from callveil.store.opening import open_store
from callveil.store.place import Place, PostgresUrl
from callveil.store.postgres import PostgresStore
from harness.databases import Postgres, start_postgres
from unit.store_suite import StoreSuite, call, everything, in_order

pytestmark = pytest.mark.asterisk

TODAY = date(2026, 9, 9)
OVER = Cutoffs(others=TODAY - timedelta(days=35))


@pytest.fixture(scope="module")
def server(images: None) -> Iterator[Postgres]:
    # It never loses power, so it need not wait for its disk.
    with start_postgres("-c", "fsync=off") as started:
        yield started


@pytest.fixture(scope="module")
def database(server: Postgres) -> str:
    return server.new_database()


class TestPostgres(StoreSuite):
    """A table, small or one that is too large to be written anew as a whole each time."""

    @pytest.fixture
    def place(self, server: Postgres, database: str) -> Place:
        server.sql("DROP SCHEMA IF EXISTS callveil CASCADE", database=database)
        return PostgresUrl(server.url(database))

    @pytest.fixture(params=["small", "large"])
    def size(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        if request.param == "large":
            monkeypatch.setattr("callveil.store.postgres.SMALL_BYTES", -1)
        return str(request.param)


@asynccontextmanager
async def opened(server: Postgres, database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(PostgresUrl(server.url(database)))
    try:
        yield store
    finally:
        await store.close()


def rows_of_today(server: Postgres, database: str) -> list[tuple[bytes, str]]:
    """Keys of today's rows in the order in which they stand in the table, each with what wrote it."""
    said = server.sql(
        f"SELECT encode(key, 'hex'), xmin FROM callveil.records WHERE day = '{TODAY}' ORDER BY ctid",  # noqa: S608
        database=database,
    )
    return [(bytes.fromhex(key), wrote) for key, wrote in (line.split("\t") for line in said.splitlines())]


@pytest.mark.parametrize("size", ["small", "large"])
async def test_rows_tell_the_order_until_they_are_settled(
    server: Postgres, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    database = server.new_database()
    async with opened(server, database) as store:
        await store.add(
            call(5000 + number, day=TODAY - timedelta(days=number % 9 + 1)) for number in range(400)
        )
        await store.settle()
        if size == "large":
            monkeypatch.setattr("callveil.store.postgres.SMALL_BYTES", -1)
        today = [call(number, day=TODAY) for number in range(300)]
        random.Random(1).shuffle(today)  # noqa: S311
        for start in range(0, 300, 10):
            await store.add(today[start : start + 10])
        rows = rows_of_today(server, database)
        # The control: both tell.
        assert [key for key, _ in rows] == [one.key for one in today]
        assert len({wrote for _, wrote in rows}) == 30
        await store.settle()
        rows = rows_of_today(server, database)
        keys = [key for key, _ in rows]
        if size == "small":
            assert keys == sorted(keys)
        else:
            # Rows of other days leave room that is filled first: two stretches at most, each in key order.
            assert sum(one > other for one, other in pairwise(keys)) <= 1
        assert len({wrote for _, wrote in rows}) == 1
        assert len(keys) == 300


def left_of(server: Postgres, database: str, wanted: list[bytes]) -> int:
    """How many of these stand in any file of a database, as the server has written them to its disk."""
    server.sql("CHECKPOINT")
    number = server.sql("SELECT oid FROM pg_database WHERE datname = current_database()", database=database)
    program = (
        "import glob, sys\n"
        "wanted = [bytes.fromhex(line) for line in sys.stdin.read().split()]\n"
        "data = b''.join(open(path, 'rb').read() for path in glob.glob(sys.argv[1] + '/*'))\n"
        "print(sum(one in data for one in wanted))\n"
    )
    folder = f"/var/lib/records/base/{number.strip()}"
    feed = "\n".join(one.hex() for one in wanted)
    return int(server.container.exec(["python3", "-c", program, folder], input=feed).stdout)


def secrets_of(records: list[Record]) -> list[bytes]:
    return [one.key for one in records] + [one.party.encode() for one in records]


async def test_nothing_is_left_in_the_tables_of_what_was_purged(server: Postgres) -> None:
    database = server.new_database()
    async with opened(server, database) as store:
        old = [
            call(number, day=TODAY - timedelta(days=40 + number % 9), party=f"+12{number:04}5550142")
            for number in range(300)
        ]
        new = [call(2000 + number, day=TODAY - timedelta(days=number % 30)) for number in range(300)]
        mixed = [*old, *new]
        random.Random(2).shuffle(mixed)  # noqa: S311
        for start in range(0, len(mixed), 100):
            await store.add(mixed[start : start + 100])
        # Statistics are where a server keeps samples of values.
        server.sql("ANALYZE callveil.records", database=database)
        assert left_of(server, database, secrets_of(old)) == 600
        while await store.purge(OVER):
            pass
        # The control: deleting, and an ordinary vacuum, leave the bytes where they are.
        server.sql("VACUUM callveil.records", database=database)
        assert left_of(server, database, secrets_of(old)) > 300
        await store.settle()
        assert left_of(server, database, secrets_of(old)) == 0
        assert left_of(server, database, [one.key for one in new]) == 300
        assert await everything(store) == in_order(new)


async def test_an_older_look_keeps_nothing_back(server: Postgres) -> None:
    """A transaction elsewhere that began before the purge does not make the server keep what was purged."""
    import asyncpg

    database = server.new_database()
    async with opened(server, database) as store:
        old = [call(number, day=TODAY - timedelta(days=50), party="+12065550142") for number in range(50)]
        await store.add(old)
        other = await asyncpg.connect(server.url(database))
        async with other.transaction(isolation="repeatable_read"):
            await other.fetchval("SELECT 1")
            assert await store.purge(OVER) == 50
            await store.settle()
            assert left_of(server, database, secrets_of(old)) == 0
        await other.close()


async def test_what_is_wrong_is_said_without_the_password(server: Postgres) -> None:
    password = "correct-horse"
    database = server.new_database("secretive", password)

    async def fails(url: str) -> str:
        with pytest.raises(StoreError) as caught:
            await open_store(PostgresUrl(url))
        return str(caught.value)

    said = {
        "wrong password": await fails(server.url(database, "secretive:wrong-horse")),
        "no database": await fails(server.url("none")),
        "no server": await fails(f"postgresql:///{database}?host=/nowhere"),
        "foreign database": await fails(server.url(database, "stranger")),
        "bad address": await fails("postgresql://callveil:correct-horse@/calls?host=/x&port=none"),
    }
    assert "refuses this user, or the password" in said["wrong password"]
    assert "no such database" in said["no database"]
    assert "cannot be reached" in said["no server"]
    assert "refuses this user" in said["foreign database"]
    assert "cannot be used" in said["bad address"]
    assert not [text for text in said.values() if "horse" in text]
    store = await open_store(PostgresUrl(server.url(database, f"secretive:{password}")))
    assert await store.add([call(1)]) == 1
    await store.close()


async def test_a_user_who_may_only_read(server: Postgres) -> None:
    database = server.new_database()
    server.sql("DROP ROLE IF EXISTS board; CREATE ROLE board LOGIN")
    async with opened(server, database) as store:
        await store.add([call(1)])
        # As docs/stores.md says: also for tables that come later.
        server.sql(
            "GRANT USAGE ON SCHEMA callveil TO board; GRANT SELECT ON ALL TABLES IN SCHEMA callveil TO board;"
            " ALTER DEFAULT PRIVILEGES FOR ROLE callveil IN SCHEMA callveil GRANT SELECT ON TABLES TO board",
            database=database,
        )
        await store.add([call(2)])
        await store.settle()
        board = await open_store(PostgresUrl(server.url(database, "board")), read_only=True)
        assert len(await everything(board)) == 2
        await board.close()
        writer = await open_store(PostgresUrl(server.url(database, "board")))
        with pytest.raises(StoreError, match="may not do that"):
            await writer.hold(Hold("desk", TODAY, "no"))
        await writer.close()


async def test_a_view_that_keeps_it_from_being_settled_is_said(server: Postgres) -> None:
    database = server.new_database()
    async with opened(server, database) as store:
        await store.add([call(1)])
        server.sql("CREATE VIEW seen AS SELECT line FROM callveil.records", database=database)
        with pytest.raises(StoreError, match="view or table depends"):
            await store.settle()
        assert await store.add([call(2)]) == 1
        server.sql("DROP VIEW seen", database=database)
        await store.settle()
        assert len(await everything(store)) == 2


async def test_a_newer_layout_is_refused(server: Postgres) -> None:
    database = server.new_database()
    async with opened(server, database):
        pass
    server.sql("UPDATE callveil.layout SET version = 99", database=database)
    for read_only in (False, True):
        with pytest.raises(StoreError, match="install the newer version"):
            await open_store(PostgresUrl(server.url(database)), read_only=read_only)


async def test_a_connection_that_is_lost_is_said_and_a_new_one_works(server: Postgres) -> None:
    database = server.new_database()
    async with opened(server, database) as store:
        await store.add([call(1)])
        server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'callveil'"
        )
        with pytest.raises(StoreError):
            await store.add([call(2)])
        with pytest.raises(StoreError):
            await store.add([call(2)])
    async with opened(server, database) as store:
        assert await store.add([call(2)]) == 1


async def test_somebody_who_is_frozen_does_not_keep_others_from_writing(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callveil.store.postgres_server.IDLE_SECONDS", 1)
    database = server.new_database()
    async with opened(server, database) as frozen, opened(server, database) as store:
        entered = asyncio.Event()

        async def wait() -> None:
            entered.set()
            await asyncio.sleep(3)

        stuck = asyncio.create_task(frozen._write(wait))
        await entered.wait()
        assert await store.add([call(1)]) == 1
        with pytest.raises(StoreError):
            await stuck


async def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreError, match="a library that is not installed"):
        await open_store(PostgresUrl("postgresql:///callveil"))
