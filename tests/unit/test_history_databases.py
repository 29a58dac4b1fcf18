"""What is taken out of Asterisk's SQLite files, and how a database server is found."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from callveil.history.clear import clear, look
from callveil.history.database_login import LoginError, find_login, parse_freepbx, parse_my_cnf
from callveil.history.held import Held
from callveil.history.machine import Machine
from callveil.history.model import Outcome, State
from callveil.history.places import UnknownPlaceError, choose
from unit.history_disk import NUMBER, Disk

ENTRIES = {
    f"/privacy/desk/{NUMBER}": "ALLOW",
    "/CALLTRACE/201": NUMBER,
    f"/cidname/{NUMBER}": "Rosalind",
    f"/blacklist/{NUMBER}": "1",
    "/lastcaller/201": NUMBER,
    "/AMPUSER/201/cidnum": NUMBER,
    "/pbx/UUID": "e5b682dd-e7a5-4551-8cdf-48590ca78b4f",
}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "root")


def cleared(disk: Disk, key: str, *, named: tuple[str, ...] = ()) -> Outcome:
    (place,) = choose(Machine(disk.root), [key], [])
    return clear(place, named)


def test_rows_go_for_good_and_the_file_stays(disk: Disk) -> None:
    file = disk.records(rows=500)
    with closing(sqlite3.connect(file)) as database:
        # Rows that were deleted before, in a file that keeps what it deletes.
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("DELETE FROM cdr WHERE id % 3 = 0")
        database.commit()
    disk.records("master.db.1")
    inode, mode = file.stat().st_ino, file.stat().st_mode
    (place,) = choose(Machine(disk.root), ["sqlite"], [])
    assert look(place).found.counts == {"rows": 334, "copies": 1}
    with closing(sqlite3.connect(file)) as asterisk:
        assert clear(place, []).state is State.REMOVED
        assert disk.holds() == []
        assert sorted(path.name for path in disk.logs.iterdir()) == ["master.db"]
        assert (file.stat().st_ino, file.stat().st_mode) == (inode, mode)
        asterisk.execute("INSERT INTO cdr (src, dst) VALUES ('1', '2')")
        asterisk.commit()
    assert look(place).found.counts == {"rows": 1}


def test_the_journal_that_held_the_rows_is_overwritten(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = disk.records(rows=500)
    kept: list[bytes] = []
    unlink = Path.unlink

    def keep(path: Path, missing_ok: bool = False) -> None:
        if path.name.endswith("-journal"):
            kept.append(path.read_bytes())
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", keep)
    assert cleared(disk, "sqlite").state is State.REMOVED
    assert len(kept) == 1
    assert len(kept[0]) > 1000
    assert not kept[0].strip(b"\0")
    assert not file.with_name("master.db-journal").exists()


def test_a_file_that_another_program_has_locked_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    file = disk.records()
    monkeypatch.setattr("callveil.history.sqlite_file._WAIT", 0.05)
    with closing(sqlite3.connect(file)) as asterisk:
        asterisk.execute("BEGIN")
        asterisk.execute("SELECT * FROM cdr").fetchone()
        outcome = cleared(disk, "sqlite")
    assert outcome.state is State.LEFT
    assert "another program uses it" in outcome.why[0]
    assert disk.holds() == ["var/log/asterisk/master.db"]


def test_a_database_that_leads_elsewhere_is_not_touched(disk: Disk) -> None:
    elsewhere = disk.records("master.db").rename(disk.root / "precious.db")
    (disk.logs / "master.db").symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    outcome = cleared(disk, "sqlite")
    assert outcome.state is State.UNSEEN
    assert elsewhere.read_bytes() == before


def test_callers_leave_asterisks_own_database_and_settings_stay(disk: Disk) -> None:
    file = disk.astdb(ENTRIES)
    mode = stat.S_IMODE(file.stat().st_mode)
    outcome = cleared(disk, "astdb")
    assert outcome.state is State.REMOVED
    assert outcome.found.counts == {"entries": 2}
    # Whether Asterisk runs cannot be told here; one that does would lose the file if it were written anew.
    assert "sqlite3 /var/lib/asterisk/astdb.sqlite3 VACUUM" in outcome.notes[0]
    assert disk.entries() == set(ENTRIES) - {f"/privacy/desk/{NUMBER}", "/CALLTRACE/201"}
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_what_is_deleted_is_overwritten_also_where_sqlite_would_not(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's SQLite overwrites by itself; others must be told."""
    connect = sqlite3.connect

    def careless(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **more)
        connection.execute("PRAGMA secure_delete = OFF").fetchall()
        return connection

    caller = "4155550147"
    disk.astdb({f"/privacy/desk/{caller}": "ALLOW", "/CALLTRACE/201": caller, "/pbx/UUID": "x"})
    assert len(disk.holds(caller)) == 1
    monkeypatch.setattr(sqlite3, "connect", careless)
    assert cleared(disk, "astdb").state is State.REMOVED
    assert disk.holds(caller) == []


def test_a_running_asterisk_can_go_on_with_its_statements(disk: Disk) -> None:
    """Its statements are of a kind that a changed schema ends; so the schema must not change."""
    file = disk.astdb(ENTRIES)

    def schema() -> int:
        with closing(sqlite3.connect(file)) as database:
            return int(database.execute("PRAGMA schema_version").fetchone()[0])

    before = schema()
    assert cleared(disk, "astdb").state is State.REMOVED
    assert schema() == before


@pytest.mark.parametrize("held", [False, True])
def test_the_file_is_written_anew_only_where_asterisk_surely_does_not_run(disk: Disk, *, held: bool) -> None:
    file = disk.astdb(ENTRIES)
    folder = disk.root / "proc/4242/fd"
    folder.mkdir(parents=True)
    if held:
        (folder / "3").symlink_to(file)
    machine = Machine(disk.root)
    vars(machine).update(running=False, held=Held(disk.root / "proc"))
    before = file.read_bytes()[40:44]
    (place,) = choose(machine, ["astdb"], [])
    outcome = clear(place, [])
    assert outcome.state is State.REMOVED
    # The number of the schema, by which statements that were prepared before are told to be old.
    assert (file.read_bytes()[40:44] == before) is held
    assert bool(outcome.notes) is held


def test_lists_that_people_made_stay_unless_they_are_named(disk: Disk) -> None:
    disk.astdb(ENTRIES)
    for key in ("names", "blacklist"):
        outcome = cleared(disk, key)
        assert outcome.state is State.LEFT
        assert outcome.found.counts == {"entries": 1}
        assert f"--only {key}" in outcome.why[0]
    assert len(disk.entries()) == len(ENTRIES)
    for key in ("names", "blacklist"):
        assert cleared(disk, key, named=(key,)).state is State.REMOVED
    assert len(disk.entries()) == len(ENTRIES) - 2


def test_other_families_with_numbers_are_named_and_can_be_removed(disk: Disk) -> None:
    disk.astdb(ENTRIES | {f"/{NUMBER}/x": "1"})
    outcome = cleared(disk, "astdb-other")
    assert outcome.state is State.LEFT
    assert outcome.found.counts == {"entries": 2}
    assert outcome.found.notes == ("Families: lastcaller, others.",)
    assert cleared(disk, "astdb/lastcaller").state is State.REMOVED
    assert "/lastcaller/201" not in disk.entries()
    assert "/AMPUSER/201/cidnum" in disk.entries()


@pytest.mark.parametrize(
    "name", ["astdb/AMPUSER", "astdb/registrar", f"astdb/{NUMBER}", "astdb/a b", "astdb/%", "x"]
)
def test_settings_and_numbers_are_no_family_to_remove(disk: Disk, name: str) -> None:
    with pytest.raises(UnknownPlaceError) as error:
        choose(Machine(disk.root), [name], [])
    assert NUMBER not in str(error.value)


def console(tmp_path: Path, *, overwrites: bool, running: bool = True) -> tuple[str, Path]:
    """A stand-in for Asterisk's program, which notes what it was asked."""
    asked = tmp_path / "asked"
    program = tmp_path / "asterisk"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$2" >> {asked}\n'
        f"{'' if running else 'exit 1'}\n"
        'case "$2" in\n'
        f'*"secure_delete=ON"*) echo "secure_delete: {int(overwrites)}   ";;\n'
        '*secure_delete*) echo "secure_delete: 0   ";;\n'
        "*GLOB*) ;;\n"
        f"*SELECT*) [ -e {tmp_path}/deleted ] || printf 'f    : CALLTRACE   \\nn    : 3  \\n\\n'\n"
        "printf 'f    : pbx \\nn    : 1 \\n';;\n"
        f"*deltree*) touch {tmp_path}/deleted;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return str(program), asked


def test_a_running_asterisk_deletes_by_itself(tmp_path: Path) -> None:
    program, asked = console(tmp_path, overwrites=True)
    (place,) = choose(Machine(console=program), ["astdb"], [])
    outcome = clear(place, [])
    assert outcome.state is State.REMOVED
    assert outcome.found.counts == {"entries": 3}
    said = asked.read_text().splitlines()
    assert said.index('database query "PRAGMA secure_delete=ON"') < said.index("database deltree CALLTRACE")
    assert "database deltree privacy" in said
    assert not any("VACUUM" in line for line in said)
    assert max(map(len, said)) < 256


def test_an_asterisk_that_cannot_overwrite_is_not_asked_to_delete(tmp_path: Path) -> None:
    program, asked = console(tmp_path, overwrites=False)
    (place,) = choose(Machine(console=program), ["astdb"], [])
    outcome = clear(place, [])
    assert outcome.state is State.LEFT
    assert "deltree" not in asked.read_text()


FREEPBX = r"""<?php
$amp_conf['AMPDBUSER'] = 'freepbxuser';
$amp_conf["AMPDBPASS"] = 'a\'b\\c;"d/*';
/* As it was:
$amp_conf['AMPDBUSER'] = 'nobody';
*/
// $amp_conf['AMPDBPASS'] = 'old';
$amp_conf['AMPDBHOST']  =  "db.example.org" ;
$amp_conf['AMPDBPORT'] = '3307';
$amp_conf['AMPDBNAME'] = 'asterisk';
$amp_conf['CDRDBNAME'] = 'calls';
$amp_conf['AMPDBENGINE'] = "$engine";
require_once('/var/www/html/admin/bootstrap.php');
?>
"""


def test_freepbx_says_how_to_reach_its_database() -> None:
    login = parse_freepbx(FREEPBX)
    assert (login.user, login.password, login.host, login.port) == (
        "freepbxuser",
        "a'b\\c;\"d/*",
        "db.example.org",
        3307,
    )
    assert (login.database, login.settings) == ("calls", "asterisk")
    assert "a'b" not in repr(login)


def test_an_option_file_says_how_to_reach_a_database() -> None:
    text = (
        "# ours\n[mysqld]\nuser=mysql\n[client]\nuser = purge\npassword = 'a#b c' \nhost=127.0.0.1 # here\n"
        "port=3308\n!includedir /etc/my.cnf.d\n"
    )
    login = parse_my_cnf(text)
    assert (login.user, login.password, login.host, login.port) == ("purge", "a#b c", "127.0.0.1", 3308)
    assert (login.database, login.settings) == ("asteriskcdrdb", "")


def test_a_server_on_the_same_machine_is_reached_by_its_socket(disk: Disk) -> None:
    path = disk.root / "etc/freepbx.conf"
    path.write_text("<?php\n$amp_conf['AMPDBUSER'] = 'u';\n$amp_conf['AMPDBHOST'] = 'localhost';\n")
    login = find_login(disk.root, None)
    assert login is not None
    assert (login.host, login.socket) == ("127.0.0.1", "")
    socket = disk.root / "run/mysqld/mysqld.sock"
    socket.parent.mkdir(parents=True)
    socket.touch()
    login = find_login(disk.root, None)
    assert login is not None
    assert (login.host, login.socket) == ("", str(socket))


def test_a_file_that_says_nothing_is_an_error_that_repeats_nothing(disk: Disk) -> None:
    path = disk.root / "my.cnf"
    for text in ("[client]\npassword=secret\n", "[client]\nuser=u\nport=secret\n"):
        path.write_text(text)
        with pytest.raises(LoginError) as error:
            find_login(disk.root, path)
        assert "secret" not in str(error.value)
    with pytest.raises(LoginError, match="cannot be read"):
        find_login(disk.root, disk.root / "missing")
    assert find_login(disk.root, None) is None


def test_a_database_that_only_asterisk_knows_of_is_said(disk: Disk) -> None:
    (place,) = choose(Machine(disk.root), ["database"], [])
    assert look(place).state is State.NOTHING
    disk.setting("cdr_adaptive_odbc.conf", "[first]\nconnection=asteriskcdrdb\ntable=cdr\n")
    outcome = look(place)
    assert outcome.state is State.UNSEEN
    assert "cdr_adaptive_odbc.conf names a database" in outcome.why[0]


def test_a_server_that_does_not_answer_could_not_be_checked(disk: Disk) -> None:
    (disk.root / "etc/freepbx.conf").write_text(
        f"<?php\n$amp_conf['AMPDBUSER'] = 'u{NUMBER}';\n$amp_conf['AMPDBSOCK'] = '{disk.root}/none.sock';\n"
    )
    (place,) = choose(Machine(disk.root), ["database"], [])
    outcome = look(place)
    assert outcome.state is State.UNSEEN
    assert outcome.why == ("The database cannot be reached (error 2003).",)


def test_without_the_extra_the_database_is_said(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    (disk.root / "etc/freepbx.conf").write_text("<?php\n$amp_conf['AMPDBUSER'] = 'u';\n")
    monkeypatch.setitem(__import__("sys").modules, "pymysql", None)
    (place,) = choose(Machine(disk.root), ["database"], [])
    outcome = look(place)
    assert outcome.state is State.UNSEEN
    assert "pip install PyMySQL" in outcome.why[0]
