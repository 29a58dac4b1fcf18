"""`callveil purge --history` on a PBX without Callveil: the numbers are gone, and the PBX works as before."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from callveil.cli.main import cli
from click.testing import CliRunner, Result
from harness.databases import MariaDb, start_mariadb
from harness.leaks import Place, find_number
from harness.leftovers import LABEL, owner
from harness.pbx import Flavour, Pbx, Version, ready, wait_for
from harness.sip import Carrier, place_call, ring_in

pytestmark = pytest.mark.asterisk

HOTLINE = "+18005550100"
CALLER = "+12125550168"
CALLED = "+19175550168"
NAME = "Wilhelmina Harrow"

# A PBX as people set it up who never thought of this: everything is written everywhere.
EXTENSIONS = """
[from-internal]
exten => 700,1,VoiceMailMain(200@default,sa(0))
exten => _[+1]X.,1,Dial(PJSIP/${EXTEN}@trunk,30)

[from-trunk]
exten => _+X.,1,Answer()
 same => n,Set(CHANNEL(accountcode)=${FILTER(0-9,${CALLERID(num)})})
 same => n,Set(DB(CALLTRACE/201)=${CALLERID(num)})
 same => n,Set(DB(privacy/desk/${CALLERID(num)})=ALLOW)
 same => n,Set(DB(blacklist/8005550199)=1)
 same => n,Set(DB(AMPUSER/201/cidname)=Desk)
 same => n,QueueLog(hotline,${UNIQUEID},NONE,ENTERQUEUE,,${CALLERID(num)})
 same => n,VoiceMail(200@default,s)
"""
COLUMNS = "${CSV_QUOTE(${CDR(clid)})},${CSV_QUOTE(${CDR(src)})},${CSV_QUOTE(${CDR(dst)})}"
OLD_WAYS = {
    "extensions.conf": EXTENSIONS,
    "logger.conf": (
        "[logfiles]\nfull => notice,warning,error,verbose(3)\n/var/log/asterisk/own.txt => notice,warning\n"
    ),
    "modules.conf": '#include "modules-base.conf"\n',
    "manager.conf": '#include "manager-base.conf"\n',
    "queues.conf": "[general]\n",
    "cdr.conf": "[general]\nenable=yes\n[csv]\naccountlogs=yes\n",
    "cdr_manager.conf": "[general]\nenabled=no\n",
    "cdr_custom.conf": f"[mappings]\nMaster.csv => {COLUMNS}\n",
    "cdr_sqlite3_custom.conf": (
        "[master]\ntable => cdr\ncolumns => src, dst\nvalues => '${CDR(src)}','${CDR(dst)}'\n"
    ),
    "cel.conf": "[general]\nenable=yes\nevents=ALL\napps=all\n",
    "cel_custom.conf": (
        "[mappings]\nMaster.csv => ${CSV_QUOTE(${CALLERID(num)})},${CSV_QUOTE(${CHANNEL(exten)})}\n"
    ),
    "voicemail.conf": (
        "[general]\nformat=wav\nmaxsecs=60\nmaxsilence=10\nenvelope=no\nsaycid=yes\n"
        "[default]\n200 => 1234,Hotline\n"
    ),
}
FOLDERS = ("/var/log/asterisk", "/var/lib/asterisk", "/var/spool/asterisk")

PUT_ASIDE = """
import bz2, gzip, lzma, os, shutil, sys
os.chdir("/var/log/asterisk")
def pack(opener, old, new):
    with open(old, "rb") as read, opener(new, "wb") as write:
        shutil.copyfileobj(read, write)
shutil.copy("full", "full.1")
pack(gzip.open, "full", "full.2.gz")
pack(lzma.open, "full", "full-20260101.xz")
pack(bz2.open, "queue_log", "queue_log.1.bz2")
pack(gzip.open, "cdr-csv/Master.csv", "cdr-csv/Master.csv-20260101.gz")
shutil.copy("master.db", "master.db.1")
os.makedirs("/var/spool/asterisk/outgoing_done", exist_ok=True)
with open("/var/spool/asterisk/outgoing_done/one.call", "w") as call:
    call.write("Channel: PJSIP/%s@trunk\\n" % sys.argv[1])
"""
STATE = (
    "find /var/log/asterisk /var/lib/asterisk /var/spool/asterisk -type f ! -name full -print0 | sort -z | "
    'xargs -0 sh -c \'sha256sum "$@"; stat -c "%n %s %Y %a %U" "$@"\' -'
)


@pytest.fixture(scope="module")
def volumes(version: Version) -> Iterator[dict[str, str]]:
    """The folders of a PBX's history by their volumes, for a Callveil in a container beside it."""
    docker, _ = ready()
    named = {folder: f"callveil-history-{secrets.token_hex(4)}" for folder in (*FOLDERS, "/etc/asterisk")}
    for volume in named.values():
        docker.run("volume", "create", "--label", f"{LABEL}={owner()}", volume)
    yield named
    docker.run("volume", "rm", "-f", *named.values(), check=False)


@pytest.fixture(scope="module")
def old(version: Version, volumes: dict[str, str]) -> Iterator[Pbx]:
    """A PBX whose calls were all written down."""
    overlay = {f"/etc/asterisk/{name}": text for name, text in OLD_WAYS.items()}
    mounts = [f"{volume}:{folder}" for folder, volume in volumes.items()]
    flavour: Flavour = "callveil" if version == "22" else "plain"
    with Pbx.start(version, flavour, overlay, mounts=mounts) as pbx:
        pbx.exec("install -d -o asterisk -g asterisk /var/log/asterisk/cel-custom")
        yield pbx


def purge(pbx: Pbx, volumes: dict[str, str], *options: str, expect: int) -> tuple[str, dict[str, Any]]:
    """Run the command beside a newer Asterisk, or in a container that sees an older one's disk."""
    words = ["callveil", "purge", "--history", "--json", *options]
    if pbx.version == "22":
        done = pbx.exec(words, check=False)
        out, code = done.stdout, done.returncode
    else:
        docker, images = ready()
        disk = [part for folder, volume in volumes.items() for part in ("-v", f"{volume}:/host{folder}")]
        run = ["run", "--rm", "--network", "none", "--label", f"{LABEL}={owner()}", *disk, images.callveil]
        ended = docker.run(*run, *words, "--root", "/host", check=False)
        out, code = ended.stdout.decode(), ended.returncode
    assert code == expect, out
    return out, {place["place"]: place for place in json.loads(out)["places"]}


def paths(places: list[Place]) -> set[str]:
    return {place.path for place in places}


def test_what_was_written_of_calls_is_gone_and_the_pbx_works(old: Pbx, volumes: dict[str, str]) -> None:
    with Carrier(old), ThreadPoolExecutor(2) as pool:
        message = pool.submit(ring_in, old, HOTLINE, CALLER, NAME, say="Please call me.", seconds=3.5)
        call = pool.submit(place_call, old, "201", CALLED)
        assert message.result().answered
        assert call.result().answered
    old.wait_idle()
    old.exec(["python3", "-c", PUT_ASIDE, CALLED])
    digits = CALLER.removeprefix("+")
    written = paths(find_number(old, [CALLER, CALLED], also=[NAME]))
    for part in (
        "cdr-csv/Master.csv",
        f"cdr-csv/{digits}.csv (name)",
        "cdr-csv/Master.csv-20260101.gz (unpacked)",
        "cdr-custom/Master.csv",
        "cel-custom/Master.csv",
        "master.db",
        "master.db.1",
        "full",
        "full.1",
        "full.2.gz (unpacked)",
        "queue_log",
    ):
        assert f"/var/log/asterisk/{part}" in written
    assert "/var/lib/asterisk/astdb.sqlite3" in written
    assert "/var/spool/asterisk/voicemail/default/200/INBOX/msg0000.txt" in written
    assert "/var/spool/asterisk/outgoing_done/one.call" in written

    if old.version == "16":
        # As an admin is told to: the container cannot ask this Asterisk.
        old.stop_asterisk("now")
    state, full = old.exec(STATE).stdout, old.read("/var/log/asterisk/full")
    said, found = purge(old, volumes, "--dry-run", expect=1)
    assert old.exec(STATE).stdout == state
    assert old.read("/var/log/asterisk/full").startswith(full)
    for number in (CALLER, CALLED):
        assert number[2:] not in said
    assert found["cdr-csv"]["found"]["files"] == 3
    assert found["sqlite"]["found"] == {"rows": 2, "copies": 1}
    assert found["astdb"]["found"] == {"entries": 2}
    assert found["voicemail"]["found"] == {"envelopes": 1}
    assert found["queue-log"]["found"]["files"] == 2
    assert found["logs"]["found"]["files"] >= 4
    assert found["astdb-other"]["state"] == "nothing found"

    said, gone = purge(old, volumes, "--yes", "--skip", "blacklist", expect=0)
    for number in (CALLER, CALLED):
        assert number[2:] not in said
    assert {place["state"] for place in gone.values()} == {"removed", "nothing found"}
    assert [key for key, place in gone.items() if place["state"] == "removed"] == [
        key for key, place in found.items() if place["state"] == "found" and key != "blacklist"
    ]
    assert find_number(old, [CALLER, CALLED], also=[NAME]) == []
    left = old.exec(["find", "/var/log/asterisk", "-type", "f", "-size", "+0"]).stdout.split()
    assert not [path for path in left if re.search(r"\.[0-9]|2026|xz|bz2", path)]

    if old.version == "16":
        old.start_asterisk()
    assert re.search(r"200 +Hotline +1", old.cli("voicemail show users"))
    assert "Desk" in old.cli("database get AMPUSER 201/cidname")
    assert "Value: 1" in old.cli("database get blacklist 8005550199")
    old.cli("database put AMPUSER 201/cidname Office")
    assert "Office" in old.cli("database get AMPUSER 201/cidname")
    with Carrier(old), ThreadPoolExecutor(2) as pool:
        listening = pool.submit(place_call, old, "201", "700", hold_ms=6500)
        call = pool.submit(place_call, old, "201", CALLED)
        assert call.result().answered
        heard = listening.result()
    assert heard.answered
    assert heard.loud_ms > 2000
    log = old.read("/var/log/asterisk/full")
    played = re.findall(r"Playing '([^'.]*)", log)
    assert any(path.endswith("/INBOX/msg0000") for path in played), played
    assert "vm-unknown-caller" in played
    # Everything is written again, into the files that stayed as into those that were erased.
    wait_for("the record", lambda: old.files("/var/log/asterisk/cdr-csv/Master.csv"))
    for file in ("master.db", "full", "cdr-custom/Master.csv", "cel-custom/Master.csv"):
        assert CALLED.encode() in old.pbx.read_bytes(f"/var/log/asterisk/{file}")


FREEPBX = """<?php
// As FreePBX writes it.
$amp_conf['AMPDBUSER'] = 'freepbxuser';
$amp_conf['AMPDBPASS'] = 'it\\'s-only-for-tests';
$amp_conf['AMPDBHOST'] = 'localhost';
$amp_conf['AMPDBNAME'] = 'asterisk';
$amp_conf['AMPDBSOCK'] = "SOCKET";
require_once('/var/www/html/admin/bootstrap.php');
"""
SCHEMA = """
CREATE DATABASE asterisk;
CREATE TABLE asterisk.freepbx_settings (keyword VARCHAR(50) PRIMARY KEY, value VARCHAR(255));
INSERT INTO asterisk.freepbx_settings VALUES ('CDRDBNAME', ''), ('CDRDBHOST', 'localhost');
CREATE DATABASE asteriskcdrdb;
USE asteriskcdrdb;
CREATE TABLE cdr (
  calldate DATETIME NOT NULL, clid VARCHAR(80) NOT NULL, src VARCHAR(80) NOT NULL, dst VARCHAR(80) NOT NULL,
  dcontext VARCHAR(80) NOT NULL, channel VARCHAR(80) NOT NULL, lastdata VARCHAR(80) NOT NULL,
  duration INT NOT NULL, uniqueid VARCHAR(32) NOT NULL, cnum VARCHAR(80) NOT NULL,
  KEY calldate (calldate), KEY dst (dst), KEY uniqueid (uniqueid)
) ENGINE=InnoDB;
CREATE TABLE cel (
  id INT AUTO_INCREMENT PRIMARY KEY, eventtype VARCHAR(30) NOT NULL, cid_num VARCHAR(80) NOT NULL,
  exten VARCHAR(80) NOT NULL, appdata VARCHAR(255) NOT NULL, extra VARCHAR(512) NOT NULL, KEY exten (exten)
) ENGINE=MyISAM;
CREATE TABLE queuelog (time DATETIME NOT NULL, data2 VARCHAR(100) NOT NULL) ENGINE=InnoDB;
CREATE USER freepbxuser@localhost IDENTIFIED BY 'it''s-only-for-tests';
GRANT ALL PRIVILEGES ON asteriskcdrdb.* TO freepbxuser@localhost;
GRANT ALL PRIVILEGES ON asterisk.* TO freepbxuser@localhost;
"""
CALLS = 500


@pytest.fixture(scope="module")
def mariadb(images: None) -> Iterator[MariaDb]:
    # A tenth of the usual log, to save time; it is written over all the same.
    with start_mariadb("--innodb-log-file-size=16M") as server:
        yield server


def test_nothing_is_left_in_the_files_of_freepbx_database(mariadb: MariaDb, tmp_path: Path) -> None:
    number, other = CALLER.removeprefix("+1"), CALLED.removeprefix("+")
    mariadb.sql(SCHEMA)
    insert = "INSERT INTO asteriskcdrdb."
    calls = ", ".join(
        f"('2026-01-02 03:04:05', '\"{NAME}\" <{number}>', '{number}', '{other}', 'ext', "
        f"'PJSIP/trunk-{at:08x}', 'PJSIP/{other}@trunk,30', 7, '1767323045.{at}', '{number}')"
        for at in range(CALLS)
    )
    events = ", ".join([f"('APP_START', '{number}', '{other}', 'PJSIP/{other}@trunk', '')"] * CALLS)
    mariadb.sql(f"{insert}cdr VALUES {calls}")
    mariadb.sql(f"{insert}cel (eventtype, cid_num, exten, appdata, extra) VALUES {events}")
    mariadb.sql(f"{insert}queuelog VALUES (NOW(), '{number}')")
    # After an orderly end everything stands in the tables' files.
    mariadb.container.exec(["mariadb-admin", "--socket=/sockets/mariadb.sock", "shutdown"])
    mariadb.serve()
    written = {path.rpartition("/")[2] for path in paths(find_number(mariadb.container, [CALLER, CALLED]))}
    assert {"cdr.ibd", "cel.MYD", "cel.MYI", "queuelog.ibd", "ib_logfile0"} <= written

    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/freepbx.conf").write_text(FREEPBX.replace("SOCKET", str(mariadb.socket)))

    def run(*options: str) -> Result:
        words = ["purge", "--history", "--only", "database", "--root", str(tmp_path), *options]
        return CliRunner().invoke(cli, words)

    looked = run("--dry-run")
    assert looked.exit_code == 1
    assert f"{2 * CALLS + 1:,} rows" in looked.output
    assert "asteriskcdrdb.cdr, asteriskcdrdb.cel, asteriskcdrdb.queuelog" in looked.output
    counted = mariadb.sql("SELECT count(*) FROM asteriskcdrdb.cdr")
    assert counted.strip() == str(CALLS)

    done = run("--yes")
    assert done.exit_code == 0, done.output
    assert f"Removed: database, {2 * CALLS + 1:,} rows." in done.output
    for said in (looked.output, done.output):
        assert number not in said
        assert "only-for-tests" not in said
    assert find_number(mariadb.container, [CALLER, CALLED], also=[NAME]) == []
    assert mariadb.sql("SHOW TABLES FROM asteriskcdrdb").split() == ["cdr", "cel", "queuelog"]
    mariadb.sql(f"{insert}queuelog VALUES (NOW(), '{number}')")
    assert "1 row " in run("--dry-run").output
    # A kind of table that FreePBX does not use, whose own log nothing but a restart of the server can clear.
    mariadb.sql("ALTER TABLE queuelog ENGINE=Aria", database="asteriskcdrdb")
    kept = run("--yes")
    assert kept.exit_code == 1
    assert "NOT removed: database, 1 row. asteriskcdrdb.queuelog is empty, but" in kept.output
    assert mariadb.sql("SELECT count(*) FROM asteriskcdrdb.queuelog").strip() == "0"
