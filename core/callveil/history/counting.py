"""Counts the lines of a file, packed or not, without keeping any of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable
from typing import IO, Final

from callveil.history.tree import Tree

_BLOCK: Final = 1 << 20
_MOST: Final = 1 << 32
"""Bytes that a packed file is unpacked to: a small file can hold any amount of nothing."""

_PACKED: Final[dict[bytes, Callable[[IO[bytes]], io.BufferedIOBase]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


def count_lines(tree: Tree, path: str) -> int:
    """Return how many lines a file has, a last one without its end among them.

    What cannot be unpacked counts as no line: the file itself is counted by whoever asks.

    Raises:
        RefusedError: if it is no plain file.
        OSError: if it cannot be read.
    """
    with tree.open(path) as descriptor, io.FileIO(os.dup(descriptor)) as raw:
        begins = raw.read(6)
        raw.seek(0)
        for magic, unpack in _PACKED.items():
            if begins.startswith(magic):
                return _count_packed(unpack, raw)
        return _count(raw)


def _count_packed(unpack: Callable[[IO[bytes]], io.BufferedIOBase], raw: io.FileIO) -> int:
    try:
        return _count(unpack(raw))
    except (EOFError, OSError, lzma.LZMAError, zlib.error):
        return 0


def _count(file: io.BufferedIOBase | io.FileIO) -> int:
    lines, read, last = 0, 0, b"\n"
    while read < _MOST and (block := file.read(_BLOCK)):
        lines += block.count(b"\n")
        read += len(block)
        last = block[-1:]
    return lines + (last != b"\n")
