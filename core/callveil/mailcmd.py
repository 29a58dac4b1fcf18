#!/usr/bin/python3 -I
"""Stands between Asterisk's voicemail and what mails it: mail of a flagged mailbox leaves as a bare notice.

This file runs alone, on Python 3.7 and newer with nothing installed, because a telephone server may have an
old Python and no Callveil. In voicemail.conf::

    mailcmd=/usr/local/bin/callveil-mailcmd --stamped --then "/usr/local/bin/transcribe-mail"

Mail is handed on only when everything about it agrees that it belongs to an unflagged mailbox. Whatever is
odd becomes the notice, so a mistake costs an attachment and never a survivor's number. The message itself
stays in the mailbox.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys

USAGE = """\
Usage: callveil-mailcmd [--then COMMAND] [--sendmail COMMAND] [--policy PATH] [--stamped] < MAIL

The mailcmd of Asterisk's voicemail.conf. Mail of a flagged mailbox goes out as a notice without
audio, caller or time, and never reaches COMMAND. Mail of other mailboxes goes to COMMAND unchanged.

  --then COMMAND      the mailcmd that was there before; by default the same as --sendmail
  --sendmail COMMAND  what sends the notice (default: /usr/sbin/sendmail -t)
  --policy PATH       the compiled policy (default: /var/lib/callveil/policy.json)
  --stamped           emailbody and pagerbody start with Callveil's line, as in config/voicemail.conf;
                      mail without that line counts as flagged

Example, in voicemail.conf:
  mailcmd=/usr/local/bin/callveil-mailcmd --stamped --then "/usr/local/bin/transcribe-mail"

Exit code: that of the command that was run; 75 when nothing was sent.
"""

NOTICE = "notice"
THEN = "then"

SENDMAIL = "/usr/sbin/sendmail -t"
POLICY = "/var/lib/callveil/policy.json"

MAX_MAIL = 50 * 1024 * 1024
MAX_POLICY = 16 * 1024 * 1024
_MAX_HEAD = 64 * 1024
# The notice has to fit into the smallest pipe buffer there is, because it is written before anyone reads.
_MAX_RECIPIENTS = 2000

NOTHING_SENT = 75  # EX_TEMPFAIL of sysexits.h
_BAD_USAGE = 2

_FIELD = re.compile(rb"([!-9;-~]+):(.*)", re.DOTALL)
# As app_voicemail writes it. The mailbox may hold hyphens; what stands before and behind it is digits only.
_MESSAGE_ID = re.compile(
    rb"Message-ID: <Asterisk-[0-9]{1,10}-[0-9]{1,10}-([0-9A-Za-z_.+*#-]{1,80})-[0-9]{1,10}"
    rb"@[0-9A-Za-z._-]{1,255}>"
)
_STAMP_START = b"[callveil "
_STAMP = re.compile(rb"\[callveil ([!-?A-Z\\^-~]{1,80})@([!-?A-Z\\^-~]{1,80})\]")
# No mailbox has this name.
_ODD = ("", "")
_TEXT = re.compile(rb"\s*text/plain\b.*", re.IGNORECASE | re.DOTALL)
_MULTIPART = re.compile(rb'\s*multipart/mixed;\s*boundary="([!#-~]{1,200})"\s*', re.IGNORECASE)
# What a page consists of: Asterisk gives it no Message-ID.
_PAGE = [b"date", b"from", b"to", b"subject"]

_ADDRESS = (
    rb"[0-9A-Za-z_][0-9A-Za-z_.%+=~'&-]{0,63}"
    rb"@[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62}){0,8}"
)
_NAME = rb'(?:"(?:[^"\\\x00-\x1f\x7f-\xff]|\\[ -~])*"[ \t]*|[^"<>,@:;\\\x00-\x08\x0a-\x1f\x7f-\xff]*)'
_RECIPIENT = re.compile(
    rb"(?:" + _NAME + rb"<[ \t]*(" + _ADDRESS + rb")[ \t]*>|(" + _ADDRESS + rb"))[ \t]*(,|\Z)"
)


def destination(mail: bytes, mailboxes: dict[str, object], stamped: bool = False) -> str:
    """Decide where one mail goes.

    Args:
        mail: what Asterisk wrote.
        mailboxes: ``mailbox@context`` to its entry in the compiled policy.
        stamped: whether voicemail.conf puts Callveil's line first in every mail and page. Then that line
            decides, and its absence is odd.

    Returns:
        ``THEN`` when the mail is certainly that of an unflagged mailbox, else ``NOTICE``.
    """
    entries = [mailboxes.get(key) for key in _candidates(mail, mailboxes, stamped)]
    unflagged = [isinstance(entry, dict) and entry.get("flagged") is False for entry in entries]
    return THEN if unflagged and all(unflagged) else NOTICE


def recipients(mail: bytes) -> list[str] | None:
    """Return the addresses of the one To header, or None when it is not wholly plain addresses.

    Names are dropped. The header is read even from mail that is otherwise broken: someone waits for the
    notice.
    """
    head, _ = _split(mail)
    found: list[bytes] = []
    inside = False
    for line in _lines(head):
        if line[:1] in (b" ", b"\t"):
            if inside:
                found[-1] += line
        else:
            inside = line[:3].lower() == b"to:"
            if inside:
                found.append(line[3:])
    if len(found) != 1 or len(found[0]) > _MAX_RECIPIENTS:
        return None
    addresses = []
    rest = found[0].strip(b" \t")
    more = True
    while more:
        match = _RECIPIENT.match(rest)
        if match is None:
            return None
        addresses.append((match.group(1) or match.group(2)).decode("ascii"))
        more = match.group(3) == b","
        rest = rest[match.end() :].lstrip(b" \t")
    return None if rest else addresses


def notice(addresses: list[str]) -> bytes:
    """Return the mail that tells of a message and of nothing else.

    Sender, date and Message-ID are left to the mail server.
    """
    lines = [
        "To: " + ",\n ".join(addresses),
        "Subject: New voice message",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "There is a new voice message. Listen to it from a telephone of the program.",
        "",
    ]
    return "\n".join(lines).encode("ascii")


def read_mailboxes(path: str) -> dict[str, object]:
    """Return the mailboxes of the compiled policy; none at all when any of it cannot be read."""
    try:
        # A pipe in place of the file must not hold the mail up.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return {}
            text, complete = _read(file, MAX_POLICY)
        finally:
            os.close(file)
        policy = json.loads(text.decode("utf-8"), object_pairs_hook=_without_doubles) if complete else {}
        mailboxes = policy.get("mailboxes")
        return mailboxes if isinstance(mailboxes, dict) else {}
    except Exception:
        return {}


def main() -> int:
    """Read one mail from standard input and become the command that sends it.

    Returns:
        An exit code, where no command could take over.
    """
    try:
        return _run(sys.argv[1:])
    except BaseException:
        # A traceback could hold a piece of the mail.
        return _say("nothing was sent, because of an error", NOTHING_SENT)


def _run(arguments: list[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(USAGE)
        return 0
    options = _options(arguments)
    if options is None:
        if sys.stdin is None or sys.stdin.isatty():
            return _say("unknown option\n" + USAGE, _BAD_USAGE)
        # Someone's mail is waiting: a slip in voicemail.conf costs its contents, not the news of it.
        _say("unknown option, so every mailbox counts as flagged", 0)
    sendmail = (options or {}).get("--sendmail") or SENDMAIL
    mail = b""
    try:
        start = _position()
        mail, complete = _read(0, MAX_MAIL)
        if options is not None and complete:
            mailboxes = read_mailboxes(options.get("--policy") or POLICY)
            if destination(mail, mailboxes, "--stamped" in options) == THEN:
                return _hand_on(options.get("--then") or sendmail, mail, start)
    except Exception:
        _say("an error, so the mail counts as that of a flagged mailbox", 0)
    return _send_notice(sendmail, mail)


def _options(arguments: list[str]) -> dict[str, str] | None:
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--stamped" and not equals:
            value = "yes"
        elif name in ("--then", "--sendmail", "--policy"):
            if not equals:
                value = rest.pop(0) if rest else ""
        else:
            return None
        if not value.strip() or value.startswith("-") or name in options:
            return None
        options[name] = value
    return options


def _hand_on(command: str, mail: bytes, start: int | None) -> int:
    if start is not None:
        # Asterisk gives a file. The command gets that very file, at the place where it was.
        os.lseek(0, start, os.SEEK_SET)
        _become(command)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(writing)
            os.dup2(reading, 0)
            os.close(reading)
            _become(command)
        finally:
            os._exit(NOTHING_SENT)
    os.close(reading)
    view = memoryview(mail)
    try:
        while view:
            view = view[os.write(writing, view) :]
    except BrokenPipeError:
        pass  # The command has read as much as it wanted.
    os.close(writing)
    status = os.waitpid(child, 0)[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _send_notice(command: str, mail: bytes) -> int:
    addresses = recipients(mail)
    if addresses is None:
        return _say("no notice was sent, because the recipient could not be read", NOTHING_SENT)
    reading, writing = os.pipe()
    os.write(writing, notice(addresses))
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    return _become(command)


def _become(command: str) -> int:
    # The administrator's own constant, run the way Asterisk ran it: Asterisk puts mailcmd into a shell's
    # command line, so it may hold pipes, variables and quotes. Nothing of the mail is ever in it.
    for name in ("SIGPIPE", "SIGXFSZ"):
        # Python ignores these, and a command would inherit that.
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execve("/bin/sh", ["sh", "-c", command], _environment())  # noqa: S606 - see above
    return NOTHING_SENT


def _environment() -> dict[bytes, bytes]:
    # Python may have set LC_CTYPE for itself. The command gets what Asterisk gave.
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [entry.partition(b"=") for entry in file.read().split(b"\0")]
        return {name: value for name, equals, value in pairs if name and equals}
    except OSError:
        return dict(os.environb)


def _position() -> int | None:
    if not stat.S_ISREG(os.fstat(0).st_mode):
        return None
    return os.lseek(0, 0, os.SEEK_CUR)


def _read(file: int, limit: int) -> tuple[bytes, bool]:
    """Read a file descriptor to its end; false when there is more than the limit, or reading failed."""
    parts: list[bytes] = []
    size = 0
    try:
        while size <= limit:
            part = os.read(file, 1024 * 1024)
            if not part:
                return b"".join(parts), True
            parts.append(part)
            size += len(part)
    except OSError:
        pass
    return b"".join(parts), False


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a name stands twice")
    return entries


def _candidates(mail: bytes, mailboxes: dict[str, object], stamped: bool) -> list[str]:
    """Return each ``mailbox@context`` that the mail can belong to; none when anything about it is odd."""
    head, body = _split(mail)
    fields = _fields(head)
    if len(mail) > MAX_MAIL or body is None or fields is None:
        return []
    # Nothing that a caller can write makes a header line, but a name with a line break in it does reach the
    # body. There, such a line proves that something is being imitated.
    if b"\nmessage-id" in b"\n" + body.lower():
        return []
    names = [name for name, _ in fields]
    # Asterisk writes both before anything else that matters: without them, the mail is not whole.
    if names.count(b"to") != 1 or names.count(b"subject") != 1:
        return []
    page = stamped and names == _PAGE
    number = _number(fields)
    stamp = _stamp(fields, body)
    if stamp is None and not stamped and number is not None:
        # The context is unknown, so every mailbox that it could be has to be an unflagged one.
        return [key for key in mailboxes if key.partition("@")[0] == number]
    if stamp is None or not (page or stamp[0] == number):
        return []
    return ["@".join(stamp)]


def _split(mail: bytes) -> tuple[bytes, bytes | None]:
    """Return the header block and the body; no body when the block does not end."""
    start = mail[:_MAX_HEAD]
    end = re.search(rb"\n\r?\n", start)
    return (start, None) if end is None else (start[: end.start() + 1], mail[end.end() :])


def _lines(block: bytes) -> list[bytes]:
    return [line[:-1] if line.endswith(b"\r") else line for line in block.split(b"\n")]


def _fields(block: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return the names, in small letters, and the whole lines of a header block; None if malformed."""
    fields: list[tuple[bytes, bytes]] = []
    for line in _lines(block)[:-1]:
        if b"\0" in line or b"\r" in line:
            return None
        if line[:1] in (b" ", b"\t"):
            if not fields:
                return None
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
            continue
        match = _FIELD.match(line)
        if match is None:
            return None
        fields.append((match.group(1).lower(), line))
    return fields


def _number(fields: list[tuple[bytes, bytes]]) -> str | None:
    lines = [line for name, line in fields if name == b"message-id"]
    match = _MESSAGE_ID.fullmatch(lines[0]) if len(lines) == 1 else None
    return match.group(1).decode("ascii") if match else None


def _stamp(fields: list[tuple[bytes, bytes]], body: bytes) -> tuple[str, str] | None:
    """Return mailbox and context of the stamp, None when there is none, or ``_ODD``."""
    count = (b"\n" + body).count(b"\n" + _STAMP_START)
    if count == 0:
        return None
    line = _first_text(fields, body).split(b"\n", 1)[0]
    match = _STAMP.fullmatch(line[:-1] if line.endswith(b"\r") else line)
    if match is None or count > 1:
        return _ODD
    return match.group(1).decode("ascii"), match.group(2).decode("ascii")


def _first_text(fields: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Return what starts with the first line of ``emailbody``, which the configuration alone writes.

    Asterisk makes two shapes: plain text, and a multipart whose first part is that text. Nothing of the
    caller stands between the header block and that line in either. Empty for every other shape.
    """
    kind = _content_type(fields)
    if _TEXT.fullmatch(kind):
        return body
    multipart = _MULTIPART.fullmatch(kind)
    boundary = multipart.group(1) if multipart else b""
    start = re.search(rb"(?:\A|\n)--" + re.escape(boundary) + rb"\r?\n", body[:_MAX_HEAD])
    if not boundary or start is None:
        return b""
    head, text = _split(body[start.end() :])
    part = _fields(head)
    if text is None or part is None or not _TEXT.fullmatch(_content_type(part)):
        return b""
    return text


def _content_type(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return the kind of content; plain text where none is named, nothing when there are several."""
    kinds = [line.partition(b":")[2] for name, line in fields if name == b"content-type"]
    return b"text/plain" if not kinds else kinds[0] if len(kinds) == 1 else b""


def _say(text: str, code: int) -> int:
    try:
        sys.stderr.write("callveil-mailcmd: " + text + "\n")
    except Exception:
        return code
    return code


if __name__ == "__main__":
    sys.exit(main())
