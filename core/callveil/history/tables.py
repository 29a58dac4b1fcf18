"""The tables of call records and call events in MySQL or MariaDB, as FreePBX keeps them.

Measured on MariaDB 11.8 with a search through every file of the server: `DELETE` leaves all numbers in the
table's file, and copies them into the server's own log; `OPTIMIZE TABLE` after it cleans the file, not the
log; `TRUNCATE TABLE` cleans the file and copies nothing. What the rows left in the log when they were
written goes only when the log, which is written round and round, has come past once: so that is made to
happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from callveil.history.database_login import Login, LoginError, find_login
from callveil.history.machine import Machine
from callveil.history.model import Found, Gone

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

TABLES: Final = ("cdr", "cel", "transient_cdr", "queuelog", "queue_log")
FILLER: Final = "callveil_filler"
_TIMEOUT: Final = 10
_PATIENCE: Final = 600
"""Seconds that one statement may take: a table of years is large."""

_ROW: Final = 1_000_000
_ROWS: Final = 8
_MOST_LOG: Final = 1 << 30
"""Bytes of the server's log that are written over; a larger one is left, and said."""

_CLEARED: Final = ("InnoDB", "MyISAM")
"""Kinds of tables of which nothing is left; measured."""

_MOST_ROUNDS: Final = 400
_BACKENDS: Final = (
    "cdr_adaptive_odbc.conf",
    "cdr_odbc.conf",
    "cdr_mysql.conf",
    "cdr_pgsql.conf",
    "cel_odbc.conf",
)
_NAMES_A_TABLE: Final = ("connection", "dsn", "hostname", "dbname")


class DatabaseError(Exception):
    """The database cannot be used; the text says why."""


class Tables:
    """The tables of call records, call events and queues."""

    key = "database"
    title = "call records in MySQL or MariaDB"
    yours = ""
    removable = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def find(self) -> Found:
        """Count the rows of each table."""
        try:
            login = find_login(self._machine.root, self._machine.database)
            if login is None:
                return self._hint()
            with _connect(login) as connection, connection.cursor() as cursor:
                database = _database(cursor, login)
                rows = {table: _count(cursor, database, table) for table, _ in _tables(cursor, database)}
        except (DatabaseError, LoginError) as error:
            return Found(unseen=(str(error),))
        where = tuple(f"{database}.{table}" for table, number in rows.items() if number)
        return Found({"rows": total} if (total := sum(rows.values())) else {}, where)

    def _hint(self) -> Found:
        """Say where Asterisk's settings name a database and nobody told how to reach it."""
        named = [
            name
            for name in _BACKENDS
            if any(one.key in _NAMES_A_TABLE and one.value for one in self._machine.settings(name))
        ]
        if not named:
            return Found()
        return Found(
            unseen=(
                f"Asterisk's {named[0]} names a database: say with --database how to reach it, "
                "or clear it yourself.",
            )
        )

    def remove(self) -> Gone:
        """Empty the tables, then write over the server's log."""
        try:
            login = find_login(self._machine.root, self._machine.database)
            if login is None:
                return Gone()
            with _connect(login) as connection, connection.cursor() as cursor:
                database = _database(cursor, login)
                left = [_truncate(cursor, database, *table) for table in _tables(cursor, database)]
                return Gone((*filter(None, left), *_overwrite_log(cursor, database)))
        except (DatabaseError, LoginError) as error:
            return Gone((str(error),))


@contextmanager
def _connect(login: Login) -> Iterator[Connection[Cursor]]:
    try:
        import pymysql  # noqa: PLC0415 - an extra, which most sites do not need
    except ImportError as error:
        raise DatabaseError(
            "The database needs PyMySQL: /opt/callveil/bin/pip install PyMySQL, and try again."
        ) from error
    reach: dict[str, Any] = (
        {"unix_socket": login.socket} if login.socket else {"host": login.host, "port": login.port}
    )
    try:
        connection = pymysql.connect(
            user=login.user,
            password=login.password,
            connect_timeout=_TIMEOUT,
            read_timeout=_PATIENCE,
            write_timeout=_PATIENCE,
            autocommit=True,
            # No file of this machine is for the server to ask for.
            local_infile=False,
            **reach,
        )
    except (pymysql.MySQLError, OSError, RuntimeError) as error:
        raise DatabaseError(f"The database cannot be reached ({_code(error)}).") from error
    try:
        yield connection
    except (pymysql.MySQLError, OSError) as error:
        raise DatabaseError(f"The database refuses ({_code(error)}).") from error
    finally:
        connection.close()


def _code(error: Exception) -> str:
    # The server's own words may repeat what is in a table.
    return f"error {error.args[0]}" if error.args and isinstance(error.args[0], int) else type(error).__name__


def _database(cursor: Cursor, login: Login) -> str:
    """Return the database of call records; FreePBX's settings may name another than the usual one."""
    if not login.settings:
        return login.database
    settings = _quoted(login.settings)
    try:
        cursor.execute(
            f"SELECT keyword, value FROM {settings}.freepbx_settings "  # noqa: S608 - quoted
            "WHERE keyword IN ('CDRDBNAME', 'CDRDBHOST')"
        )
        said = dict(cursor.fetchall())
    except Exception:
        return login.database  # an older FreePBX, or another program
    if said.get("CDRDBHOST") and said["CDRDBHOST"] not in ("localhost", "127.0.0.1", login.host):
        raise DatabaseError(
            "FreePBX keeps call records on another server: say with --database how to reach it."
        )
    return str(said.get("CDRDBNAME") or login.database)


def _tables(cursor: Cursor, database: str) -> list[tuple[str, str]]:
    """Return the tables that are there, each with its kind."""
    cursor.execute(
        "SELECT table_name, engine FROM information_schema.tables "
        "WHERE table_schema = %s AND table_type = 'BASE TABLE' AND table_name IN %s",
        (database, TABLES),
    )
    there = {str(table): str(engine) for table, engine in cursor.fetchall()}
    return [(table, there[table]) for table in TABLES if table in there]


def _count(cursor: Cursor, database: str, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {_quoted(database)}.{_quoted(table)}")  # noqa: S608 - quoted
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _truncate(cursor: Cursor, database: str, table: str, engine: str) -> str:
    """Empty a table; return a sentence about what is left, or nothing."""
    try:
        cursor.execute(f"TRUNCATE TABLE {_quoted(database)}.{_quoted(table)}")
    except Exception as error:
        return f"{database}.{table}: the server refuses to empty it ({_code(error)})."
    if engine in _CLEARED:
        return ""
    return (
        f"{database}.{table} is empty, but it is of the kind {engine}, whose own log may hold old rows until "
        "the server's admin clears it."
    )


def _overwrite_log(cursor: Cursor, database: str) -> tuple[str, ...]:
    """Write so much into a table of nothing that the server's log has come round; return what is left."""
    size = _log_size(cursor)
    if not size:
        return ()
    if _binary_log(cursor):
        return (
            "The tables are empty, but the server keeps a binary log of all changes: old rows stay there and "
            "in its other log, until the server's admin removes it (PURGE BINARY LOGS).",
        )
    if size > _MOST_LOG:
        return ("The server's log is too large to write over; old rows stay in it until it comes round.",)
    table = f"{_quoted(database)}.{_quoted(FILLER)}"
    try:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} (nothing LONGBLOB) ENGINE=InnoDB")
        try:
            return _fill(cursor, table, size)
        finally:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
    except Exception as error:
        return (
            f"The server's log could not be written over ({_code(error)}); old rows stay in it for a while.",
        )


def _fill(cursor: Cursor, table: str, size: int) -> tuple[str, ...]:
    rows = ", ".join([f"(REPEAT('0', {_ROW}))"] * _ROWS)
    begun = _status(cursor, "Innodb_os_log_written")
    for _ in range(_MOST_ROUNDS):
        if _status(cursor, "Innodb_os_log_written") - begun > size + size // 20:
            return ()
        cursor.execute(f"INSERT INTO {table} VALUES {rows}")  # noqa: S608 - all our own
        # Else it would need as much of the disk as the log has.
        cursor.execute(f"TRUNCATE TABLE {table}")
    return ("The server's log could not be written over; old rows stay in it for a while.",)


def _log_size(cursor: Cursor) -> int:
    """Return how many bytes the server's log goes round in; 0 where there is none."""
    cursor.execute(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
        "('innodb_log_file_size', 'innodb_log_files_in_group', 'innodb_redo_log_capacity')"
    )
    said = {str(name).lower(): int(value) for name, value in cursor.fetchall()}
    files = said.get("innodb_log_file_size", 0) * said.get("innodb_log_files_in_group", 1)
    return max(files, said.get("innodb_redo_log_capacity", 0))


def _binary_log(cursor: Cursor) -> bool:
    cursor.execute("SHOW GLOBAL VARIABLES WHERE Variable_name = 'log_bin'")
    row = cursor.fetchone()
    return row is not None and str(row[1]).upper() in ("ON", "1")


def _status(cursor: Cursor, name: str) -> int:
    cursor.execute("SHOW GLOBAL STATUS WHERE Variable_name = %s", (name,))
    row = cursor.fetchone()
    return int(row[1]) if row else 0


def _quoted(name: str) -> str:
    # A backtick in a quoted name is written twice; nothing else has a meaning there.
    return "`" + re.sub("`", "``", name) + "`"
