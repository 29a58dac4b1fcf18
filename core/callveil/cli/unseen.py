"""Takes a telephone number in without leaving it anywhere: not on the screen, not in a shell's history."""

from __future__ import annotations

import sys
from typing import Final

import click

_MAX_READ: Final = 4096
"""Bytes read from standard input: more than any telephone dials, and an end to a file given by mistake."""


def at_terminal() -> bool:
    """Return whether somebody types."""
    return sys.stdin.isatty()


def read_unseen(question: str) -> str:
    """Return one line: typed unseen at a terminal, else from standard input.

    Args:
        question: asked at a terminal, on standard error.
    """
    if at_terminal():
        # A screen and its scrollback keep a number as well as a shell history does.
        typed: str = click.prompt(question, hide_input=True, err=True)
        return typed
    return sys.stdin.buffer.readline(_MAX_READ).decode("utf-8", errors="replace").strip()
