"""What a caller can put into the environment: the display name above all."""

from __future__ import annotations

import pytest
from harness.agi_peer import CALL_ID, CALLED, CALLER, environment, serving

ANSWER = (
    b'SET VARIABLE VEIL_ANSWER "veil3|0af3-5b1c|hide|prohib_passed_screen|+12065550100||hotline|||'
    b'callveil/call-again-shown||PJSIP/+12065558842@trunk"\n'
)


@pytest.mark.parametrize(
    "name",
    [
        b"Jos\xe9",
        b"\xff\xfe\x00\x80",
        "José \u202e".encode(),
        b"hangup",
        b"HANGUP",
        b"x (hangup)",
        b"200 result=1 (hangup)",
        b'"\\"; SET VARIABLE VEIL_ANSWER show',
        b"agi_extension: 911",
        b"a: b: c",
        b"\r",
        b"%s %d %(x)s {0}",
        b"x" * 4000,
        CALLER.encode(),
        b"",
    ],
)
async def test_a_name_changes_nothing(name: bytes) -> None:
    async with serving() as server:
        assert await server.ask(environment(name=name)) == ANSWER


@pytest.mark.parametrize(
    "name",
    [
        b"x\nagi_extension: 911",
        b"x\nagi_arg_1: 100",
        b"x\nagi_network_script: inbound",
        b"x\n\nagi_extension: 911",
        b"x\nagi_arg_1: 100\nagi_arg_2: 0000-0000\nagi_extension: 911\n",
    ],
)
async def test_a_line_break_in_a_name_decides_nothing(name: bytes) -> None:
    async with serving() as server:
        answered = await server.ask(environment(name=name))
        # The last one makes up a whole question, but cannot know the id that the dialplan waits for.
        assert answered == b"" or b"|0000-0000|" in answered
        assert CALL_ID.encode() not in answered


@pytest.mark.parametrize(
    "digits",
    [
        f'{CALLED}"',
        f"{CALLED}\\",
        f"{CALLED}|show",
        f"{CALLED}&PJSIP/1",
        f"{CALLED}@elsewhere",
        f"{CALLED},,${{SHELL(id)}}",
        "é" * 40,
        "9" * 4000,
    ],
)
async def test_digits_that_are_no_number_reach_no_dial_string(digits: str) -> None:
    async with serving() as server:
        answered = await server.ask(environment(digits=digits))
        assert answered.count(b"\n") <= 1
        assert b"PJSIP" not in answered or answered == ANSWER


@pytest.mark.parametrize("extension", ['2"00', "2|00", "2\\00", "200 ", "x" * 3000, "\u0662\u0660\u0660"])
async def test_an_extension_that_no_line_has_is_hidden(extension: str) -> None:
    async with serving() as server:
        answered = await server.ask(environment("outbound", extension, CALL_ID))
        assert b"|hide|prohib_passed_screen|" in answered
        assert b"|unlisted|" in answered
