"""Opens the store that the settings name."""

from __future__ import annotations

from callveil.store.interface import Store
from callveil.store.place import Place, PostgresUrl


async def open_store(where: Place, *, read_only: bool = False, guarded: bool = False) -> Store:
    """Open a store, and create it unless it is only to be read.

    Args:
        where: a file, or a database of a PostgreSQL server.
        read_only: never write or create anything that the records are in.
        guarded: look through a file first, and at each write whether it is in its place; see
            `callveil.store.guarded`.

    Raises:
        StoreError: it cannot be opened, or it holds something else.
    """
    if isinstance(where, PostgresUrl):
        from callveil.store.postgres import PostgresStore  # noqa: PLC0415 - few have it, and it is slow to load

        return await PostgresStore.open(where, read_only=read_only)
    if guarded:
        from callveil.store.guarded import GuardedStore  # noqa: PLC0415

        return await GuardedStore.open(where, read_only=read_only)
    from callveil.store.sqlite import SqliteStore  # noqa: PLC0415

    return await SqliteStore.open(where, read_only=read_only)
