from __future__ import annotations

import contextlib

import pytest
from callveil_agi.protocol import (
    MAX_COMMAND,
    MAX_ENVIRONMENT_LINES,
    MAX_LINE,
    MAX_REPLY_LINES,
    ProtocolError,
    Reply,
    ReplyParser,
    encode_command,
    parse_environment,
    quote,
    set_variable,
)
from harness.agi_peer import environment
from hypothesis import given
from hypothesis import strategies as st


def parse_args(line: bytes) -> list[bytes]:
    """What `parse_args` of res_agi.c makes of a command."""
    words: list[bytearray] = []
    quoted = escaped = False
    between = True
    for byte in line:
        character = bytes((byte,))
        if character == b'"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append(bytearray())
                between = False
        elif character in b" \t" and not quoted and not escaped:
            between = True
        elif character == b"\\" and not escaped:
            escaped = True
            continue
        else:
            if between:
                words.append(bytearray())
                between = False
            words[-1] += character
        escaped = False
    return [bytes(word) for word in words]


class TestEnvironment:
    def test_of_asterisk(self) -> None:
        values = parse_environment(environment("outbound", "200", "0af3-5b1c", digits="*672065550111"))
        assert values["agi_network_script"] == "outbound"
        assert values["agi_extension"] == "*672065550111"
        assert values["agi_arg_1"] == "200"
        assert values["agi_arg_2"] == "0af3-5b1c"
        assert values["agi_accountcode"] == ""
        assert len(values) == 24

    def test_value_keeps_its_colons_and_spaces(self) -> None:
        assert parse_environment(b"agi_calleridname:  a: b \n\n") == {"agi_calleridname": " a: b "}

    def test_value_that_is_not_utf8_comes_through(self) -> None:
        values = parse_environment(b"agi_calleridname: Jos\xe9\n\n")
        assert values["agi_calleridname"].encode("utf-8", "surrogateescape") == b"Jos\xe9"

    def test_malformed_lines_are_passed_over(self) -> None:
        assert parse_environment(b"nonsense\n: x\na b: c\n\r\nagi_x: 1\n\n") == {"agi_x": "1"}

    def test_what_follows_the_blank_line_is_not_part_of_it(self) -> None:
        assert parse_environment(b"agi_x: 1\n\nagi_y: 2\n\n") == {"agi_x": "1"}

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"agi_x: 1\n",
            b"agi_x: 1\n\r",
            b"agi_x: " + b"1" * MAX_LINE + b"\n\n",
            b"a: 1\n" * (MAX_ENVIRONMENT_LINES + 1) + b"\n",
            b"".join(b"a%d: %s\n" % (n, b"1" * 1000) for n in range(MAX_ENVIRONMENT_LINES - 1)) + b"\n",
            b"agi_extension: 911\nagi_extension: 911\n\n",
        ],
        ids=["nothing", "no end", "half an end", "long line", "many lines", "many bytes", "twice"],
    )
    def test_refused(self, raw: bytes) -> None:
        with pytest.raises(ProtocolError):
            parse_environment(raw)

    def test_the_longest_that_is_taken(self) -> None:
        line = b"agi_x: " + b"1" * (MAX_LINE - 8) + b"\n"
        assert len(parse_environment(line + b"\n")["agi_x"]) == MAX_LINE - 8
        lines = b"".join(b"a%d: 1\n" % n for n in range(MAX_ENVIRONMENT_LINES - 1))
        assert len(parse_environment(lines + b"\n")) == MAX_ENVIRONMENT_LINES - 1

    @given(st.binary(max_size=6000))
    def test_raises_nothing_else(self, raw: bytes) -> None:
        with contextlib.suppress(ProtocolError):
            parse_environment(raw)

    @given(st.lists(st.sampled_from([b"agi_", b"x", b": ", b":", b"\n", b"\r", b"\xff", b" ", b"\0"])))
    def test_raises_nothing_else_on_nearly_good(self, pieces: list[bytes]) -> None:
        try:
            values = parse_environment(b"".join(pieces))
        except ProtocolError:
            return
        assert all("\n" not in key + value for key, value in values.items())


class TestCommands:
    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("", '""'),
            ("veil1|a|b", '"veil1|a|b"'),
            ('say "x"', '"say \\"x\\""'),
            ("a\\", '"a\\\\"'),
            ('\\"', '"\\\\\\""'),
            ("José", '"José"'),
        ],
    )
    def test_quote(self, text: str, quoted: str) -> None:
        assert quote(text) == quoted

    @pytest.mark.parametrize("text", ["a\nHANGUP", "a\r", "\0", "x" * MAX_COMMAND, '"' * 1100, "\ud800"])
    def test_quote_refuses(self, text: str) -> None:
        with pytest.raises(ProtocolError) as caught:
            quote(text)
        assert "HANGUP" not in str(caught.value)

    def test_set_variable(self) -> None:
        assert set_variable("VEIL_ANSWER", 'a"b') == 'SET VARIABLE VEIL_ANSWER "a\\"b"'

    @pytest.mark.parametrize("name", ["", "x", "A B", "SHELL(ls)", 'A"', "A\n", "1A"])
    def test_set_variable_takes_plain_names_only(self, name: str) -> None:
        with pytest.raises(ProtocolError):
            set_variable(name, "x")

    def test_the_longest_command(self) -> None:
        assert len(encode_command("x" * (MAX_COMMAND - 1))) == MAX_COMMAND
        with pytest.raises(ProtocolError):
            encode_command("x" * MAX_COMMAND)
        with pytest.raises(ProtocolError):
            encode_command("é" * (MAX_COMMAND // 2 + 1))

    @given(st.text(st.characters(), max_size=2100))
    def test_one_command_with_one_argument(self, value: str) -> None:
        try:
            line = encode_command(set_variable("VEIL_ANSWER", value))
        except ProtocolError:
            return
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert len(line) <= MAX_COMMAND
        assert parse_args(line[:-1]) == [
            b"SET",
            b"VARIABLE",
            b"VEIL_ANSWER",
            value.encode("utf-8", "surrogateescape"),
        ]

    @given(st.text(st.sampled_from('"\\ \tab\n')))
    def test_one_argument_of_what_matters_to_the_parser(self, value: str) -> None:
        try:
            command = set_variable("A", value)
        except ProtocolError:
            assert "\n" in value
            return
        assert parse_args(command.encode()) == [b"SET", b"VARIABLE", b"A", value.encode()]


def reply_to(*lines: str) -> Reply | None:
    parser = ReplyParser()
    for line in lines[:-1]:
        assert parser.add(line.encode() + b"\n") is None
    return parser.add(lines[-1].encode() + b"\n")


class TestReplies:
    @pytest.mark.parametrize(
        ("line", "reply"),
        [
            ("200 result=1", Reply(200, "1")),
            ("200 result=0", Reply(200, "0")),
            ("200 result=-1", Reply(200, "-1")),
            ("200 result=0 (timeout)", Reply(200, "0", "timeout")),
            ("200 result=1 (hangup)", Reply(200, "1", "hangup")),
            ("200 result=1 ()", Reply(200, "1", "")),
            ("200 result=1 (a (b) c)", Reply(200, "1", "a (b) c")),
            ("200 result= (timeout)", Reply(200, "", "timeout")),
            ("200 result=12*#", Reply(200, "12*#")),
            ("200 result=0 endpos=1234", Reply(200, "0")),
            ("200 result=1 (digit) digit=1 endpos=0", Reply(200, "1", "digit")),
            ("510 Invalid or unknown command", Reply(510)),
            ("511 Command Not Permitted on a dead channel or intercept routine", Reply(511)),
            ("520 Invalid command syntax.  Proper usage not available.", Reply(520)),
            ("503 result=-2 Memory allocation failure", Reply(503)),
        ],
    )
    def test_of_one_line(self, line: str, reply: Reply) -> None:
        assert reply_to(line) == reply

    def test_only_result_one_is_done(self) -> None:
        assert Reply(200, "1").done
        assert not Reply(200, "0").done
        assert not Reply(510, "1").done

    def test_usage(self) -> None:
        first = "520-Invalid command syntax.  Proper usage follows:"
        assert reply_to(first, "Usage: SET VARIABLE", "200 result=1", "520 End of proper usage.") == Reply(
            520
        )
        assert reply_to(first, "Usage: SET VARIABLE 520 End of proper usage.") == Reply(520)

    def test_provisional_is_passed_over(self) -> None:
        assert reply_to("100 result=0 Trying...", "100-x", "200 result=1") == Reply(200, "1")

    def test_hangup_is_remembered_and_passed_over(self) -> None:
        parser = ReplyParser()
        assert parser.add(b"HANGUP\n") is None
        assert parser.hung_up
        assert parser.add(b"200 result=1\n") == Reply(200, "1")

    def test_value_that_says_hangup_is_no_hangup(self) -> None:
        parser = ReplyParser()
        parser.add(b"200 result=1 (HANGUP)\n")
        assert not parser.hung_up

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"\n",
            b"200\n",
            b"200 \n",
            b"200 result\n",
            b"200 result=x\n",
            b"200 result=1 (open\n",
            b"200 result=1 more\n",
            b" 200 result=1\n",
            b"200 result=1\r\n",
            b"0200 result=1\n",
            b"300 result=1\n",
            b"hangup\n",
            b"HANGUP \n",
            b"agi_network: yes\n",
            b"\xff\xfe\n",
            b"\xd9\xa2\xd9\xa0\xd9\xa0 result=1\n",
            b"200 result=1 (" + b"x" * MAX_LINE + b")\n",
        ],
    )
    def test_anything_else_is_an_error(self, line: bytes) -> None:
        with pytest.raises(ProtocolError):
            ReplyParser().add(line)

    @pytest.mark.parametrize("line", [b"HANGUP\n", b"100 Trying\n"])
    def test_no_end_of_provisional_lines(self, line: bytes) -> None:
        parser = ReplyParser()
        for _ in range(MAX_REPLY_LINES):
            parser.add(line)
        with pytest.raises(ProtocolError):
            parser.add(line)

    @given(st.binary(max_size=300))
    def test_raises_nothing_else(self, line: bytes) -> None:
        parser = ReplyParser()
        try:
            parser.add(line)
        except ProtocolError:
            assert not parser.hung_up
