from __future__ import annotations

import io
import signal
from collections.abc import Iterator

import pytest
from asterisk import agi
from callveil_agi.pipes import PipeAgi, Stopped
from callveil_agi.protocol import ProtocolError
from harness.agi_peer import CALLER, environment


@pytest.fixture(autouse=True)
def _hang_up_signal() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def opened(replies: bytes = b"200 result=1\n") -> tuple[PipeAgi, io.BytesIO]:
    sent = io.BytesIO()
    return PipeAgi(io.BytesIO(environment() + replies), sent), sent


def test_environment_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    pipe, sent = opened()
    assert pipe.env["agi_callerid"] == CALLER
    pipe.set_variable("VEIL_ANSWER", 'a "b" \\')
    assert sent.getvalue() == b'SET VARIABLE VEIL_ANSWER "a \\"b\\" \\\\"\n'
    assert capsys.readouterr() == ("", "")


def test_pyst2s_own_commands_are_quoted_too() -> None:
    pipe, sent = opened(b"200 result=1 (hangup)\n")
    assert pipe.get_variable('X" Y') == "hangup"
    assert sent.getvalue() == b'GET VARIABLE "X\\" Y"\n'


def test_a_second_command_is_not_sent() -> None:
    pipe, sent = opened()
    with pytest.raises(ProtocolError):
        pipe.set_variable("VEIL_ANSWER", "x\nHANGUP")
    with pytest.raises(ProtocolError):
        pipe.verbose("x\nHANGUP")
    assert sent.getvalue() == b""


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        (b"", agi.AGIHangup),
        (b"200 resul", agi.AGIHangup),
        (b"HANGUP\n", agi.AGIHangup),
        (b"510 Invalid or unknown command\n", agi.AGIInvalidCommand),
        (b"511 Command Not Permitted on a dead channel\n", agi.AGIUnknownError),
        (b"520-x\n520 End of proper usage.\n", agi.AGIUsageError),
        (b"520-x\n", agi.AGIHangup),
        (b"nonsense\n", ProtocolError),
        (b"x" * 5000 + b"\n", ProtocolError),
    ],
)
def test_refused(replies: bytes, error: type[Exception]) -> None:
    pipe, _ = opened(replies)
    with pytest.raises(error):
        pipe.set_variable("VEIL_ANSWER", "x")


def test_hang_up_signal_ends_it() -> None:
    opened()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGHUP)
