"""Where a store is: a file, or a database of a PostgreSQL server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SCHEMES: Final = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """The address of a database, as ``postgresql:///callveil``; it may hold a password, so it is never shown.

    Attributes:
        url: the address, see https://www.postgresql.org/docs/current/libpq-connect.html.
    """

    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"PostgreSQL, database {self.database or 'of the same name as the user'}"

    @property
    def database(self) -> str:
        """The database's name; empty where the address leaves it to the user's name."""
        from urllib.parse import urlsplit  # noqa: PLC0415 - settings are read for each call

        return urlsplit(self.url).path.lstrip("/")

    @property
    def has_password(self) -> bool:
        """Whether it holds a password."""
        from urllib.parse import parse_qsl, urlsplit  # noqa: PLC0415

        parts = urlsplit(self.url)
        return parts.password is not None or "password" in dict(parse_qsl(parts.query))


Place = Path | PostgresUrl


def is_url(text: str) -> bool:
    """Return whether a text is meant as an address, not as a path."""
    return "://" in text


def to_place(text: str) -> Place:
    """Return the place that a text names.

    Raises:
        ValueError: it is an address that cannot be one of a PostgreSQL database.
    """
    if not is_url(text):
        return Path(text)
    from urllib.parse import urlsplit  # noqa: PLC0415

    parts = urlsplit(text)
    if parts.scheme not in SCHEMES or "/" in parts.path.strip("/") or not text.isprintable():
        raise ValueError("no address of a PostgreSQL database")
    _ = parts.port  # raises where it is no number
    return PostgresUrl(text)
