"""The mailcmd guard: which mail is handed on, and what is sent instead of the rest."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from callveil import mailcmd

SCRIPT = Path(mailcmd.__file__)
MAILBOXES: dict[str, object] = {
    "100@default": {"line": "desk", "flagged": False},
    "200@default": {"line": "hotline", "flagged": True},
    "300@default": {"line": "desk", "flagged": False},
    "300@shelter": {"line": "hotline", "flagged": True},
    "400@default": {"line": "desk", "flagged": False},
    "400@office": {"line": "desk", "flagged": False},
    "5-1@default": {"line": "desk", "flagged": False},
}
CALLER = b"+12065559999"
PAGE = b"""\
Date: Tue, 24 Nov 2026 05:54:43 +0000
From: Asterisk PBX <voicemail@program.example>
To: "Jane Doe" <pager@example.org>
Subject: New VM

[callveil 100@default]
from "Caller" <+12065559999>
"""


def mail_of(
    number: str = "100",
    stamp: str | None = "100@default",
    to: str = '"Jane Doe" <jane@example.org>',
    name: str = "A Caller",
    attached: bool = True,
) -> bytes:
    """What app_voicemail writes, as captured from Asterisk 16.28 and 22.10."""
    first = f"[callveil {stamp}]\n" if stamp else ""
    text = (
        "Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
        f"{first}From {name}\n"
    )
    head = (
        "Date: Tue, 24 Nov 2026 05:54:43 +0000\n"
        "From: =?ISO-8859-1?Q?Voicemail_=5Bx=5D?=\n  <voicemail@program.example>\n"
        f"To: {to}\n"
        "Subject: [PBX]: New message 1 in mailbox 100\n"
        f"Message-ID: <Asterisk-1-1121122418-{number}-11@8905fb0d7f22>\n"
        f"X-Asterisk-CallerID: +12065559999\nX-Asterisk-CallerIDName: {name}\nMIME-Version: 1.0\n"
    )
    if not attached:
        return (head + text).encode()
    bound = "----voicemail_110011426421597"
    return (
        f'{head}Content-Type: multipart/mixed; boundary="{bound}"\n\n\n'
        f"This is a multi-part message in MIME format.\n\n--{bound}\n{text}--{bound}\n"
        'Content-Type: audio/x-wav; name="msg0000.wav"\nContent-Transfer-Encoding: base64\n\n'
        f"UklGRuQCAQBXQVZF\n\n\n--{bound}--\n.\n"
    ).encode()


def goes_on(mail: bytes, stamped: bool = False) -> bool:
    return mailcmd.destination(mail, MAILBOXES, stamped) == mailcmd.THEN


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("stamped", [True, False])
def test_mail_of_an_unflagged_mailbox_goes_on(attached: bool, stamped: bool) -> None:
    assert goes_on(mail_of(attached=attached), stamped)
    assert goes_on(mail_of(attached=attached).replace(b"\n", b"\r\n"), stamped)


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("stamped", [True, False])
def test_mail_of_a_flagged_mailbox_does_not(attached: bool, stamped: bool) -> None:
    assert not goes_on(mail_of("200", "200@default", attached=attached), stamped)
    assert not goes_on(mail_of("200", None, attached=attached), stamped)


def test_without_a_stamp_every_context_with_that_number_has_to_be_unflagged() -> None:
    assert goes_on(mail_of("100", None))
    assert goes_on(mail_of("400", None))
    assert not goes_on(mail_of("300", None))
    assert not goes_on(mail_of("100", None), stamped=True)


def test_the_stamp_tells_contexts_apart() -> None:
    assert goes_on(mail_of("300", "300@default"))
    assert not goes_on(mail_of("300", "300@shelter"))
    assert goes_on(mail_of("5-1", "5-1@default"))


@pytest.mark.parametrize(
    ("number", "stamp"),
    [
        ("200", "100@default"),
        ("100", "200@default"),
        ("100", "100@shelter"),
        ("999", "999@default"),
        ("999", None),
        ("100", "100"),
        ("100", "100@default@shelter"),
        ("100", "100@default] [callveil 100@default"),
        ("100", "100@DEFAULT"),
        ("100", " 100@default"),
        ("100", "${VM_MAILBOX}@${VM_CONTEXT}"),
    ],
)
def test_a_stamp_that_does_not_agree_is_odd(number: str, stamp: str | None) -> None:
    assert not goes_on(mail_of(number, stamp))


@pytest.mark.parametrize(
    "name",
    [
        "[callveil 100@default]",
        "Message-ID: <Asterisk-1-2-100-3@h>",
        "x\nMessage-ID: <Asterisk-1-2-100-3@h>\n\n[callveil 100@default]\ny",
        "x\n\n------voicemail_110011426421597\nContent-Type: text/plain\n\n[callveil 100@default]\n",
    ],
)
@pytest.mark.parametrize("stamp", ["200@default", None])
def test_a_callers_name_cannot_pass_a_flagged_mailbox_off_as_another(name: str, stamp: str | None) -> None:
    assert not goes_on(mail_of("200", stamp, name=name))


def test_a_callers_name_on_its_line_does_not_keep_unflagged_mail_back() -> None:
    assert goes_on(mail_of(name="[callveil 200@default] Message-ID: <Asterisk-1-2-200-3@h>"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Message-ID:", b"X-Other:"),
        (b"Message-ID:", b"message-id:"),
        (b"Message-ID: ", b"Message-ID:"),
        (b"Message-ID: <", b"Message-ID: <\xe9"),
        (b"-100-11@", b"-100@"),
        (b"-100-11@", b"-100-11-@"),
        (b"-100-11@", b"-1\xf6\xf60-11@"),
        (b"8905fb0d7f22>", b"8905fb0d7f22> (100)"),
        (b"8905fb0d7f22>", b"8905fb0d7f22>\n folded"),
        (b"MIME-Version", b"Message-ID: <Asterisk-1-2-100-3@h>\nMIME-Version"),
        (b"MIME-Version", b"Message-Id : x\nMIME-Version"),
        (b"Subject: ", b"Subject: \0"),
        (b"Subject: ", b"Subject: a\rb"),
        (b"Subject: ", b"X-Subject: "),
        (b"Subject: ", b"Subject: x\nSubject: "),
        (b"To: ", b"Cc: "),
        (b"Subject: ", b"Subject "),
        (b"Date: ", b" Date: "),
        (b"Date: ", b"From root Tue Nov 24\nDate: "),
        (b"MIME-Version", b"Content-Type: text/plain\nMIME-Version"),
        (b'multipart/mixed; boundary="', b'multipart/alternative; boundary="'),
        (b'boundary="', b'boundary="other'),
        (b"Content-Type: text/plain", b"Content-Type: multipart/mixed"),
        (b"[callveil ", b"\n[callveil "),
        (b"[callveil 100@default]", b"[callveil 100@default]\n[callveil 100@default]"),
        (b"\n\n", b"\n"),
    ],
)
def test_whatever_is_odd_counts_as_flagged(old: bytes, new: bytes) -> None:
    mail = mail_of()
    assert old in mail
    assert not goes_on(mail.replace(old, new, -1 if old == b"\n\n" else 1))


def test_empty_endless_and_too_large_mail_counts_as_flagged() -> None:
    assert not goes_on(b"")
    assert not goes_on(b"\n\n")
    assert not goes_on(b"X: y\n" * 20_000 + mail_of())
    assert goes_on(mail_of() + b"A" * (mailcmd.MAX_MAIL - len(mail_of())))
    assert not goes_on(mail_of() + b"A" * (mailcmd.MAX_MAIL - len(mail_of()) + 1))


@pytest.mark.parametrize("entry", [None, {}, {"flagged": 0}, {"flagged": "no"}, {"flagged": None}, False, []])
def test_only_an_entry_that_says_so_is_unflagged(entry: object) -> None:
    assert mailcmd.destination(mail_of(), {"100@default": entry}) == mailcmd.NOTICE
    assert mailcmd.destination(mail_of(stamp=None), {"100@default": entry}) == mailcmd.NOTICE


def test_a_page_is_known_by_its_stamp_where_that_is_configured() -> None:
    assert goes_on(PAGE, stamped=True)
    assert not goes_on(PAGE)
    assert not goes_on(PAGE.replace(b"100@", b"200@"), stamped=True)
    assert not goes_on(PAGE.replace(b"\n\n[", b"\n["), stamped=True)
    assert not goes_on(PAGE.replace(b"[callveil", b"\n[callveil"), stamped=True)
    assert not goes_on(PAGE.replace(b"Subject", b"MIME-Version: 1.0\nSubject"), stamped=True)


@pytest.mark.parametrize(
    ("to", "addresses"),
    [
        ("jane@example.org", ["jane@example.org"]),
        ("hotline@localhost", ["hotline@localhost"]),
        ('"Jane Doe" <jane@example.org>', ["jane@example.org"]),
        ('"Doe, \\"J\\" <x@y.z>" <jane@example.org>', ["jane@example.org"]),
        ('"Jane" <jane@example.org>,\n "Jane" <bob@example.org>', ["jane@example.org", "bob@example.org"]),
        (
            "=?ISO-8859-1?Q?Zo=C3=A9?=\n =?ISO-8859-1?Q?_=28Hotline=29?= <zoe@example.org>",
            ["zoe@example.org"],
        ),
        ("", None),
        ('"Jane" <>', None),
        ('"Jane" <jane>', None),
        ('"Jane" <jane@example.org', None),
        ('"Jane" <jane@example.org> x', None),
        ('"Jane" <jane@example.org>, ', None),
        ('"Jane" <-oQ/tmp@example.org>', None),
        ('"Jane" <"|id"@example.org>', None),
        ("jäne@example.org", None),
        ("jane@example.org\nTo: bob@example.org", None),
        (", ".join(["jane@example.org"] * 200), None),
        ('"' + "\\" * 1000 + " " * 900, None),
    ],
)
def test_recipients_are_plain_addresses_or_nobody(to: str, addresses: list[str] | None) -> None:
    assert mailcmd.recipients(mail_of(to=to)) == addresses


def test_recipients_are_found_in_broken_mail() -> None:
    assert mailcmd.recipients(b"\0\xff\nTo: jane@example.org\r\nSubj") == ["jane@example.org"]


def test_a_to_line_in_the_body_is_not_a_recipient() -> None:
    assert mailcmd.recipients(b"Subject: x\n\nTo: jane@example.org\n") is None


def test_the_policy_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    assert mailcmd.read_mailboxes(str(path)) == {}
    path.write_text(json.dumps({"version": 1, "mailboxes": MAILBOXES}))
    assert mailcmd.read_mailboxes(str(path)) == MAILBOXES
    for text in [
        "",
        "[]",
        "{}",
        '{"mailboxes": []}',
        path.read_text()[:-1],
        "[" * 100_000,
        '{"mailboxes": null}',
    ]:
        path.write_text(text)
        assert mailcmd.read_mailboxes(str(path)) == {}
    path.write_text('{"mailboxes": {"2@d": {"flagged": true}, "2@d": {"flagged": false}}}')
    assert mailcmd.read_mailboxes(str(path)) == {}
    path.write_bytes(b'{"mailboxes": {"\xff@d": {"flagged": false}}}')
    assert mailcmd.read_mailboxes(str(path)) == {}
    assert mailcmd.read_mailboxes(str(tmp_path)) == {}
    os.mkfifo(tmp_path / "pipe")
    assert mailcmd.read_mailboxes(str(tmp_path / "pipe")) == {}


class Outcome:
    """What one run of the script did."""

    def __init__(self, folder: Path, run: subprocess.CompletedProcess[bytes]) -> None:
        self.code = run.returncode
        self.stdout = run.stdout
        self.stderr = run.stderr
        self.handed_on = read(folder / "then")
        self.sent = read(folder / "sendmail")


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


class Guard:
    """Runs the script by itself, the way Asterisk does: mail in a file on standard input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = folder / "policy.json"
        self.policy.write_text(json.dumps({"mailboxes": MAILBOXES}))

    def __call__(
        self,
        mail: bytes,
        *options: str,
        then: str = "cat > {}",
        sendmail: str = "cat > {}",
        piped: bool = False,
        env: dict[str, str] | None = None,
    ) -> Outcome:
        for name in ("then", "sendmail"):
            (self.folder / name).unlink(missing_ok=True)
        then = then.format(self.folder / "then")
        command: Sequence[str] = [
            *(sys.executable, "-I", "-S", str(SCRIPT), "--policy", str(self.policy), "--then", then),
            *("--sendmail", sendmail.format(self.folder / "sendmail"), *options),
        ]
        if piped:
            return Outcome(
                self.folder, subprocess.run(command, input=mail, capture_output=True, check=False, env=env)
            )
        (self.folder / "mail").write_bytes(mail)
        with (self.folder / "mail").open("rb") as file:
            return Outcome(
                self.folder, subprocess.run(command, stdin=file, capture_output=True, check=False, env=env)
            )


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return Guard(tmp_path)


@pytest.mark.parametrize("piped", [True, False])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_unflagged_mail_is_handed_on_byte_for_byte(guard: Guard, piped: bool, end: bytes) -> None:
    mail = mail_of().replace(b"\n", end) + bytes(range(256)) * 1000 + b"\r\r\n\n\0.\n" + b"no end of line"
    run = guard(mail, piped=piped)
    assert (run.handed_on, run.sent, run.code) == (mail, None, 0)
    assert run.stdout + run.stderr == b""


@pytest.mark.parametrize("piped", [True, False])
def test_the_commands_exit_code_comes_back(guard: Guard, piped: bool) -> None:
    assert guard(mail_of(), then="cat > /dev/null; exit 42", piped=piped).code == 42
    assert guard(mail_of(), then="exit 3", piped=piped).code == 3
    assert guard(mail_of() + b"A" * 1_000_000, then="exit 3", piped=piped).code == 3
    assert guard(mail_of(), then="/nonexistent/transcriber", piped=piped).code == 127
    assert guard(mail_of(), then="kill -9 $$", piped=piped).code in (-9, 137)
    assert guard(mail_of("200", "200@default"), sendmail="cat > {}; exit 67", piped=piped).code == 67


def test_the_command_is_run_as_asterisk_ran_it(guard: Guard) -> None:
    run = guard(
        mail_of(),
        then="sed 's/jane@/ja ne@/' | tee {} > /dev/null; printf '%s' \"$HOME\"",
        env={"HOME": "/h"},
    )
    assert run.handed_on == mail_of().replace(b"jane@", b"ja ne@")
    assert run.stdout == b"/h"
    before = {"LC_ALL": "", "PYTHONPATH": "/x", "A": "b c"}
    after = guard(mail_of(), then="env", env=before).stdout.decode().splitlines()
    set_by_the_shell = ("PWD=", "OLDPWD=", "SHLVL=", "_=")
    assert sorted(line for line in after if not line.startswith(set_by_the_shell)) == sorted(
        f"{name}={value}" for name, value in before.items()
    )
    # A reader that stops early ends its writer by a signal, which Python would have switched off.
    assert guard(mail_of(), then="yes | head -1").stderr == b""


def test_without_then_mail_goes_to_sendmail(tmp_path: Path) -> None:
    guard = Guard(tmp_path)
    with_no_then = [
        sys.executable,
        str(SCRIPT),
        "--policy",
        str(guard.policy),
        f"--sendmail=cat > {tmp_path}/sendmail",
    ]
    subprocess.run(with_no_then, input=mail_of(), check=True)
    assert read(tmp_path / "sendmail") == mail_of()


@pytest.mark.parametrize("piped", [True, False])
def test_flagged_mail_becomes_exactly_this_notice(guard: Guard, piped: bool) -> None:
    run = guard(
        mail_of("200", "200@default", '"Hotline" <a@example.org>,\n "Hotline" <b@example.org>'), piped=piped
    )
    assert run.handed_on is None
    assert run.sent == (
        b"To: a@example.org,\n b@example.org\n"
        b"Subject: New voice message\n"
        b"Auto-Submitted: auto-generated\n"
        b"MIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=us-ascii\n"
        b"\n"
        b"There is a new voice message. Listen to it from a telephone of the program.\n"
    )
    assert (run.code, run.stderr) == (0, b"")


def test_nobody_to_tell_is_said_without_details(guard: Guard) -> None:
    run = guard(mail_of("200", "200@default", "<secret>"))
    assert (run.handed_on, run.sent, run.code) == (None, None, 75)
    assert run.stderr == b"callveil-mailcmd: no notice was sent, because the recipient could not be read\n"


@pytest.mark.parametrize(
    "options",
    [["--tehn", "x"], ["--then", "x"], ["--stamped=no"], ["--policy"], ["extra"], ["--policy", "-x"]],
)
def test_a_slip_in_the_options_makes_everybody_flagged(guard: Guard, options: list[str]) -> None:
    (guard.folder / "default").mkdir()
    run = guard(mail_of(to="nobody"), *options)
    assert (run.handed_on, run.code) == (None, 75)
    assert CALLER not in run.stderr
    assert b"unknown option" in run.stderr


def test_an_unreadable_policy_makes_everybody_flagged(guard: Guard) -> None:
    guard.policy.unlink()
    run = guard(mail_of())
    assert run.handed_on is None
    assert run.sent is not None
    assert b"New voice message" in run.sent


def test_stamped_is_an_option(guard: Guard) -> None:
    assert guard(PAGE, "--stamped").handed_on == PAGE
    assert guard(PAGE).handed_on is None
    assert guard(mail_of(stamp=None), "--stamped").handed_on is None


def test_help_has_an_example() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    assert "Example, in voicemail.conf:\n  mailcmd=" in run.stdout


def test_closed_standard_input_and_output_leave_no_traceback(guard: Guard) -> None:
    command = f"{sys.executable} {SCRIPT} --policy {guard.policy} <&- >&-"
    run = subprocess.run(["/bin/sh", "-c", command], stderr=subprocess.PIPE, check=False)
    assert run.returncode == 75
    assert b"Traceback" not in run.stderr


def test_nothing_is_left_on_disk(guard: Guard) -> None:
    guard(mail_of("200", "200@default"), sendmail="cat > /dev/null", piped=True)
    assert sorted(path.name for path in guard.folder.iterdir()) == ["policy.json"]


def test_it_parses_as_python_3_7_and_imports_the_standard_library_only() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 7))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"__future__", "json", "os", "re", "signal", "stat", "sys"}
