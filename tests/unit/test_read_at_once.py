"""Ordinary input is read in a short way, which must say what the long way says."""

from __future__ import annotations

import subprocess
import sys

from callveil.numbers import to_e164
from callveil_agi.protocol import Environment, ProtocolError, parse_environment
from harness.agi_peer import environment
from hypothesis import example, given
from hypothesis import strategies as st

LINES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["agi_x", "agi_y", "a" * 64, "a" * 65, "a b", ""]), st.text()).map(
            lambda pair: f"{pair[0]}: {pair[1]}".encode("utf-8", "replace")
        ),
        st.binary(max_size=30),
        st.integers(4080, 4100).map(lambda size: b"agi_z:" + b"z" * size),
    ),
    max_size=8,
)


def line_by_line(raw: bytes) -> dict[str, str] | str:
    found = Environment()
    try:
        for line in raw.split(b"\n")[:-1]:
            if found.add(line + b"\n"):
                return found.values
    except ProtocolError as error:
        return str(error)
    return "no end"


def at_once(raw: bytes) -> dict[str, str] | str:
    try:
        return parse_environment(raw)
    except ProtocolError as error:
        return "no end" if "no end" in str(error) else str(error)


@given(LINES)
@example([b"", b"agi_x: 1"])
@example([b"agi_x: 1", b"", b"agi_y: 2"])
@example([b"agi_x: 1", b"agi_x: 2"])
@example([b"agi_x:  1\r", b"agi_y:\xff\xe2\x80\xa8\x0b\x0c\x85"])
@example([b"agi_x: 1"] + [b"nonsense"] * 98)
@example([b"agi_x: 1"] + [b"nonsense"] * 99)
def test_an_environment(lines: list[bytes]) -> None:
    raw = b"\n".join([*lines, b"", b""])
    assert at_once(raw) == line_by_line(raw)


def test_an_ordinary_environment_is_read_at_once(monkeypatch) -> None:
    def never(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(Environment, "add", never)
    assert parse_environment(environment("outbound", "200", "0af3-5b1c"))["agi_arg_1"] == "200"


@given(
    st.sampled_from(["", "1", "+1"]),
    st.one_of(
        st.text("0123456789", min_size=9, max_size=11),
        st.integers(0, 999).flatmap(
            lambda area: st.integers(0, 9_999_999).map(lambda rest: f"{area:03}{rest:07}")
        ),
    ),
    st.sampled_from(["US", "CA", "GB", "DE", "AU", "XX"]),
)
def test_a_north_american_number(front: str, rest: str, region: str) -> None:
    from callveil import numbers

    slowly = numbers._read(front + rest, region)
    if slowly is not None and numbers._read(slowly, region) != slowly:
        slowly = None
    assert to_e164(front + rest, region) == slowly


def test_a_north_american_number_needs_no_library() -> None:
    program = (
        "import sys\n"
        "from callveil.numbers import to_e164\n"
        "for digits in ('2125550141', '1 (212) 555-0141', '+12125550141'):\n"
        "    assert to_e164(digits, 'US') == '+12125550141'\n"
        "assert 'phonenumbers' not in sys.modules\n"
        "assert to_e164('+442079460123', 'US') == '+442079460123'\n"
        "assert 'phonenumbers' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
