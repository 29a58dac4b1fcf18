"""What is found and removed among files, and what is left alone."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import pytest
from callveil.history.clear import clear, look
from callveil.history.counting import count_lines
from callveil.history.erase import empty, overwrite
from callveil.history.held import Held
from callveil.history.logs import matcher
from callveil.history.machine import Machine
from callveil.history.model import Outcome, State
from callveil.history.places import choose
from callveil.history.tree import RefusedError, Tree
from unit.history_disk import NUMBER, Disk


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "root")


def looked(disk: Disk, key: str) -> Outcome:
    (place,) = choose(Machine(disk.root), [key], [])
    return look(place)


def cleared(disk: Disk, key: str) -> Outcome:
    (place,) = choose(Machine(disk.root), [key], [])
    return clear(place, [])


def test_records_go_with_the_files_that_are_named_by_a_number(disk: Disk) -> None:
    disk.log("cdr-csv/Master.csv", "a\nb\n")
    disk.log(f"cdr-csv/{NUMBER}.csv", "")
    disk.log("cdr-csv/Master.csv.1.gz", gzip.compress(b"c\nd\ne"))
    found = looked(disk, "cdr-csv").found
    assert found.counts == {"files": 3, "lines": 5}
    assert found.notes == ("Files named by an account: 1.",)
    assert found.where == ("/var/log/asterisk/cdr-csv",)
    assert cleared(disk, "cdr-csv").state is State.REMOVED
    assert os.listdir(disk.logs / "cdr-csv") == []


def test_the_journal_of_callveil_is_no_history(disk: Disk) -> None:
    disk.setting(
        "cdr_custom.conf",
        "[mappings]\n../../../spool/callveil/journal.csv => x\nsub/own.csv => y\n../old.csv => z\n",
    )
    journal = disk.root / "var/spool/callveil/journal.csv"
    journal.parent.mkdir()
    journal.write_text("kept")
    disk.log("cdr-custom/sub/own.csv")
    disk.log("old.csv")
    assert looked(disk, "cdr-custom").found.counts == {"files": 2, "lines": 2}
    assert looked(disk, "cdr-custom").why == ()
    assert cleared(disk, "cdr-custom").state is State.REMOVED
    assert disk.holds() == []
    assert journal.read_text() == "kept"


def test_records_that_are_led_out_of_the_folder_of_logs_are_said(disk: Disk) -> None:
    disk.setting("cdr_custom.conf", "[mappings]\n../../../../srv/calls.csv => x\n")
    outcome = looked(disk, "cdr-custom")
    assert outcome.state is State.UNSEEN
    assert outcome.why == ("cdr_custom.conf writes into another folder than /var/log/asterisk.",)


@pytest.mark.parametrize(
    "name",
    ["full", "full.1", "full-20261101", "full-20261101.gz", "messages.log", "messages.log.3.xz", "debug.old"],
)
def test_names_of_logs_that_were_put_aside(name: str) -> None:
    assert matcher(("full", "messages", "debug")).fullmatch(name)


@pytest.mark.parametrize("name", ["fuller", "full-backup", "xfull", "full.txt", "full.1.txt"])
def test_names_of_other_files(name: str) -> None:
    assert not matcher(("full", "messages", "debug")).fullmatch(name)


def test_logs_that_asterisk_writes_are_emptied_in_place_and_others_go(disk: Disk) -> None:
    live, aside = disk.log("full"), disk.log("full.1")
    packed = disk.log("messages.2.bz2", bz2.compress(b"1\n2\n"))
    inode = live.stat().st_ino
    assert looked(disk, "logs").found.counts == {"files": 3, "lines": 4}
    with live.open("a") as asterisk:
        assert clear_logs(disk, opened=[]).state is State.REMOVED
        asterisk.write("next\n")
    assert not aside.exists()
    assert not packed.exists()
    # Whoever had it open writes at its new beginning: no hole is left in front.
    assert live.read_bytes() == b"next\n"
    assert live.stat().st_ino == inode


def clear_logs(disk: Disk, opened: list[Path]) -> Outcome:
    """Clear the logs of a machine where it is known which files are open."""
    folder = disk.root / "proc" / "4242" / "fd"
    folder.mkdir(parents=True)
    for number, path in enumerate(opened):
        (folder / str(number)).symlink_to(path)
    machine = Machine(disk.root)
    vars(machine)["held"] = Held(disk.root / "proc")
    (place,) = choose(machine, ["logs"], [])
    return clear(place, [])


def test_a_log_put_aside_that_a_program_still_writes_keeps_its_name(disk: Disk) -> None:
    written, idle = disk.log("full.1"), disk.log("full.2")
    assert clear_logs(disk, [written]).state is State.REMOVED
    assert written.read_bytes() == b""
    assert not idle.exists()


def test_where_open_files_are_unknown_every_log_keeps_its_name(disk: Disk) -> None:
    aside = disk.log("full.1")
    named = disk.log(f"cdr-csv/{NUMBER}.csv")
    assert cleared(disk, "logs").state is State.REMOVED
    assert aside.read_bytes() == b""
    # But a name that is a number must go.
    assert cleared(disk, "cdr-csv").state is State.REMOVED
    assert not named.exists()


def test_open_files_are_seen_in_any_program(tmp_path: Path) -> None:
    kept, other = tmp_path / "kept", tmp_path / "other"
    kept.write_text("x")
    other.write_text("x")
    folder = tmp_path / "proc" / "4242" / "fd"
    folder.mkdir(parents=True)
    (folder / "3").symlink_to(kept)
    held = Held(tmp_path / "proc")
    assert held.has(kept.stat())
    assert not held.has(other.stat())


def test_settings_name_further_logs(disk: Disk) -> None:
    disk.setting(
        "logger.conf",
        "[general]\nqueue_log_name = waiting\n#include more.conf\n"
        "[logfiles](!)\nnever => notice\n[logfiles]\n"
        "calls => notice ; all\nnone =>\n/var/log/elsewhere/pbx.log => verbose\n"
        "console => error\nsyslog.local0 => error\n",
    )
    disk.setting("more.conf", "[logfiles]\n;-- off => notice --;\nsip => debug\n")
    for name in ("calls", "sip.1", "none", "never"):
        disk.log(name)
    elsewhere = disk.root / "var/log/elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pbx.log").write_text("1\n")
    (elsewhere / "wanted").write_text("1\n")
    disk.log("waiting")
    assert looked(disk, "queue-log").found.counts == {"files": 1, "lines": 1}
    found = looked(disk, "logs").found
    assert found.counts == {"files": 3, "lines": 3}
    assert found.where == ("/var/log/asterisk", "/var/log/elsewhere")
    assert looked(disk, "other-logs").found.counts == {"files": 1}
    cleared(disk, "logs")
    assert (elsewhere / "wanted").exists()


def test_other_files_among_the_logs_are_removed_only_where_they_are_named(disk: Disk) -> None:
    odd = disk.log("freepbx_dbug.txt")
    machine = Machine(disk.root)
    (place,) = choose(machine, ["other-logs"], [])
    left = clear(place, [])
    assert left.state is State.LEFT
    assert "--only other-logs" in left.why[0]
    assert odd.exists()
    assert clear(place, ["other-logs"]).state is State.REMOVED
    assert not odd.exists()


def test_asterisk_says_where_its_folders_are(disk: Disk) -> None:
    disk.setting("asterisk.conf", "[directories]\nastlogdir => /srv/logs\nastvarlibdir => /srv/lib\n")
    machine = Machine(disk.root)
    assert machine.logs.shown == "/srv/logs"
    assert machine.astdb.shown == "/srv/lib"
    disk.setting("asterisk.conf", "[directories](!)\nastlogdir => /srv/logs\n")
    assert Machine(disk.root).logs.shown == "/var/log/asterisk"


def test_recordings_are_counted_and_never_removed(disk: Disk) -> None:
    kept = disk.spooled(f"monitor/2026/01/02/out-{NUMBER}-201-20260102.wav")
    for named in ([], ["recordings"]):
        (place,) = choose(Machine(disk.root), ["recordings"], [])
        outcome = clear(place, named)
        assert outcome.state is State.LEFT
        assert outcome.found.counts == {"files": 1}
        assert outcome.found.where == ("/var/spool/asterisk/monitor",)
    assert kept.exists()


def test_call_files_and_spoken_names_go(disk: Disk) -> None:
    disk.spooled("outgoing_done/a.call")
    waiting = disk.spooled("outgoing/b.call")
    spoken = disk.variable / "sounds/priv-callerintros"
    spoken.mkdir(parents=True)
    (spoken / f"{NUMBER}.gsm").write_bytes(b"x")
    assert cleared(disk, "call-files").state is State.REMOVED
    assert cleared(disk, "spoken-names").state is State.REMOVED
    assert os.listdir(spoken) == []
    # A call that is still to be made is no history.
    assert waiting.exists()


@pytest.mark.parametrize("kind", ["link", "link to a folder", "second name", "pipe"])
def test_what_leads_elsewhere_is_refused_and_said(disk: Disk, kind: str) -> None:
    outside = disk.root / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("precious")
    (disk.logs / "cdr-csv").mkdir()
    bait = disk.logs / "cdr-csv" / f"{NUMBER}.csv"
    if kind == "link":
        bait.symlink_to(victim)
    elif kind == "link to a folder":
        bait.symlink_to(outside)
    elif kind == "second name":
        os.link(victim, bait)
    else:
        os.mkfifo(bait)
    disk.log("cdr-csv/Master.csv")
    outcome = cleared(disk, "cdr-csv")
    assert victim.read_text() == "precious"
    assert os.path.lexists(bait)
    assert not (disk.logs / "cdr-csv/Master.csv").exists()
    assert outcome.state is State.REMOVED
    assert outcome.found.counts == {"files": 1, "lines": 1}
    assert len(outcome.why) == 1
    assert "1 not touched" in outcome.why[0]
    assert NUMBER not in outcome.why[0]


def test_a_folder_that_is_a_link_is_not_followed(disk: Disk) -> None:
    outside = disk.root / "srv"
    outside.mkdir()
    (outside / "Master.csv").write_text("precious")
    (disk.logs / "cdr-csv").symlink_to(outside)
    outcome = cleared(disk, "cdr-csv")
    assert outcome.state is State.UNSEEN
    assert outcome.why == ("/var/log/asterisk/cdr-csv: it is a link, which is not followed.",)
    assert (outside / "Master.csv").read_text() == "precious"


def test_a_file_that_becomes_a_link_meanwhile_is_refused(disk: Disk) -> None:
    victim = disk.root / "victim"
    victim.write_text("precious")
    bait = disk.log("cdr-csv/Master.csv")
    folder = Tree(disk.root, "/var/log/asterisk")
    assert folder.files("cdr-csv") == ["cdr-csv/Master.csv"]
    bait.unlink()
    bait.symlink_to(victim)
    with pytest.raises(RefusedError):
        empty(folder, "cdr-csv/Master.csv")
    assert victim.read_text() == "precious"


def test_a_device_is_never_opened(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="a device"), Tree(Path("/"), "/dev").open("null"):
        pass


def test_zeros_reach_the_file_before_it_is_cut(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut in between leaves a file of zeros that is still found, never one that reads as done."""
    path = disk.log("cdr-csv/Master.csv", b"\xd6" * 3_000_000)

    def power_cut(descriptor: int, length: int) -> None:
        raise OSError(5, "power cut")

    monkeypatch.setattr(os, "ftruncate", power_cut)
    outcome = cleared(disk, "cdr-csv")
    assert outcome.state is State.LEFT
    assert outcome.why == ("1 of 1 file in /var/log/asterisk: power cut.",)
    assert path.read_bytes() == bytes(3_000_000)
    assert looked(disk, "cdr-csv").found.counts == {"files": 1, "lines": 1}


def test_what_is_appended_while_zeros_are_written_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_text("a" * 100)
    write = os.pwrite
    appended = iter([b"b" * 50, b""])

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        with path.open("ab") as asterisk:
            asterisk.write(next(appended))
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with path.open("r+b") as file:
        overwrite(file.fileno())
    assert path.read_bytes() == bytes(150)


def test_a_file_that_may_not_be_changed_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.log("cdr-csv/Master.csv")

    def refuse(descriptor: int, data: bytes, offset: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "pwrite", refuse)
    outcome = cleared(disk, "cdr-csv")
    assert outcome.state is State.LEFT
    assert outcome.why == ("1 of 1 file in /var/log/asterisk: not permitted.",)


def test_a_log_that_grows_again_at_once_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    live = disk.log("full")
    cut = os.ftruncate

    def ftruncate(descriptor: int, length: int) -> None:
        cut(descriptor, length)
        live.write_text("a new line\n")

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    outcome = cleared(disk, "logs")
    assert outcome.state is State.LEFT
    assert outcome.why == ("Something was written there meanwhile: Asterisk still writes to it.",)


def test_a_folder_that_may_not_be_read_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.log("cdr-csv/Master.csv")
    ordinary = os.open

    def refuse(path: str, flags: int, **more: int) -> int:
        if path == "cdr-csv":
            raise PermissionError(13, "Permission denied")
        return ordinary(path, flags, **more)

    monkeypatch.setattr(os, "open", refuse)
    outcome = looked(disk, "cdr-csv")
    assert outcome.state is State.UNSEEN
    assert outcome.why == ("/var/log/asterisk/cdr-csv: this user may not read it.",)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", 0),
        (b"one", 1),
        (b"one\n", 1),
        (b"one\ntwo", 2),
        (gzip.compress(b"1\n2\n3"), 3),
        (bz2.compress(b"1\n2\n"), 2),
        (lzma.compress(b"1\n"), 1),
        (gzip.compress(b"1\n2\n")[:-6], 0),
        (b"\x1f\x8bnot gzip", 0),
    ],
)
def test_lines_are_counted_in_packed_files_too(disk: Disk, data: bytes, lines: int) -> None:
    disk.log("full", data)
    assert count_lines(Tree(disk.root, "/var/log/asterisk"), "full") == lines
