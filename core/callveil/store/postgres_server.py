"""The connection to a PostgreSQL server, and what is said of its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from callveil.store.interface import StoreError
from callveil.store.place import PostgresUrl

if TYPE_CHECKING:
    import asyncpg

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0
LOCK_SECONDS: Final = 5.0
"""How long a statement waits for another program that writes."""

IDLE_SECONDS: Final = 15.0
"""After how long the server ends a transaction of a program that is frozen, so that others can write."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_STATES: Final = {
    "3D000": "the server has no such database; make it as docs/stores.md says",
    "42501": "this user may not do that; the database has to belong to it, see docs/stores.md",
    "2BP01": "somebody else's view or table depends on the table of records; take that away",
    "25006": "the server takes no changes; it may be a copy of another one",
    "53100": "the server's disk is full",
    "53300": "the server has too many connections",
    "55P03": "another program has held it for too long",
}
_CLASSES: Final = {
    "08": "the connection was lost",
    "28": "the server refuses this user, or the password",
    "53": "the server is out of memory or disk",
    "57": "the server is stopping or starting, or ended the connection",
    "58": "the server cannot read or write its disk",
    "XX": "the server says that its data are damaged",
}


def explain(where: PostgresUrl, error: BaseException) -> StoreError:
    """Return a plain error. What the server said is not in it: that could quote a row, or the password."""
    state = str(getattr(error, "sqlstate", "") or "")
    kind = type(error).__name__
    said = _STATES.get(state) or _CLASSES.get(state[:2])
    if said is None and isinstance(error, TimeoutError):
        said = "the server does not answer"
    elif said is None and isinstance(error, OSError):
        said = f"the server cannot be reached ({error.strerror or kind})"
    elif said is None and kind == "InterfaceError":
        said = "the connection is closed"
    elif said is None and kind in ("ClientConfigurationError", "ValueError"):
        said = "the address in the settings cannot be used"
    return StoreError(f"The record store ({where}): {said or f'PostgreSQL failed ({kind} {state})'}.")


def errors() -> tuple[type[Exception], ...]:
    """Return what a connection raises when something is wrong.

    Raises:
        StoreError: the library is not installed.
    """
    library = _library()
    return (library.PostgresError, library.InterfaceError, OSError, TimeoutError, ValueError)


async def connect(where: PostgresUrl, *, read_only: bool) -> asyncpg.Connection[Any]:
    """Connect.

    Raises:
        StoreError: it cannot be done; says why.
    """
    library = _library()
    options = {
        "application_name": "callveil",
        "lock_timeout": str(int(LOCK_SECONDS * 1000)),
        "idle_in_transaction_session_timeout": str(int(IDLE_SECONDS * 1000)),
        "default_transaction_read_only": "on" if read_only else "off",
        # A plan that was made while the table was empty would read all of a large one for each look-up.
        "plan_cache_mode": "force_custom_plan",
    }
    try:
        return await library.connect(
            where.url, timeout=CONNECT_SECONDS, command_timeout=ANSWER_SECONDS, server_settings=options
        )
    except errors() as error:
        raise explain(where, error) from None


def _library() -> Any:
    try:
        import asyncpg  # noqa: PLC0415 - an extra
    except ImportError:
        raise StoreError(
            "Records in PostgreSQL need a library that is not installed: see docs/stores.md."
        ) from None
    return asyncpg
