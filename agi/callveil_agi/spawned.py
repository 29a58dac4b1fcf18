"""``callveil-agi``: the same answers as the FastAGI server, from a script that Asterisk starts for each call.

Used where no daemon is wanted. Everything but the standard library's smallest modules is imported inside,
after standard error leads nowhere, so that not even a failing import reaches Asterisk's console.
"""

# ruff: noqa: PLC0415  # see above: imported inside
from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICY_VARIABLE: Final = "CALLVEIL_POLICY"
COMPILED_VARIABLE: Final = "CALLVEIL_COMPILED"
SETTINGS_VARIABLE: Final = "CALLVEIL_SETTINGS"
"""Environment variables that name other files than the usual ones."""


def main() -> int:
    """Answer the one call that standard input tells of, with one command on standard output.

    Whatever is wrong, it answers nothing, so that the ``deny`` that the dialplan has set stands.

    Returns:
        0 always: Asterisk makes nothing of another exit code but noise.
    """
    with contextlib.suppress(BaseException):
        try:
            _run()
        finally:
            for late in (signal.SIGALRM, signal.SIGHUP):
                signal.signal(late, signal.SIG_IGN)
    return 0


def _run() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stdout = _silence()
    from callveil.channel_variables import ANSWER, CALLER
    from callveil.settings import AgiSettings

    from callveil_agi.pipes import PipeAgi, Stopped

    def stop(signum: int, frame: object) -> NoReturn:
        raise Stopped

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, AgiSettings().timeout)
    with open(0, "rb", closefd=False) as stdin, open(stdout, "wb", buffering=0) as command:
        agi = PipeAgi(stdin, command)
        agi.set_variable(ANSWER, _answer(agi.env, lambda: agi.get_variable(CALLER)))


def _silence() -> int:
    """Lead standard error and output nowhere; return a descriptor of what standard output was."""
    stdout = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return stdout


def _path(variable: str, usual: Path) -> Path:
    from pathlib import Path

    return Path(os.environ.get(variable) or usual)


def _answer(environment: dict[str, str], ask_caller: Callable[[], str]) -> str:
    """Return the packed answer.

    Args:
        environment: the AGI environment.
        ask_caller: asks for the caller's number; used only where the line's records keep something of it.

    Raises:
        ProtocolError: if the question is none of ``outbound,EXTENSION,ID``, ``identity,EXTENSION,ID,TRUNK``
            and ``inbound,LINE,ID``.
        Exception: whatever is wrong with the policy, or with the settings.
    """
    from callveil.policy.compiled import load_for_script
    from callveil.settings import COMPILED_PATH, POLICY_PATH, SETTINGS_PATH
    from callveil.settings_for_script import load_settings_for_script
    from callveil.world import facts_from_files

    from callveil_agi.answers import answer_identity, answer_inbound, answer_outbound, keeps_caller
    from callveil_agi.protocol import ProtocolError

    question = tuple(environment.get(f"agi_arg_{n}") for n in (1, 2, 3, 4))
    if question[0] is None:
        question = (*sys.argv[1:5], None, None, None, None)[:4]
    kind, subject, call_id, trunk = question
    if kind not in ("outbound", "identity", "inbound"):
        raise ProtocolError("an unknown question")
    policy = load_for_script(_path(POLICY_VARIABLE, POLICY_PATH), _path(COMPILED_VARIABLE, COMPILED_PATH))
    if kind == "inbound":
        return answer_inbound(policy, subject, call_id, ask_caller() if keeps_caller(policy, subject) else "")
    facts = facts_from_files(load_settings_for_script(_path(SETTINGS_VARIABLE, SETTINGS_PATH)), policy)
    digits = environment.get("agi_extension")
    if kind == "identity":
        return answer_identity(policy, subject, digits, call_id, trunk=trunk, facts=facts)
    return answer_outbound(policy, subject, digits, call_id, facts)
