"""``callveil-agi`` against the same hostile pipes: one command or nothing, and never a word elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from callveil.policy.compiled import write_compiled
from harness.agi_peer import CALL_ID, CALLED, environment, policy

POLICY = b"what it says does not matter while the compiled form names its digest\n"
ANSWER = (
    b'SET VARIABLE VEIL_ANSWER "veil3|0af3-5b1c|hide|prohib_passed_screen|+12065550100||hotline|||'
    b'callveil/call-again-shown||PJSIP/+12065558842@trunk"\n'
)
OUTBOUND = environment("x", "outbound", "200", CALL_ID)
MAIN = "import sys; from callveil_agi.spawned import main; sys.exit(main())"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Write a policy in its compiled form; return the environment variables that name it."""
    (tmp_path / "policy.yaml").write_bytes(POLICY)
    write_compiled(tmp_path / "policy.json", policy(), hashlib.sha256(POLICY).hexdigest())
    return {
        "CALLVEIL_POLICY": str(tmp_path / "policy.yaml"),
        "CALLVEIL_COMPILED": str(tmp_path / "policy.json"),
    }


class Script:
    """A running script, as Asterisk starts it."""

    def __init__(self, variables: dict[str, str], *arguments: str, code: str = MAIN) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **variables},
            bufsize=0,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write(data)

    def end(self, seconds: float = 5.0) -> bytes:
        """Wait for the end; return what else it wrote. It is silent on stderr and content with itself."""
        out, err = self.process.communicate(timeout=seconds)
        assert err == b""
        assert self.process.returncode == 0
        return bytes(out)


def run(
    variables: dict[str, str], *arguments: str, sent: bytes = OUTBOUND, reply: bytes = b"200 result=1\n"
) -> bytes:
    """Send an environment with the reply right behind it, and the end; return what the script wrote."""
    script = Script(variables, *arguments)
    script.write(sent + reply)
    return script.end()


def test_outbound(files: dict[str, str]) -> None:
    assert run(files) == ANSWER


def test_as_asterisk_does_it_step_by_step(files: dict[str, str]) -> None:
    script = Script(files)
    for line in OUTBOUND.splitlines(keepends=True):
        script.write(line)
    assert script.stdout.readline() == ANSWER
    script.write(b"200 result=1\n")
    assert script.process.wait(5) == 0
    assert script.end() == b""


@pytest.mark.parametrize(("line", "shown"), [("hotline", "scrub"), ("desk", "show"), ("none", "scrub")])
def test_inbound(files: dict[str, str], line: str, shown: str) -> None:
    sent = environment("x", "inbound", line, CALL_ID)
    assert run(files, sent=sent) == f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|{shown}|{line}|"\n'.encode()


@pytest.mark.parametrize(
    ("said", "party"), [(b"200 result=1 (2065550142)\n", "+12065550142"), (b"200 result=0\n", "")]
)
def test_inbound_asks_for_the_caller_only_where_the_line_keeps_something(
    tmp_path: Path, files: dict[str, str], said: bytes, party: str
) -> None:
    keeping = replace(policy(), lines=tuple(replace(line, caller="full") for line in policy().lines))
    write_compiled(tmp_path / "policy.json", keeping, hashlib.sha256(POLICY).hexdigest())
    script = Script(files)
    script.write(environment("x", "inbound", "desk", CALL_ID))
    assert script.stdout.readline() == b'GET VARIABLE "VEIL_CALLER"\n'
    script.write(said)
    answer = f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|show|desk|{party}"\n'
    assert script.stdout.readline() == answer.encode()
    script.write(b"200 result=1\n")
    assert script.end() == b""
    # The hotline is flagged: nobody asks, whatever else its line says.
    sent = environment("x", "inbound", "hotline", CALL_ID)
    assert run(files, sent=sent) == f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|scrub|hotline|"\n'.encode()


def test_question_on_the_command_line(files: dict[str, str]) -> None:
    sent = b"agi_extension: " + CALLED.encode() + b"\n\n"
    assert run(files, "outbound", "200", CALL_ID, sent=sent) == ANSWER


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\n",
        b"agi_x: 1\n",
        environment("x", "verify", "200", CALL_ID),
        environment("x", "outbound", "200"),
        environment("x", "outbound", "200", "not an id"),
        environment("x", "outbound", "200", CALL_ID, digits=""),
        environment("x", "inbound", "a|b", CALL_ID),
        environment("x", "outbound", "200", CALL_ID, name=b"x\nagi_extension: 911"),
        b"agi_x: " + b"7" * 1_000_000 + b"\n\n",
        b"nonsense\n" * 100_000,
        b"\0" * 100_000,
    ],
    ids=lambda sent: f"{len(sent)} bytes",
)
def test_an_odd_question_is_not_answered(files: dict[str, str], sent: bytes) -> None:
    assert run(files, sent=sent) == b""


def test_end_of_file_anywhere_in_the_environment(files: dict[str, str]) -> None:
    for length in range(0, len(OUTBOUND), 41):
        assert run(files, sent=OUTBOUND[:length], reply=b"") == b""


@pytest.mark.parametrize("name", [b"Jos\xe9", b"\xff\xfe", b"hangup", b"HANGUP", b'"; \\" x', b"%s{0}"])
def test_a_name_changes_nothing(files: dict[str, str], name: bytes) -> None:
    assert run(files, sent=environment("x", "outbound", "200", CALL_ID, name=name)) == ANSWER


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"200 resu",
        b"HANGUP\n",
        b"HANGUP\n200 result=1\n",
        b"200 result=1 (hangup)\n",
        b"200 result=-1\n",
        b"510 Invalid or unknown command\n",
        b"511 Command Not Permitted on a dead channel\n",
        b"520 Invalid command syntax.  Proper usage not available.\n",
        b"520-Invalid command syntax.  Proper usage follows:\n",
        b"520-Invalid command syntax.  Proper usage follows:\nUsage\n520 End of proper usage.\n",
        b"520-\n" + b"usage\n" * 10_000,
        b"nonsense\n",
        b"\xff\n",
        b"x" * 100_000,
        b"100 Trying\n" * 10_000,
    ],
    ids=lambda reply: repr(reply[:24]),
)
def test_one_command_whatever_is_replied(files: dict[str, str], reply: bytes) -> None:
    assert run(files, reply=reply) == ANSWER


def test_silence_is_ended(files: dict[str, str]) -> None:
    began = time.monotonic()
    script = Script(files)
    script.write(OUTBOUND[:300])
    assert script.process.wait(4) == 0
    assert 1.5 < time.monotonic() - began < 3.5
    assert script.end() == b""


def test_the_reply_never_comes(files: dict[str, str]) -> None:
    script = Script(files)
    script.write(OUTBOUND)
    assert script.stdout.readline() == ANSWER
    assert script.process.wait(4) == 0
    assert script.end() == b""


@pytest.mark.parametrize("sent", [b"", OUTBOUND[:300], OUTBOUND], ids=["start", "environment", "reply"])
def test_hang_up_signal(files: dict[str, str], sent: bytes) -> None:
    script = Script(files)
    script.write(sent)
    if sent == OUTBOUND:
        assert script.stdout.readline() == ANSWER
    else:
        time.sleep(0.5)
    began = time.monotonic()
    for _ in range(3):
        script.process.send_signal(signal.SIGHUP)
    assert script.process.wait(4) == 0
    assert time.monotonic() - began < 1.0
    assert script.end() == b""


def test_nobody_reads(files: dict[str, str]) -> None:
    script = Script(files)
    script.stdout.close()
    script.write(OUTBOUND)
    assert script.process.wait(4) == 0
    assert script.process.stderr
    assert script.process.stderr.read() == b""
    script.process.stderr.close()
    script.stdin.close()


def broken_policies() -> Iterator[tuple[str, bytes | None, bytes | None]]:
    good = POLICY
    yield "no files", None, None
    yield "no compiled form, broken policy", b"version: [", None
    yield "no YAML", b"\xff\x00", None
    yield "compiled form of another policy", b"version: 2\n", b"{}"
    yield "no JSON", good, b"{"
    yield "JSON of something else", good, b"[]"


@pytest.mark.parametrize(
    ("source", "compiled"), [pytest.param(*case[1:], id=case[0]) for case in broken_policies()]
)
def test_a_broken_policy_is_no_answer(
    files: dict[str, str], source: bytes | None, compiled: bytes | None
) -> None:
    for variable, content in (("CALLVEIL_POLICY", source), ("CALLVEIL_COMPILED", compiled)):
        if content is None:
            Path(files[variable]).unlink()
        else:
            Path(files[variable]).write_bytes(content)
    assert run(files) == b""


def test_a_policy_that_is_a_pipe_is_ended(files: dict[str, str]) -> None:
    Path(files["CALLVEIL_POLICY"]).unlink()
    os.mkfifo(files["CALLVEIL_POLICY"])
    assert run(files) == b""


def test_not_even_a_failing_import_is_heard(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "asterisk.py").write_text("import sys; print('x'); print('x', file=sys.stderr); 1 / 0")
    assert run({**files, "PYTHONPATH": str(tmp_path)}) == b""


def test_what_a_good_call_imports(files: dict[str, str], tmp_path: Path) -> None:
    written = tmp_path / "modules"
    code = (
        "import json, sys; from callveil_agi.spawned import main; main();"
        f"json.dump(sorted(sys.modules), open({str(written)!r}, 'w'))"
    )
    script = Script(files, code=code)
    script.write(OUTBOUND + b"200 result=1\n")
    assert script.end() == ANSWER
    modules = set(json.loads(written.read_text()))
    assert not modules & {"asyncio", "pydantic", "yaml", "panoramisk", "logging", "socket"}
