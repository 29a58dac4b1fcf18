"""Reads the bytes of a file that an admin wrote, within limits."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from callveil.policy.problems import Problem

MAX_BYTES: Final = 1024 * 1024
"""A policy of thousands of lines is far smaller; more is a mistake or an attack on the daemon's memory."""


class SourceError(Exception):
    """A file that cannot be read.

    Attributes:
        problem: why not.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def read_source(path: Path) -> bytes:
    """Return the bytes of a regular file of at most `MAX_BYTES`.

    Raises:
        SourceError: if there is no such file, or it cannot be read, or it is too large.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refuse(path, "This is not a regular file. Give the path of a YAML file.")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refuse(path, "There is no such file. Check the path.") from None
    except PermissionError:
        raise _refuse(path, "This user may not read the file. Let its group read it, or be root.") from None
    except IsADirectoryError:
        raise _refuse(path, "This is a folder. Give the path of a YAML file.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad path"
        raise _refuse(path, f"The file cannot be read ({reason}).") from None
    if len(content) > MAX_BYTES:
        raise _refuse(path, "The file is larger than 1 MiB. Check that it is the right file.")
    return content


def _refuse(path: Path, text: str) -> SourceError:
    return SourceError(Problem(str(path), 0, 0, text))
