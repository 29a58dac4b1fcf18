"""The key and the database of the contacts, and everything that can be wrong with them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from callveil.contacts import change, database, key
from callveil.contacts.book import ContactBook
from callveil.contacts.hours_text import parse_hours
from callveil.contacts.key import Purpose
from callveil.contacts.model import Contact, ContactsError

ONE = "+12065550142"
TWO = "+12065550143"
TODAY = date(2026, 11, 24)
FULL = Contact(
    "clinic",
    (parse_hours("mon-fri 09:00-17:00"), parse_hours("daily 22:00-06:00")),
    "America/Los_Angeles",
    date(2027, 1, 31),
)
HIDE = Contact("hide")


class Place:
    """A folder with a database and its key."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "contacts.sqlite3"
        self.key = folder / "contacts.key"
        self.book = ContactBook(self.path, self.key)

    def keep(self, number: str, contact: Contact = HIDE) -> bool:
        return change.keep(self.path, self.key, number, contact)

    def remove(self, number: str) -> bool:
        return change.remove(self.path, self.key, number)

    def ask(self, number: str, today: date = TODAY) -> Contact | None:
        return self.book.contact(number, today)

    def ask_afresh(self, number: str) -> Contact | None:
        book = ContactBook(self.path, self.key)
        try:
            return book.contact(number, TODAY)
        finally:
            book.close()

    def sql(self, *statements: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements[:-1]:
                connection.execute(statement)
            found = connection.execute(statements[-1]).fetchall()
            connection.commit()
        return found

    def refuses(self, *words: str) -> None:
        """Check that nobody can be looked up, by one who has asked before or by one who has not."""
        for ask in (self.ask, self.ask_afresh):
            with pytest.raises(ContactsError) as caught:
                ask(ONE)
            check_said(caught.value, *words)

    def refuses_to_change(self, *words: str) -> None:
        before = self.path.read_bytes()
        for ask in (self.keep, self.remove):
            with pytest.raises(ContactsError) as caught:
                ask(TWO)
            check_said(caught.value, *words)
        assert self.path.read_bytes() == before


def check_said(error: ContactsError, *words: str) -> None:
    for word in words:
        assert word in str(error)
    seen: BaseException | None = error
    while seen:
        assert "555014" not in repr(seen)
        assert seen.__suppress_context__ or seen.__context__ is None
        seen = seen.__cause__


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.book.close()


# What is kept and asked


def test_without_a_database_nothing_is_agreed_and_nothing_is_made(place: Place, tmp_path: Path) -> None:
    assert place.ask(ONE) is None
    assert not place.remove(ONE)
    assert change.forget_expired(place.path, TODAY) == 0
    place.book.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("contact", [HIDE, FULL, Contact("neutral", expires=TODAY), Contact("a-pool_2")])
def test_what_is_kept_is_asked_and_removed(place: Place, contact: Contact) -> None:
    assert place.keep(ONE, contact) is False
    assert place.ask(ONE) == contact
    assert place.ask(TWO) is None
    assert place.remove(TWO) is False
    assert place.remove(ONE) is True
    assert place.ask(ONE) is None
    assert place.remove(ONE) is False


def test_a_rule_takes_the_place_of_the_one_before_as_a_whole(place: Place) -> None:
    place.keep(ONE, FULL)
    assert place.keep(ONE, HIDE) is True
    assert place.ask(ONE) == HIDE
    assert place.sql("SELECT count(*) FROM contacts") == [(1,)]


def test_the_last_day_still_counts_and_then_it_is_as_if_there_were_nothing(place: Place) -> None:
    place.keep(ONE, Contact("hide", expires=TODAY))
    assert place.ask(ONE, TODAY)
    assert place.ask(ONE, TODAY + timedelta(days=1)) is None


def test_what_has_expired_is_deleted_and_nothing_else(place: Place) -> None:
    place.keep(ONE, Contact("hide", expires=TODAY - timedelta(days=1)))
    place.keep(TWO, Contact("hide", expires=TODAY))
    place.keep("+12065550144", HIDE)
    assert change.forget_expired(place.path, TODAY) == 1
    assert change.forget_expired(place.path, TODAY) == 0
    assert place.sql("SELECT count(*) FROM contacts") == [(2,)]
    assert place.ask(TWO)


def test_more_than_one_transaction_takes_are_forgotten(place: Place) -> None:
    place.keep(ONE)
    rows = [(os.urandom(16), "hide", "", "", "2026-01-01") for _ in range(2 * change.AT_ONCE)]
    with closing(sqlite3.connect(place.path)) as connection:
        connection.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
    assert change.forget_expired(place.path, TODAY) == 2 * change.AT_ONCE
    assert place.ask(ONE)


# What is on the disk


def test_the_files_hold_no_number_and_no_name_and_what_is_deleted_is_gone(
    place: Place, tmp_path: Path
) -> None:
    place.keep(ONE, FULL)
    place.keep(TWO, HIDE)
    mine = key.digest(key.derive(place.key.read_bytes(), Purpose.CONTACTS), ONE)
    assert mine in place.path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contacts.key", "contacts.sqlite3"]
    for path in tmp_path.iterdir():
        text = path.read_bytes()
        for spelling in (b"12065550142", b"2065550142", b"5550142", "5550142".encode("utf-16-le")):
            assert spelling not in text
    place.remove(ONE)
    text = place.path.read_bytes()
    assert mine not in text
    assert b"Los_Angeles" not in text
    assert place.ask(TWO)


def test_a_digest_needs_the_key_and_uses_are_kept_apart(place: Place) -> None:
    place.keep(ONE)
    ((stored,),) = place.sql("SELECT digest FROM contacts")
    whole = place.key.read_bytes()
    assert len(whole) == 32
    assert len(stored) == 16
    assert stored == key.digest(key.derive(whole, Purpose.CONTACTS), ONE)
    derived = {key.derive(whole, purpose) for purpose in Purpose}
    assert len(derived | {whole}) == 4
    assert stored not in {key.digest(one, ONE) for one in derived - {key.derive(whole, Purpose.CONTACTS)}}


def test_what_was_stored_stays_findable() -> None:
    # Worked out with `openssl dgst -sha256 -mac HMAC`.
    derived = key.derive(bytes(range(32)), Purpose.CONTACTS)
    assert derived.hex() == "f1cbbe47057b5cfabbf0b8fac41d4389856785d867f2a55100b6fa26777c5c94"
    assert key.digest(derived, ONE).hex() == "1bf2ec4ab619b8a7fcfc789b7d1b4a7b"


def test_the_files_are_for_the_owner_and_the_group(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o077)
    try:
        place.keep(ONE)
    finally:
        os.umask(before)
    for path in (place.path, place.key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give a file away; the containers' tests do it too"
)
def test_what_root_makes_belongs_to_the_folders_owner(place: Place, tmp_path: Path) -> None:
    os.chown(tmp_path, 4711, 4712)
    place.keep(ONE)
    for path in (place.path, place.key):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)


# The key


def _make_at_once(path: Path, barrier: Any, found: Any) -> None:
    barrier.wait()
    found.put(key.make_key(path))


def test_processes_that_make_a_key_at_once_have_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(10):
        path = tmp_path / f"key{attempt}"
        barrier, found = context.Barrier(4), context.Queue()
        makers = [context.Process(target=_make_at_once, args=(path, barrier, found)) for _ in range(4)]
        for maker in makers:
            maker.start()
        keys = {found.get(timeout=20) for _ in makers}
        for maker in makers:
            maker.join(20)
        assert keys == {path.read_bytes()}
    assert len(list(tmp_path.iterdir())) == 10  # nothing is left beside them


def _keep_at_once(folder: Path, barrier: Any, number: str) -> None:
    barrier.wait()
    Place(folder).keep(number)


def test_processes_that_keep_the_first_contacts_at_once_lose_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    numbers = [f"+1206555015{digit}" for digit in range(6)]
    barrier = context.Barrier(len(numbers))
    keepers = [context.Process(target=_keep_at_once, args=(tmp_path, barrier, one)) for one in numbers]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join(30)
    assert [keeper.exitcode for keeper in keepers] == [0] * len(numbers)
    place = Place(tmp_path)
    assert all(place.ask(number) for number in numbers)
    place.book.close()


def test_a_key_is_never_overwritten(place: Place) -> None:
    made = key.make_key(place.key)
    assert key.make_key(place.key) == made
    assert place.key.read_bytes() == made


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b"x" * 4096])
def test_a_key_of_another_size_is_an_error_that_says_what_to_do(place: Place, content: bytes) -> None:
    place.keep(ONE)
    place.key.write_bytes(content)
    place.book.close()
    place.refuses("is damaged", "Put back a copy")
    place.refuses_to_change("is damaged", "Put back a copy")
    assert place.key.read_bytes() == content


def test_a_key_that_is_missing_is_never_replaced_while_there_are_contacts(place: Place) -> None:
    place.keep(ONE)
    place.key.unlink()
    place.book.close()
    place.refuses("is missing", "Put back a copy")
    place.refuses_to_change("is missing")
    with pytest.raises(ContactsError, match="is missing"):
        change.prepare_key(place.path, place.key)
    assert not place.key.exists()


def test_another_key_is_noticed(place: Place) -> None:
    place.keep(ONE)
    place.key.write_bytes(os.urandom(32))
    place.book.close()
    place.refuses("is not the one that", "Put back the right one")
    place.refuses_to_change("is not the one that")


def test_with_nobody_left_a_new_key_may_begin(place: Place) -> None:
    place.keep(ONE)
    assert place.ask(ONE)
    place.remove(ONE)
    place.key.unlink()
    assert place.ask(ONE) is None
    place.keep(TWO)  # in the same file, with another key, while the book has it open with the first
    assert place.ask(TWO) == HIDE
    assert place.ask(ONE) is None
    assert place.ask_afresh(TWO) == HIDE


def test_a_key_that_cannot_be_made_is_an_error(place: Place, tmp_path: Path) -> None:
    nowhere = Place(tmp_path / "nowhere")
    with pytest.raises(ContactsError, match="cannot be made: No such file or directory"):
        nowhere.keep(ONE)


# Another file in the database's place, and files that are none


def test_a_database_that_is_put_there_later_or_in_place_is_noticed(place: Place, tmp_path: Path) -> None:
    assert place.ask(ONE) is None
    place.keep(ONE)
    assert place.ask(ONE)
    copy = place.path.read_bytes()
    place.path.unlink()
    assert place.ask(ONE) is None
    place.keep(TWO)
    assert place.ask(ONE) is None
    assert place.ask(TWO)
    (tmp_path / "copy").write_bytes(copy)
    (tmp_path / "copy").replace(place.path)
    assert place.ask(ONE)
    assert place.ask(TWO) is None


def test_one_that_was_written_with_another_key_is_noticed_even_when_it_is_copied_over(
    place: Place, tmp_path: Path
) -> None:
    other = Place(tmp_path / "other")
    other.path.parent.mkdir()
    other.keep(TWO)
    place.keep(ONE)
    assert place.ask(ONE)
    # `cp`: the same file, with other content. SQLite itself looks at a counter that both have the same.
    with closing(sqlite3.connect(place.path)) as target, closing(sqlite3.connect(other.path)) as source:
        source.backup(target)
    place.refuses("is not the one that")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("PRAGMA user_version = 2", ["another version of Callveil", "install the newer version"]),
        ("PRAGMA application_id = 7", ["is not the contacts of Callveil"]),
        ("DROP TABLE contacts", ["SQLite failed"]),
    ],
)
def test_a_database_of_another_kind(place: Place, statement: str, words: list[str]) -> None:
    place.keep(ONE)
    place.sql(statement)
    place.book.close()
    place.refuses(*words)
    place.refuses_to_change(*words)


@pytest.mark.parametrize(
    "content", [b"This is a text about other things." * 40, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database(place: Place, content: bytes) -> None:
    place.keep(ONE)
    place.path.write_bytes(content)
    place.book.close()
    place.refuses("is not a SQLite database")
    place.refuses_to_change("is not a SQLite database")


def test_a_damaged_database(place: Place) -> None:
    place.keep(ONE)
    assert place.ask(ONE)
    content = bytearray(place.path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    place.path.write_bytes(content)
    place.book.close()
    place.refuses("The contacts ")
    place.refuses_to_change("The contacts ")


def test_an_empty_file_is_one_to_which_nothing_was_written(place: Place) -> None:
    place.path.touch()
    assert place.ask(ONE) is None
    assert place.remove(ONE) is False
    place.keep(ONE)
    assert place.ask(ONE) == HIDE


@pytest.mark.parametrize(
    "row",
    [
        "'hide', 'whenever', '', ''",
        "'hide', '', '', 'tomorrow'",
        "'hide', 'mon 09:00-17:00;tue 09:00-17:00', 'UTC', ''",
    ],
)
def test_a_rule_that_cannot_be_read_is_an_error_and_not_no_rule(place: Place, row: str) -> None:
    place.keep(ONE)
    ((mine,),) = place.sql("SELECT hex(digest) FROM contacts")
    place.sql("DELETE FROM contacts", f"INSERT INTO contacts VALUES (x'{mine}', {row})")  # noqa: S608
    place.refuses("a rule that this version of Callveil cannot read")
    assert place.ask(TWO) is None


def test_a_folder_or_a_lost_disk_in_its_place(place: Place, tmp_path: Path) -> None:
    place.keep(ONE)
    content = place.path.read_bytes()
    place.path.unlink()
    place.path.mkdir()
    place.refuses("The contacts ")
    place.path.rmdir()
    (tmp_path / "disk").write_bytes(content)
    place.path.symlink_to(tmp_path / "disk")
    assert place.ask(ONE) == HIDE
    (tmp_path / "disk").rename(tmp_path / "lost")
    place.refuses("No such file or directory")
    with pytest.raises(ContactsError, match="cannot be opened"):
        place.remove(ONE)


# Others at work


def test_a_database_that_somebody_holds_is_an_error_after_a_moment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.keep(ONE)
    assert place.ask(ONE)
    monkeypatch.setattr(database, "WRITE_BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(place.path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        place.refuses("another program has held it for too long")
        assert time.monotonic() - began < 2
        place.refuses_to_change("another program has held it for too long")
    assert place.ask(ONE) == HIDE


def test_a_look_up_leaves_writers_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WRITE_BUSY_SECONDS", 0.0)
    place.keep(ONE)
    for number in (ONE, TWO):
        place.ask(number)
        place.keep("+12065550144")
    with closing(sqlite3.connect(place.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM contacts")
        assert place.ask(ONE) == HIDE  # readers go on until it is committed
        writer.execute("COMMIT")
    assert place.ask(ONE) is None


def _die_half_way(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO contacts VALUES (?, 'clinic', '', '', '')", [(os.urandom(16),) for _ in range(20_000)]
    )
    connection.execute("DELETE FROM contacts WHERE outbound = 'hide'")
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_writer_left_is_undone_by_the_next_look_up(place: Place, tmp_path: Path) -> None:
    place.keep(ONE)
    assert place.ask(ONE)
    writer = multiprocessing.get_context("fork").Process(target=_die_half_way, args=(place.path,))
    writer.start()
    writer.join(30)
    journal = tmp_path / "contacts.sqlite3-journal"
    assert journal.stat().st_size > 0
    assert place.ask(ONE) == HIDE
    assert not journal.exists()
    assert place.sql("SELECT count(*) FROM contacts") == [(1,)]


def _in_a_process_of(user: int, group: int, check: Callable[[], None]) -> None:
    def run() -> None:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        check()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(30)
    assert process.exitcode == 0


needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become others; the containers' tests do it too"
)


@needs_root
def test_the_group_can_read_and_others_are_told_that_they_cannot(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir(mode=0o750)
    os.chown(home, 4711, 4712)
    place = Place(home)
    place.keep(ONE)

    def reads() -> None:
        assert Place(home).ask(ONE) == HIDE
        with pytest.raises(ContactsError, match="it may not be written"):
            Place(home).keep(TWO)

    def is_told() -> None:
        for ask in (lambda: Place(home).ask(ONE), lambda: Place(home).remove(ONE)):
            with pytest.raises(ContactsError, match="Permission denied"):
                ask()

    def owns() -> None:
        assert Place(home).keep(TWO, FULL) is False
        assert change.forget_expired(place.path, date(2030, 1, 1)) == 1

    _in_a_process_of(4799, 4712, reads)
    _in_a_process_of(4799, 4799, is_told)
    _in_a_process_of(4711, 4711, owns)
    home.chmod(0o755)
    place.path.chmod(0o600)
    _in_a_process_of(4799, 4799, lambda: Place(home).refuses("check its owner"))


def test_a_hundred_thousand_contacts_make_a_look_up_no_slower(place: Place) -> None:
    place.keep(ONE)

    def best() -> float:
        found = []
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(50):
                assert place.ask(ONE)
            found.append(time.perf_counter() - began)
        return min(found)

    few = best()
    with closing(sqlite3.connect(place.path)) as connection:
        rows = ((os.urandom(16), "hide", "", "", "") for _ in range(100_000))
        connection.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
    assert best() < 3 * few  # a search that reads every row takes some hundred times as long
