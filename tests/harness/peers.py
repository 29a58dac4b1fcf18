"""Programs in the tools container that run until their standard input is closed."""

from __future__ import annotations

import subprocess


def end(process: subprocess.Popen[bytes], timeout: float = 10) -> None:
    """Closes a program's standard input, waits for its end, and kills it if that does not come.

    Args:
        process: with pipes for its three streams.
        timeout: seconds that it gets.
    """
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Closes what is left open of a program that has ended."""
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
