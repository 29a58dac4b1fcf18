"""The harness proves itself: it finds what is there, so that what it does not find is not there."""

from __future__ import annotations

import base64
import gzip

import pytest
from harness.ami import AmiTap
from harness.daemon import HarnessError
from harness.leaks import Place, find_number
from harness.pbx import Pbx, wait_for
from harness.sip import FOREVER, Carrier, Phone, place_call, ring_in

pytestmark = pytest.mark.asterisk

DIALLED = "+12065550147"
CALLER = "+12125550147"
NEVER_USED = "+13125550189"


def paths(places: list[Place]) -> set[str]:
    return {place.path for place in places}


def test_a_call_reaches_the_carrier_and_leaves_its_number_in_the_records(plain: Pbx) -> None:
    with Carrier(plain) as carrier:
        result = place_call(plain, "101", "12065550147")
        (invite,) = carrier.calls()
    assert result.statuses == [100, 180, 200]
    assert invite.dialled == "12065550147"
    assert invite.user("From") == "101"
    assert invite.display("From") == "Desk 101"
    assert invite.user("P-Asserted-Identity") == "101"
    plain.wait_idle()
    found = paths(find_number(plain, DIALLED))
    assert "/var/log/asterisk/cdr-csv/Master.csv" in found
    assert "/var/log/asterisk/full" in found
    assert DIALLED[1:] in plain.read("/var/log/asterisk/cdr-csv/Master.csv")


def test_a_number_that_nobody_used_is_found_nowhere(plain: Pbx) -> None:
    assert find_number(plain, NEVER_USED) == []


@pytest.mark.parametrize("digits", ["+12065550147", "12065550147", "0012065550147"])
def test_what_is_dialled_arrives_as_it_was_dialled(plain: Pbx, digits: str) -> None:
    with Carrier(plain, 486) as carrier:
        result = place_call(plain, "101", digits)
        (invite,) = carrier.calls()
    assert result.messages[0].dialled == invite.dialled == digits


def test_signs_that_mean_something_in_an_address_are_escaped(plain: Pbx) -> None:
    result = place_call(plain, "101", "#31#12065550147")
    assert result.messages[0].request_uri == "sip:%2331%2312065550147@127.0.0.1"
    assert result.final_status == 404
    assert "#31#12065550147" in plain.read("/var/log/asterisk/messages.log")


def test_the_plain_hide_code_hides_the_number(plain: Pbx) -> None:
    with Carrier(plain) as carrier:
        place_call(plain, "101", "*6712065550147")
        (invite,) = carrier.calls()
    assert invite.user("From") == "anonymous"
    assert invite.header("P-Asserted-Identity") is None


@pytest.mark.parametrize(("status", "seen"), [(486, 486), (480, 480), (433, 500), (603, 403)])
def test_a_carrier_can_refuse(plain: Pbx, status: int, seen: int) -> None:
    with Carrier(plain, status) as carrier:
        result = place_call(plain, "101", "12065550147")
        answers = [message.status for message in carrier.messages() if message.direction == "sent"]
    assert answers == [status]
    assert result.final_status == seen


def test_a_carrier_can_hang_up(plain: Pbx) -> None:
    with Carrier(plain, hold_ms=200) as carrier:
        result = place_call(plain, "101", "12065550147", hold_ms=10_000)
        assert any(m.direction == "sent" and m.method == "BYE" and not m.status for m in carrier.messages())
    assert result.answered


def test_a_caller_can_give_up(plain: Pbx) -> None:
    with Carrier(plain, ring_ms=FOREVER):
        result = place_call(plain, "101", "12065550147", give_up_ms=400)
    assert result.final_status == 487


def test_calls_can_go_on_at_the_same_time(plain: Pbx) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Carrier(plain) as carrier, ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(place_call, plain, ext, f"1206555014{number}", hold_ms=1500)
            for number, ext in enumerate(["101", "201", "202", "101"])
        ]
        assert [call.result().final_status for call in calls] == [200] * 4
        seen = {(invite.user("From"), invite.dialled) for invite in carrier.calls()}
    assert seen == {
        ("101", "12065550140"),
        ("201", "12065550141"),
        ("202", "12065550142"),
        ("101", "12065550143"),
    }


def test_a_phone_shows_who_calls(plain: Pbx) -> None:
    with Phone(plain, "201") as phone:
        result = ring_in(plain, "+18005550100", CALLER, "Maria Canary", seconds=0.3)
        (invite,) = phone.calls()
    assert result.answered
    assert invite.user("From") == CALLER
    assert invite.display("From") == "Maria Canary"


def test_what_is_spoken_to_a_caller_is_heard(plain: Pbx) -> None:
    with Phone(plain, "101", status=480):
        result = ring_in(plain, "+12065550100", CALLER, seconds=4)
    assert result.answered
    # The greeting of the mailbox.
    assert result.media_packets > 100
    assert result.loud_ms > 500


def test_an_echo_of_silence_is_not_taken_for_speech(plain: Pbx) -> None:
    with Carrier(plain):
        result = place_call(plain, "101", "12065550147", hold_ms=1000)
    assert result.loud_ms == 0


WORDS = {"call", "called", "me", "back", "tomorrow", "morning"}


def words_of_a_message(plain: Pbx) -> set[str]:
    """Leaves a message at the office and returns the words in the transcript that is mailed."""
    plain.exec(": > /var/mail/office; : > /var/log/transcriber.log")
    with Phone(plain, "101", status=480):
        ring_in(
            plain,
            "+12065550100",
            CALLER,
            "Maria Canary",
            say="Please call me back tomorrow morning.",
            seconds=16,
        )
    wait_for("the mail", lambda: "Transcript: " in plain.read("/var/mail/office"), 30)
    # Long lines of the text are broken with a "=" at the end.
    mail = plain.read("/var/mail/office").replace("=\n", "")
    return set(mail.partition("Transcript: ")[2].partition("\n------")[0].split())


def test_a_voicemail_is_recorded_transcribed_and_mailed(plain: Pbx) -> None:
    # The recogniser is a small one. It gets some words wrong, and more where a busy machine drops a piece of
    # the speech on its way: what counts is that it heard the message, so it may be told it three times.
    heard = words_of_a_message(plain)
    for _ in range(2):
        if len(heard & WORDS) < 2:
            heard = words_of_a_message(plain)
    assert len(heard & WORDS) >= 2, heard
    recording = plain.files("/var/spool/asterisk/voicemail/default/100/INBOX/*.wav")[-1]
    assert len(plain.pbx.read_bytes(recording)) > 3 * 16_000
    assert "office@localhost" in plain.read("/var/log/transcriber.log")
    places = find_number(plain, CALLER, also=["Maria Canary"])
    assert {"/var/mail/office", recording.replace(".wav", ".txt")} <= paths(places)
    assert {place.spelling for place in places} >= {CALLER[2:], "Maria Canary"}


def planted(pbx: Pbx, number: str) -> dict[str, str]:
    """Puts a number on the disk in many ways; returns what each file must be found as."""
    core = number.removeprefix("+1")
    area, exchange, line = core[:3], core[3:6], core[6:]
    folder = "/var/lib/planted"
    texts = {
        "e164": (number, core),
        "national": (f"1{core}", core),
        "ten": (core, core),
        "dashes": (f"{area}-{exchange}-{line}", f"{area}-{exchange}-{line}"),
        "brackets": (f"({area}) {exchange}-{line}", f"({area}) {exchange}-{line}"),
        "dots": (f"{area}.{exchange}.{line}", f"{area}.{exchange}.{line}"),
        "spaces": (f"{area} {exchange} {line}", f"{area} {exchange} {line}"),
        "tel": (f"tel:{number}", core),
        "url": (f"sip:%2B1{core}@example.invalid", core),
    }
    expected = {}
    for name, (text, spelling) in texts.items():
        pbx.write(f"{folder}/{name}", f"before {text} after")
        expected[f"{folder}/{name}"] = spelling
    for name, encoding in (("little", "utf-16-le"), ("big", "utf-16-be")):
        pbx.write(f"{folder}/{name}", f"before {number} after".encode(encoding))
        expected[f"{folder}/{name}"] = f"{core} (UTF-16{name[0].upper()}E)"
    for shift in range(3):
        # The country code takes two signs, so the ten digits begin at another alignment than the text.
        data = base64.b64encode(b"x" * shift + number.encode() + b" and more")
        pbx.write(f"{folder}/base64-{shift}", data)
        expected[f"{folder}/base64-{shift}"] = f"{core} (base64, {(shift + 2) % 3})"
    pbx.write(f"{folder}/old.log.gz", gzip.compress(f"before {number} after".encode()))
    expected[f"{folder}/old.log.gz (unpacked)"] = core
    body = base64.encodebytes(f"Please call\n{number}\nor nobody".encode()).decode()
    head = "From someone Tue Nov 24 06:04:45 2026\nSubject: x\nMIME-Version: 1.0\n"
    pbx.write(f"{folder}/mail", f"{head}Content-Transfer-Encoding: base64\n\n{body}")
    expected[f"{folder}/mail (decoded)"] = core
    soft = f"{head}Content-Transfer-Encoding: quoted-printable\n\ncall {number[:7]}=\n{number[7:]}\n"
    pbx.write(f"{folder}/soft", soft)
    expected[f"{folder}/soft (decoded)"] = core
    pbx.write(f"{folder}/out-{core}-1.wav", b"")
    expected[f"{folder}/out-{core}-1.wav (name)"] = core
    for place in ("/tmp/planted", "/run/planted", "/dev/shm/planted"):
        pbx.write(place, number)
        expected[place] = core
    # A file that says it is old, and one of the image's own that was added to.
    pbx.write("/tmp/old", number)
    pbx.exec("touch -d 2001-01-01 /tmp/old && cat /tmp/old >> /etc/debian_version")
    expected["/tmp/old"] = expected["/etc/debian_version"] = core
    return expected


def test_a_planted_number_is_found_in_every_spelling(plain: Pbx) -> None:
    number = "+14155550163"
    expected = planted(plain, number)
    found = {(place.path, place.spelling) for place in find_number(plain, number)}
    assert set(expected.items()) - found == set()


def test_a_number_in_a_write_ahead_log_is_found(plain: Pbx) -> None:
    number = "+14155550164"
    program = (
        "import sqlite3,time;c=sqlite3.connect('/var/lib/planted.db');c.execute('pragma journal_mode=wal');"
        "c.execute('create table t(x)');c.commit();c.execute('pragma wal_checkpoint(truncate)');"
        "n=input();c.execute('insert into t values(?)',(n,));c.commit();time.sleep(60)"
    )
    # The number comes by a pipe, or it would be found on the command line as well.
    plain.exec("mkfifo /tmp/pipe")
    plain.spawn(["sh", "-c", 'exec python3 -c "$0" < /tmp/pipe', program])
    plain.exec("cat > /tmp/pipe", input=number + "\n")
    wait_for("the log", lambda: "/var/lib/planted.db-wal" in paths(find_number(plain, number)), 10)
    assert "/var/lib/planted.db" not in paths(find_number(plain, number))


def test_a_number_in_a_deleted_file_that_is_still_open_is_found(plain: Pbx) -> None:
    number = "+14155550165"
    plain.write("/tmp/open", number)
    plain.spawn("exec 3< /tmp/open; rm /tmp/open; exec sleep 60", user="asterisk")
    found = wait_for("the file", lambda: find_number(plain, number), 10)
    assert any("deleted" in path and path.startswith("/proc/") for path in paths(found))


def test_a_number_on_a_command_line_is_found(plain: Pbx) -> None:
    number = "+14155550166"
    plain.spawn(["sh", "-c", "sleep 60; exit", number])
    found = wait_for("the process", lambda: find_number(plain, number), 10)
    assert any(path.endswith("/cmdline") for path in paths(found))


def test_the_manager_interface_tells_of_a_call(plain: Pbx) -> None:
    with AmiTap(plain) as tap, Carrier(plain):
        place_call(plain, "101", "12065550147")
        tap.wait(lambda block: block.get("Event") == "Hangup", "the end of the call")
    assert any(event["Exten"] == "12065550147" for event in tap.events("Newchannel"))
    assert b"12065550147" in tap.raw
    (answer,) = plain.ami_action("Command", Command="core show version")
    assert answer["Output"].startswith(f"Asterisk {plain.version}.")
    assert (
        len(
            [
                block
                for block in plain.ami_action("PJSIPShowEndpoints")
                if block.get("Event") == "EndpointList"
            ]
        )
        == 4
    )


def test_a_wrong_password_is_an_error(plain: Pbx) -> None:
    with pytest.raises(HarnessError, match="refused"):
        AmiTap(plain, secret="wrong")


@pytest.mark.parametrize("how", ["graceful", "kill"])
def test_asterisk_starts_again_on_the_same_disk(plain: Pbx, how: str) -> None:
    plain.write("/var/lib/asterisk/kept", "still here")
    before = plain.exec("pidof asterisk").stdout
    plain.restart_asterisk("kill" if how == "kill" else "graceful")
    assert plain.exec("pidof asterisk").stdout != before
    assert plain.read("/var/lib/asterisk/kept") == "still here"
    with Carrier(plain):
        assert place_call(plain, "101", "12065550147").answered


def test_callveil_stands_where_its_commands_can_reach_asterisk(version: str) -> None:
    with Pbx.start("16" if version == "16" else "22", "callveil") as pbx:
        assert pbx.callveil.exec("command -v callveil callveil-agi").stdout.split()
        pbx.callveil.write("/etc/asterisk/callveil/probe", "seen", owner="asterisk:asterisk")
        assert pbx.read("/etc/asterisk/callveil/probe") == "seen"
        assert pbx.callveil.exec("id -u asterisk").stdout == pbx.exec("id -u asterisk").stdout
        assert [container.role for container in pbx.containers] == ["pbx", "callveil"][
            : 2 if version == "16" else 1
        ]
        assert find_number(pbx, NEVER_USED) == []
