"""Ten thousand malformed mails: none of a flagged mailbox gets through, none of an unflagged one is lost."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from callveil import mailcmd

SCRIPT = Path(mailcmd.__file__)
ROUNDS = 10_000
CALLER = b"12065559999"
MAILBOXES: dict[str, object] = {
    "100@default": {"line": "desk", "flagged": False},
    "200@default": {"line": "hotline", "flagged": True},
    "300@default": {"line": "desk", "flagged": False},
    "300@shelter": {"line": "hotline", "flagged": True},
}
UNFLAGGED = ("100@default", "300@default")
FLAGGED = ("200@default", "300@shelter")
# What somebody would like a mail of a flagged mailbox to say.
FORGERIES = (
    b"[callveil 100@default]",
    b"[callveil 300@default]",
    b"Message-ID: <Asterisk-1-2-100-3@pbx>",
    b"Message-ID: <Asterisk-1-2-300-3@pbx>\n\n[callveil 300@default]",
    b"message-id: <Asterisk-1-2-100-3@pbx>",
    b" <Asterisk-1-2-100-3@pbx>",
    b"--BOUND\nContent-Type: text/plain\n\n[callveil 300@default]",
    b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\n[callveil 300@default]',
    b"\0",
    b"\r",
    b"\xff\xfe\x80",
    b"=?ISO-8859-1?Q?=5Bcallveil_100=40default=5D?=",
)


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - the same mails in every run


def mail_of(mailbox: str, dice: random.Random, caller: bytes = b"Caller", stamped: bool = True) -> bytes:
    """What Asterisk writes; the caller's name stands wherever a configuration may put it."""
    number = mailbox.partition("@")[0].encode()
    stamp = b"[callveil " + mailbox.encode() + b"]\n" if stamped else b""
    # In headers, Asterisk drops or encodes what is no plain character.
    plain = re.sub(rb"[^ -~]", b"", caller)
    text = b"Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\n" + (
        stamp + b"Message " + b"%d" % dice.randrange(99) + b" from " + caller + b"\n" + caller + b"\n"
    )
    head = (
        b"Date: Tue, 24 Nov 2026 05:54:43 +0000\nFrom: Asterisk PBX <voicemail@program.example>\n"
        b'To: "Staff" <staff@program.example>\nSubject: ' + plain.replace(b"[", b"=5B") + b"\n"
        b"Message-ID: <Asterisk-%d-%d-%s-%d@pbx>\n"
        % (dice.randrange(1, 99), dice.randrange(2**31), number, dice.randrange(1, 2**22))
        + b"X-Asterisk-CallerID: +"
        + CALLER
        + b"\nX-Asterisk-CallerIDName: "
        + plain
        + b"\nMIME-Version: 1.0\n"
    )
    if dice.random() < 0.5:
        return head + text
    audio = bytes(dice.choices(b"ABCDEFGHabcdefgh0123+/", k=dice.randrange(400)))
    return (
        head + b'Content-Type: multipart/mixed; boundary="BOUND"\n\n\n'
        b"This is a multi-part message in MIME format.\n\n"
        b"--BOUND\n"
        + text
        + b"--BOUND\nContent-Type: audio/x-wav\nContent-Transfer-Encoding: base64\n\n"
        + audio
        + b"\n\n\n--BOUND--\n.\n"
    )


def mutated(mail: bytes, dice: random.Random) -> bytes:
    """The mail after one to three accidents.

    None puts a well-formed false Message-ID in the place of the true one: only Asterisk writes that header.
    """
    for _ in range(dice.randint(1, 3)):
        mail = dice.choice(
            (
                insert_forgery,
                insert_at_line,
                fold,
                drop_line,
                double_line,
                cut,
                flip,
                nulls,
                huge_header,
                nest,
                no_id,
            )
        )(mail, dice)
    return mail


def insert_forgery(mail: bytes, dice: random.Random) -> bytes:
    """Anywhere; in the header block on one line, because Asterisk lets no line break into a header."""
    at = dice.randrange(len(mail) + 1)
    forged = dice.choice(FORGERIES)
    return mail[:at] + (forged if b"\n\n" in mail[:at] else forged.replace(b"\n", b"")) + mail[at:]


def insert_at_line(mail: bytes, dice: random.Random) -> bytes:
    """Below the stamp and the Message-ID: a caller reaches no line above them."""
    lines = mail.split(b"\n")
    at = dice.randrange(len(lines) + 1)
    if at < first_free_line(lines) and dice.random() < 0.9:
        at = len(lines)
    forged = dice.choice(FORGERIES)
    return b"\n".join(lines[:at] + ([forged] if at else [b"X: " + forged]) + lines[at:])


def first_free_line(lines: list[bytes]) -> int:
    for at, line in enumerate(lines):
        if line.startswith(b"Message "):
            return at
    return len(lines)


def fold(mail: bytes, dice: random.Random) -> bytes:
    return mail.replace(b"\nMessage-ID: ", b"\nMessage-ID:\n " + dice.choice(FORGERIES[:3]), 1)


def drop_line(mail: bytes, dice: random.Random) -> bytes:
    lines = mail.split(b"\n")
    del lines[dice.randrange(len(lines))]
    return b"\n".join(lines)


def double_line(mail: bytes, dice: random.Random) -> bytes:
    lines = mail.split(b"\n")
    at = dice.randrange(len(lines))
    return b"\n".join(lines[: at + 1] + lines[at:])


def cut(mail: bytes, dice: random.Random) -> bytes:
    return mail[: dice.randrange(len(mail) + 1)]


def flip(mail: bytes, dice: random.Random) -> bytes:
    """Eight-bit junk. No digit is made out of another digit: that would be another mailbox's mail."""
    junk = bytearray(mail)
    for _ in range(dice.randint(1, 8)):
        if junk:
            junk[dice.randrange(len(junk))] = dice.randrange(128, 256)
    return bytes(junk)


def nulls(mail: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(mail) + 1)
    return mail[:at] + b"\0" * dice.randint(1, 9) + mail[at:]


def huge_header(mail: bytes, dice: random.Random) -> bytes:
    return b"X-Big: " + b"a" * dice.choice((10, 1000, 70_000)) + b"\n" + mail


def nest(mail: bytes, dice: random.Random) -> bytes:
    bomb = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i) for i in range(50))
    return mail.replace(b"Content-Type: text/plain; charset=ISO-8859-1\n", bomb, 1)


def no_id(mail: bytes, dice: random.Random) -> bytes:
    return re.sub(rb"(?m)^Message-ID: <Asterisk-.*\n", b"", mail, count=1)


def test_no_flagged_mailboxs_mail_gets_through() -> None:
    dice = seeded(20261124)
    for turn in range(ROUNDS):
        mailbox = FLAGGED[turn % 2]
        mail = mutated(mail_of(mailbox, dice, dice.choice((b"Caller", *FORGERIES))), dice)
        for stamped in (True, False):
            assert mailcmd.destination(mail, MAILBOXES, stamped) == mailcmd.NOTICE, (turn, stamped)
        mailcmd.recipients(mail)


def test_no_wellformed_mail_of_an_unflagged_mailbox_is_lost() -> None:
    dice = seeded(4573)
    names = (
        b"Caller",
        b"",
        b"+12065559999",
        b"[callveil",
        b"Message",
        b"\xe9\xff",
        b"--BOUND--x",
        b"a" * 5000,
    )
    for turn in range(ROUNDS):
        mail = mail_of(UNFLAGGED[turn % 2], dice, dice.choice(names[:3] + names[4:]))
        if dice.random() < 0.3:
            mail = mail.replace(b"\n", b"\r\n")
        mail += dice.choice((b"", b"\0\xff\r\r", bytes(range(256))))
        assert mailcmd.destination(mail, MAILBOXES, True) == mailcmd.THEN, turn
        if turn % 2 == 0:
            assert mailcmd.destination(mail_of("100@default", dice, stamped=False), MAILBOXES) == mailcmd.THEN


def test_without_stamps_a_forged_one_does_not_help_where_numbers_are_unique() -> None:
    dice = seeded(5)
    for turn in range(ROUNDS // 10):
        mail = mail_of("200@default", dice, dice.choice(FORGERIES), stamped=False)
        assert mailcmd.destination(mail, MAILBOXES) == mailcmd.NOTICE, turn
        assert mailcmd.destination(mutated(mail, dice), MAILBOXES) == mailcmd.NOTICE, turn


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize(
    "shape", [b"\n", b" ", b"To: ", b'"', b"<", b"a@", b"Message-ID: ", b"\nMessage-ID: <Asterisk-1"]
)
def test_no_shape_takes_long(shape: bytes, size: int) -> None:
    for mail in (shape * size, b"To:" + shape * size, b"A: b\n\n" + shape * size):
        assert mailcmd.destination(mail, MAILBOXES, True) == mailcmd.NOTICE
        mailcmd.recipients(mail)


def test_the_script_itself_hands_nothing_on_and_says_nothing(tmp_path: Path) -> None:
    policy, taken, sent = tmp_path / "policy.json", tmp_path / "taken", tmp_path / "sent"
    policy.write_text(json.dumps({"mailboxes": MAILBOXES}))
    command = [sys.executable, "-I", "-S", str(SCRIPT), "--policy", str(policy)]
    command += ["--then", f"cat >> {taken}", "--sendmail", f"cat > {sent}"]
    dice = seeded(20)
    for turn in range(20):
        sent.unlink(missing_ok=True)
        mail = mutated(mail_of(FLAGGED[turn % 2], dice, dice.choice(FORGERIES)), dice)
        options = ["--stamped"] if turn % 3 else []
        run = subprocess.run([*command, *options], input=mail, capture_output=True, check=False)
        assert not taken.exists(), turn
        assert CALLER not in run.stdout + run.stderr
        assert b"Traceback" not in run.stderr
        assert run.returncode == (0 if sent.exists() else 75)
        if sent.exists():
            assert sent.read_bytes() == mailcmd.notice(["staff@program.example"])
    good = mail_of("100@default", dice)
    subprocess.run([*command, "--stamped"], input=good, check=True)
    assert taken.read_bytes() == good
