from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from callveil.contacts.change import keep
from callveil.contacts.model import Contact
from callveil.data_files import data_dir
from callveil.live import Live
from callveil.policy.compiled import parse_compiled
from callveil.policy.load import PolicyError
from callveil.serve import ServeError, find_services, new_live, serve
from callveil.settings import Settings
from callveil.trunk_state import TrunkState, write_state

EXAMPLE = (data_dir() / "config" / "policy.example.yaml").read_text(encoding="utf-8")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def settings_in(folder: Path) -> Settings:
    return Settings(
        compiled=folder / "policy.json",
        contacts=folder / "contacts.sqlite3",
        contacts_key=folder / "contacts.key",
        trunks=folder / "trunks.json",
    )


async def waits(live: Live, stop: asyncio.Event) -> None:
    live.ready.set()
    await stop.wait()


async def wait_until(condition: object, seconds: float = 5) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_the_services_are_found_by_name_only() -> None:
    assert {"contacts", "fastagi", "recorder"} <= set(find_services())


def test_starting_writes_the_form_that_scripts_read(policy: Path, settings: Settings) -> None:
    live = new_live(settings, policy)
    assert parse_compiled(settings.compiled.read_text(encoding="utf-8")) == live.policy


def test_calls_know_the_contacts_and_the_trunks_from_the_start(policy: Path, settings: Settings) -> None:
    write_state(settings.trunks, {"carrier": TrunkState("x", faults=("send_pai",))})
    live = new_live(settings, policy)
    assert live.cannot_hide == live.facts().cannot_hide == {"carrier"}
    assert live.facts().contact("+12065550142") is None
    keep(settings.contacts, settings.contacts_key, "+12065550142", Contact("hide"))
    assert live.facts().contact("+12065550142") == Contact("hide")
    assert live.facts().pool_key


def test_trouble_with_the_contacts_does_not_keep_it_from_starting(policy: Path, settings: Settings) -> None:
    settings.contacts_key.write_bytes(b"no key")
    live = new_live(settings, policy)
    assert list(live.troubles) == ["contacts' key"]


def test_a_bad_policy_does_not_start(policy: Path, settings: Settings) -> None:
    policy.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(PolicyError):
        new_live(settings, policy)
    assert not settings.compiled.exists()


def test_a_folder_that_cannot_be_written_is_said(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="nowhere"):
        new_live(settings_in(tmp_path / "nowhere"), policy)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(policy: Path, settings: Settings, number: signal.Signals) -> None:
    live = new_live(settings, policy)
    running = asyncio.create_task(serve(live, policy, {"one": waits, "two": waits}))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(running, 5)


async def test_a_reload_takes_a_good_policy_and_refuses_a_bad_one(
    policy: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    live = new_live(settings, policy)
    first = live.policy
    running = asyncio.create_task(serve(live, policy, {"one": waits}))
    await asyncio.sleep(0.05)

    policy.write_text(EXAMPLE.replace("version: 1", "version: 7"), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGHUP)
    await wait_until(lambda: "policy" in live.troubles)
    assert live.policy is first
    assert parse_compiled(settings.compiled.read_text(encoding="utf-8")) == first
    assert "policy.yaml:" in caplog.text

    policy.write_text(EXAMPLE.replace("Westside Clinic", "Eastside Clinic"), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGHUP)
    await wait_until(lambda: live.policy is not first)
    assert live.policy.identity_by_key["clinic"].name == "Eastside Clinic"
    assert "policy" not in live.troubles

    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 5)


async def test_a_service_that_fails_stops_the_others_and_is_named(policy: Path, settings: Settings) -> None:
    stopped: list[str] = []

    async def fails(live: Live, stop: asyncio.Event) -> None:
        raise OSError("port 4573 is taken")

    async def notes(live: Live, stop: asyncio.Event) -> None:
        await stop.wait()
        stopped.append("cleanly")

    with pytest.raises(ServeError, match="doors: port 4573 is taken"):
        await asyncio.wait_for(serve(new_live(settings, policy), policy, {"doors": fails, "other": notes}), 5)
    assert stopped == ["cleanly"]


async def test_a_service_that_ends_by_itself_is_a_failure(policy: Path, settings: Settings) -> None:
    async def ends(live: Live, stop: asyncio.Event) -> None:
        return

    with pytest.raises(ServeError, match="early ended by itself"):
        await asyncio.wait_for(serve(new_live(settings, policy), policy, {"early": ends, "other": waits}), 5)


async def test_systemd_is_told(
    policy: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = asyncio.create_task(serve(new_live(settings, policy), policy, {"one": waits}))
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 5)
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"STOPPING=1"]


async def test_systemd_is_not_told_of_a_start_that_fails(
    policy: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(live: Live, stop: asyncio.Event) -> None:
        raise OSError("port 4573 is taken")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with pytest.raises(ServeError):
            await asyncio.wait_for(serve(new_live(settings, policy), policy, {"doors": fails}), 5)
        assert manager.recv(100) == b"STOPPING=1"
