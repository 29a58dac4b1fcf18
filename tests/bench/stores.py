"""The stores that are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final


@contextmanager
def _sqlite() -> Iterator[str]:
    """A file of its own in each program's folder."""
    yield ""


STORES: Final[Mapping[str, Callable[[], AbstractContextManager[str]]]] = {"SQLite": _sqlite}
"""By name: makes a new store and gives its address; an empty one is a file in the program's folder."""
