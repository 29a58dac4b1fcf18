"""What a decision is told of contacts and pools: in the daemon, in a script and in `callveil explain`."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from callveil.contacts import change, keeper
from callveil.contacts.key import Purpose, derive
from callveil.contacts.model import Contact, ContactsError
from callveil.decision import Kind, decide
from callveil.facts import Facts
from callveil.live import Live
from callveil.live_facts import LiveFacts
from callveil.policy.compiled import write_compiled
from callveil.policy.load import load_policy_file
from callveil.policy.model import Pool
from callveil.settings import Settings
from callveil.settings_for_script import load_settings_for_script
from callveil.world import facts_from_files
from unit.policies import program
from unit.policy_texts import GOOD

NUMBER = "+12065550142"
OVER = Contact("hide", expires=date.today() - timedelta(days=1))
POOLS = (Pool("rotating", ("office", "clinic")),)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        contacts=tmp_path / "contacts.sqlite3",
        contacts_key=tmp_path / "contacts.key",
        trunks=tmp_path / "trunks.json",
    )


def new_live(settings: Settings, **changes: object) -> Live:
    live = Live(policy=program(**changes), settings=settings)
    live.facts = LiveFacts(live).facts
    return live


def keep(settings: Settings, contact: Contact, number: str = NUMBER) -> None:
    change.keep(settings.contacts, settings.contacts_key, number, contact)


# The daemon


def test_the_daemon_makes_the_key_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    live = new_live(settings)
    assert live.troubles == {}
    assert [path.name for path in tmp_path.iterdir()] == ["contacts.key"]
    whole = settings.contacts_key.read_bytes()
    assert live.facts().pool_key == derive(whole, Purpose.POOLS)
    assert new_live(settings).facts().pool_key == live.facts().pool_key


def test_the_daemon_knows_the_time_and_the_trunks(settings: Settings) -> None:
    live = new_live(settings)
    live.cannot_hide = frozenset({"carrier"})
    facts = live.facts()
    assert facts.cannot_hide == {"carrier"}
    assert facts.now is not None
    assert abs(datetime.now(UTC) - facts.now) < timedelta(seconds=5)


def test_a_rule_is_obeyed_at_the_next_call(settings: Settings) -> None:
    live = new_live(settings)

    def kind() -> Kind:
        return decide(live.policy, "100", NUMBER, live.facts()).kind

    assert kind() is Kind.SHOW
    keep(settings, Contact("hide"))
    assert kind() is Kind.HIDE
    keep(settings, Contact("clinic"))
    assert kind() is Kind.SUBSTITUTE
    change.remove(settings.contacts, settings.contacts_key, NUMBER)
    assert kind() is Kind.SHOW


def test_trouble_is_said_while_it_lasts_and_logged_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    keep(settings, Contact("hide"))
    live = new_live(settings)
    settings.contacts.rename(settings.contacts.with_name("away"))
    settings.contacts.write_bytes(b"no database" * 100)
    for _ in range(3):
        assert decide(live.policy, "100", NUMBER, live.facts()).kind is Kind.REFUSE
    assert decide(live.policy, "100", "911", live.facts()).kind is Kind.EMERGENCY
    assert live.troubles["contacts"].startswith("Calls are refused. The contacts ")
    assert caplog.text.count("it is not a SQLite database") == 1
    assert "5550142" not in caplog.text
    settings.contacts.with_name("away").replace(settings.contacts)
    assert decide(live.policy, "100", NUMBER, live.facts()).kind is Kind.HIDE
    assert live.troubles == {}


def test_without_a_key_calls_go_out_where_nothing_is_to_be_protected(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    live = new_live(
        Settings(contacts=folder / "contacts.sqlite3", contacts_key=folder / "contacts.key"), pools=POOLS
    )
    assert "cannot be made" in live.troubles["contacts' key"]
    assert live.facts().pool_key == b""
    assert decide(live.policy, "100", NUMBER, live.facts()).kind is Kind.SHOW
    folder.mkdir()
    assert live.facts().pool_key == derive((folder / "contacts.key").read_bytes(), Purpose.POOLS)
    assert live.troubles == {}


@pytest.mark.parametrize("pools", [(), POOLS])
def test_a_damaged_key_stops_calls_only_where_it_would_change_them(
    settings: Settings, pools: tuple[Pool, ...]
) -> None:
    settings.contacts_key.write_bytes(b"x" * 31)
    live = new_live(settings, pools=pools)
    assert "is damaged" in live.troubles["contacts' key"]
    for facts in (live.facts(), facts_from_files(settings, live.policy)):
        kind = decide(live.policy, "100", NUMBER, facts).kind
        assert kind is (Kind.REFUSE if pools else Kind.SHOW)


def test_with_contacts_and_no_key_calls_are_refused(settings: Settings) -> None:
    keep(settings, Contact("hide"))
    settings.contacts_key.unlink()
    live = new_live(settings)
    for facts in (live.facts(), facts_from_files(settings, live.policy)):
        with pytest.raises(ContactsError, match="is missing"):
            facts.contact("+12065550143")
    assert not settings.contacts_key.exists()


def test_contacts_that_may_be_there_and_cannot_be_seen_refuse_calls(settings: Settings) -> None:
    file = settings.contacts.with_name("file")
    file.touch()
    unseen = replace(settings, contacts=file / "contacts.sqlite3")
    live = new_live(unseen)
    for facts in (live.facts(), facts_from_files(unseen, live.policy)):
        with pytest.raises(ContactsError, match="Not a directory"):
            facts.contact(NUMBER)


# Programs that start for one decision


def test_files_say_the_same_as_the_daemon(settings: Settings) -> None:
    keep(settings, Contact("clinic"))
    live = new_live(settings, pools=POOLS)
    daemon, files = live.facts(), facts_from_files(settings, live.policy)
    assert files.contact(NUMBER) == daemon.contact(NUMBER) == Contact("clinic")
    assert files.contact("+12065550143") is daemon.contact("+12065550143") is None
    assert files.pool_key == daemon.pool_key != b""


def test_a_moment_brings_its_own_day(settings: Settings) -> None:
    keep(settings, Contact("hide", expires=date(2027, 1, 31)))

    def asked(text: str) -> Facts:
        return facts_from_files(settings, program(), datetime.fromisoformat(text))

    assert asked("2027-01-31T23:59-08:00").contact(NUMBER) == Contact("hide", expires=date(2027, 1, 31))
    assert asked("2027-02-01T00:00-08:00").contact(NUMBER) is None
    assert asked("2027-02-01T00:00-08:00").now == datetime(2027, 2, 1, 8, tzinfo=UTC)


QUESTION = (
    "agi_request: x\nagi_extension: {number}\nagi_arg_1: outbound\nagi_arg_2: 100\n"
    "agi_arg_3: 123456789-123456789-12\n\n200 result=1\n"
)
SCRIPT = (
    "import sys; from callveil_agi.spawned import main; main();"
    "open(sys.argv[1], 'w').write(' '.join(sys.modules))"
)


def ask_script(settings: Settings, number: str = NUMBER, lines: str = "") -> tuple[str, set[str]]:
    """Return what the script answers about a call from the desk, and the modules that it loaded."""
    folder = settings.contacts.parent
    policy, compiled = folder / "policy.yaml", folder / "policy.json"
    policy.write_text(GOOD, encoding="utf-8")
    loaded = load_policy_file(policy)
    write_compiled(compiled, loaded.policy, loaded.sha256)
    file = folder / "settings.yaml"
    file.write_text(
        lines
        or f"contacts: {settings.contacts}\ncontacts_key: {settings.contacts_key}\n"
        f"trunks: {settings.trunks}\n"
    )
    names = {"CALLVEIL_POLICY": policy, "CALLVEIL_COMPILED": compiled, "CALLVEIL_SETTINGS": file}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "modules")],
        input=QUESTION.format(number=number),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {name: str(path) for name, path in names.items()},
    )
    answer = done.stdout.split("|")
    return (answer[2] if len(answer) > 2 else ""), set((folder / "modules").read_text().split())


SLOW = {"pydantic", "yaml", "click", "sqlite3", "zoneinfo", "logging", "callveil.contacts.key"}


def test_a_script_loads_what_it_needs_and_no_more(settings: Settings) -> None:
    decision, modules = ask_script(settings)
    assert decision == "show"
    assert not modules & SLOW
    keep(settings, Contact("hide"))
    decision, modules = ask_script(settings)
    assert decision == "hide"
    assert modules & SLOW == {"sqlite3", "callveil.contacts.key"}
    assert ask_script(settings, "+12065550143")[0] == "show"


def test_a_script_refuses_where_the_contacts_cannot_be_read(settings: Settings) -> None:
    keep(settings, Contact("hide"))
    settings.contacts_key.unlink()
    assert ask_script(settings)[0] == "refuse"
    assert ask_script(settings, "911")[0] == "emergency"


def test_a_script_says_nothing_where_the_settings_cannot_be_read(settings: Settings) -> None:
    assert ask_script(settings, lines="contacts: [")[0] == ""


# The settings, read quickly


def test_the_example_is_read_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from callveil.data_files import config_dir

    monkeypatch.setitem(sys.modules, "callveil.settings_file", None)  # importing it is an error from here on
    path = tmp_path / "settings.yaml"
    assert load_settings_for_script(path) == Settings()
    path.write_text((config_dir() / "settings.example.yaml").read_text())
    assert load_settings_for_script(path) == Settings()
    path.write_text("ami: {secret: x}\n# contacts: /no\ncontacts:   /a/b-c.db   # contacts\nstore: /s\n")
    assert load_settings_for_script(path) == Settings(contacts=Path("/a/b-c.db"))
    path.write_text("contacts_key: /k\r\ncontacts: /c\r\n\r\n")
    assert load_settings_for_script(path) == Settings(contacts=Path("/c"), contacts_key=Path("/k"))


@pytest.mark.parametrize(
    ("text", "contacts"),
    [
        ('contacts: "/a/b"\n', "/a/b"),
        ("contacts: '/a b'\n", "/a b"),
        ("contacts: /a b\n", "/a b"),
        ('{contacts: "/a"}\n', "/a"),
        ('"contacts": /a\n', "/a"),
        ("contacts: /a\n  b\n", "/a b"),
        ("contacts: /a\n\n  # no\n", "/a"),
        ("contacts:\n  /a\n", "/a"),
        ("contacts: &x /a\ncontacts_key: /k\n", None),
        ("contacts: /a\ncontacts: /b\n", None),
        ("contacts: /a/../b\n", None),
        ("contacts: a\n", None),
        ("contact: /a\n", None),
        ("contacts: /a\nstores: /b\n", "/a"),
    ],
)
def test_whatever_is_written_otherwise_is_read_with_care(
    tmp_path: Path, text: str, contacts: str | None
) -> None:
    from callveil.policy.problems import SettingsError

    path = tmp_path / "settings.yaml"
    path.write_text(text)
    path.chmod(0o640)
    if contacts is not None:
        assert load_settings_for_script(path).contacts == Path(contacts)
    elif "contacts" in text:
        with pytest.raises(SettingsError):
            load_settings_for_script(path)
    else:
        assert load_settings_for_script(path) == Settings()


# The keeper


def rows(settings: Settings) -> int:
    with closing(sqlite3.connect(settings.contacts)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
    return int(found)


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_keeper_forgets_at_the_start_and_again(settings: Settings) -> None:
    keep(settings, OVER)
    keep(settings, Contact("hide"), "+12065550143")
    live, stop = new_live(settings), asyncio.Event()
    running = asyncio.create_task(keeper.run(live, stop, 0.05))
    await until(lambda: rows(settings) == 1)
    keep(settings, OVER)
    await until(lambda: rows(settings) == 1)
    assert live.troubles == {}
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_the_keeper_says_trouble_and_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep(settings, OVER)
    keep(settings, Contact("hide"), "+12065550143")
    whole = settings.contacts_key.read_bytes()
    live, stop = new_live(settings), asyncio.Event()
    settings.contacts_key.unlink()
    running = asyncio.create_task(keeper.run(live, stop, 0.05))
    await until(lambda: "is missing" in live.troubles.get(keeper.PART, ""))
    assert rows(settings) == 1  # to forget, no key is needed
    settings.contacts_key.write_bytes(whole)
    await until(lambda: not live.troubles)

    def fails(path: Path, today: date) -> int:
        raise RuntimeError(NUMBER)

    monkeypatch.setattr(keeper, "forget_expired", fails)
    await until(lambda: "RuntimeError at test_contacts_facts.py" in live.troubles.get(keeper.PART, ""))
    monkeypatch.undo()
    await until(lambda: not live.troubles)
    assert "5550142" not in caplog.text
    stop.set()
    await asyncio.wait_for(running, 5)


async def test_the_keeper_ends_at_once_and_makes_nothing(settings: Settings, tmp_path: Path) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(Live(program(), settings), stop))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(running, 1)
    assert list(tmp_path.iterdir()) == []
