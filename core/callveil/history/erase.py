"""Makes what a file held unreadable before the file is let go of.

Zeros are written over it and reach the disk before it is cut or loses its name, so that a power cut in
between leaves a file that is still found. A file system that copies on write, a snapshot, or a flash disk's
own spare blocks may still hold the old bytes.
"""

from __future__ import annotations

import os
from typing import Final

from callveil.history.held import Held
from callveil.history.model import counted
from callveil.history.tree import RefusedError, Tree

_ZEROS: Final = bytes(1 << 20)


def overwrite(descriptor: int) -> None:
    """Write zeros over all of an open file, also over what is appended meanwhile, and wait for the disk.

    Raises:
        OSError: if it cannot be written.
    """
    done = 0
    while (size := os.fstat(descriptor).st_size) > done:
        done += os.pwrite(descriptor, _ZEROS[: size - done], done)
    os.fsync(descriptor)


def empty(tree: Tree, path: str) -> None:
    """Overwrite a file and leave it there, empty: whoever holds it open appends at its new beginning.

    Raises:
        RefusedError: if it is no plain file.
        OSError: if it cannot be written.
    """
    with tree.open(path, os.O_RDWR) as descriptor:
        overwrite(descriptor)
        os.ftruncate(descriptor, 0)
        os.fsync(descriptor)


def erase(tree: Tree, path: str) -> None:
    """Overwrite a file and remove it.

    Raises:
        RefusedError: if it is no plain file.
        OSError: if it cannot be written or removed.
    """
    empty(tree, path)
    tree.unlink(path)


def erase_all(
    tree: Tree, paths: list[str], held: Held, *, keep: frozenset[str] = frozenset(), names_tell: bool = True
) -> tuple[str, ...]:
    """Erase files; those that some program has open, or that are to be kept, are emptied.

    A program that has a file open goes on writing into it when it has no name any more, where nobody sees it.

    Args:
        tree: the folder.
        paths: the files in it.
        held: which files are open.
        keep: files that keep their names.
        names_tell: whether a file's name can hold a number, so that it must go unless it is known to be open.

    Returns:
        Sentences about what is left, each told once.
    """
    failed: dict[str, int] = {}
    for path in paths:
        try:
            status = tree.status(path)
            is_held = held.has if names_tell else held.may_have
            if path in keep or (status is not None and is_held(status)):
                empty(tree, path)
            else:
                erase(tree, path)
        except FileNotFoundError:
            continue  # its owner has rotated or removed it
        except RefusedError as error:
            failed[f"{error}, not touched"] = failed.get(f"{error}, not touched", 0) + 1
        except OSError as error:
            why = (
                "not permitted" if isinstance(error, PermissionError) else (error.strerror or "error").lower()
            )
            failed[why] = failed.get(why, 0) + 1
    return tuple(
        f"{number} of {counted(len(paths), 'files')} in {tree.shown}: {why}."
        for why, number in failed.items()
    )
