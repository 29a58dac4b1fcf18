"""Servers that are not what they should be: the session gives them up in time, says why, and goes on."""

import asyncio
import contextlib
import tracemalloc
from typing import Any

import pytest
from callveil_ami.intake import Intake
from callveil_ami.session import AmiSession
from callveil_ami.waiting import Backoff
from harness.fake_ami import FakeAmi, cdr, fake_ami, until


@contextlib.asynccontextmanager
async def session_with(server: FakeAmi, on_cdr, backoff: Backoff | None = None):
    troubles: dict[str, str] = {}
    stop = asyncio.Event()
    session = AmiSession(server.settings(), on_cdr, troubles, backoff or Backoff(0.02, 0.1))
    task = asyncio.create_task(session.run(stop))
    try:
        yield session, troubles
    finally:
        stop.set()
        await asyncio.wait_for(task, 2)


def said(troubles: dict[str, str], words: str) -> bool:
    return words in troubles.get("ami", "")


async def test_server_that_never_says_a_word():
    silent = fake_ami(greeting=b"", answers_logins=False)
    async with silent as server, session_with(server, print) as (_, troubles):
        await until(lambda: said(troubles, "no reply to a login in 0.4 s"))
        await until(lambda: server.connections >= 2)


async def test_server_that_never_answers_the_login():
    async with fake_ami(answers_logins=False) as server, session_with(server, print) as (_, troubles):
        await until(lambda: said(troubles, "no reply to a login"))


async def test_half_open_peer_that_takes_pings_and_never_answers():
    async with fake_ami(answers_pings=False) as server, session_with(server, print) as (_, troubles):
        await until(lambda: server.logins == 1)
        await until(lambda: said(troubles, "no reply to a ping"), 2)
        await until(lambda: server.logins >= 2)


async def test_ping_answered_with_the_beginning_of_a_list():
    async def play(writer):
        writer.write(b"Response: Success\r\nEventList: start\r\nActionID: x\r\n\r\n" * 10)

    async with fake_ami(play=play) as server, session_with(server, print) as (session, _):
        await until(lambda: server.actions.count("Ping") > 3)
        assert server.connections == 1
        assert session.logged_in.is_set()


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100, b"Asterisk Call Man\r\n\r\n"]
)
async def test_something_else_answers(greeting):
    async with fake_ami(greeting=greeting) as server, session_with(server, print) as (_, troubles):
        await until(lambda: said(troubles, "is not Asterisk's manager interface"))


async def test_greeting_without_an_end():
    endless = fake_ami(greeting=b"Asterisk Call Manager/" + b"9" * 1000)
    async with endless as server, session_with(server, print) as (_, troubles):
        await until(lambda: said(troubles, "is not Asterisk's manager interface"))


async def test_event_that_is_cut_off_is_not_half_taken():
    events: list[Any] = []

    async def play(writer):
        writer.write(cdr(1) + cdr(2)[:-3])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()

    async with fake_ami(play=play) as server, session_with(server, events.append):
        await until(lambda: server.logins >= 3)
    assert {event["Sequence"] for event in events} == {"1"}


async def test_every_byte_in_a_chunk_of_its_own():
    events: list[Any] = []
    data = cdr(1, AccountCode="Zoë Ünlü ☎") + b"Event: Other\r\n\r\n" + cdr(2)

    async def play(writer):
        for number in range(len(data)):
            writer.write(data[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0)

    async with fake_ami(play=play) as server, session_with(server, events.append):
        await until(lambda: len(events) == 2)
    assert events[0]["AccountCode"] == "Zoë Ünlü ☎"


async def test_bytes_that_are_no_utf8_cost_one_character():
    events: list[Any] = []

    async def play(writer):
        writer.write(cdr(1).replace(b"AccountCode: ", b"AccountCode: a\xff\xc3"))

    async with fake_ami(play=play) as server, session_with(server, events.append):
        await until(lambda: events)
    assert events[0]["AccountCode"] == "a��"


async def test_garbage_between_events_is_passed_over():
    events: list[Any] = []
    garbage = [
        b"\x00\x01\x02\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"Event\r\n\r\n",
        b"Event: Cdr\r\nEvent: Cdr\r\nActionID: 1\r\nActionID: 2\r\n\r\n",
        b"Response: Follows\r\n\r\n",
        b"Response: Error\r\nResponse: Error\r\nMessage: a\r\nMessage: b\r\n\r\n",
        b"Event: \r\n: \r\n\r\n",
    ]

    async def play(writer):
        for number, one in enumerate(garbage):
            writer.write(one + cdr(number))

    async with fake_ami(play=play) as server, session_with(server, events.append):
        await until(lambda: len([e for e in events if e.get("VeilId")]) == len(garbage))
        assert server.connections == 1


@pytest.mark.parametrize("piece", [b"x" * 4096, b"Source: 1\r\n" * 400, b"\r\n" + b"\r" * 4000])
async def test_message_without_an_end_is_dropped_in_bounded_memory(piece):
    async def play(writer):
        while True:
            writer.write(piece)
            await writer.drain()

    async with fake_ami(play=play) as server:
        tracemalloc.start()
        try:
            async with session_with(server, print, Backoff(5, 5)) as (_, troubles):
                await until(lambda: said(troubles, "message without an end"))
                _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * 2**20


async def test_flood_keeps_the_queue_and_the_memory_bounded():
    count = 50_000
    troubles: dict[str, str] = {}
    intake = Intake(troubles, capacity=1000)

    async def play(writer):
        for first in range(0, count, 500):
            writer.write(b"".join(cdr(number) for number in range(first, first + 500)))
            await writer.drain()

    async with fake_ami(play=play) as server:
        server_settings = server.settings(ping_interval=1.0, timeout=10.0)
        stop = asyncio.Event()
        tasks_before = len(asyncio.all_tasks())
        task = asyncio.create_task(AmiSession(server_settings, intake.take, troubles).run(stop))
        most_tasks = 0
        while len(intake) + intake.overflowed < count:
            most_tasks = max(most_tasks, len(asyncio.all_tasks()))
            await asyncio.sleep(0.01)
        assert len(intake) == 1000
        assert most_tasks < tasks_before + 12
        assert intake.unreadable == 0
        assert server.connections == 1
        assert "journal" in troubles["queue"]
        stop.set()
        await asyncio.wait_for(task, 2)


async def test_callback_that_raises_does_not_cost_the_connection(caplog):
    calls = 0

    def on_cdr(_):
        nonlocal calls
        calls += 1
        raise RuntimeError("+12065550123")

    async def play(writer):
        writer.write(cdr(1) + cdr(2))

    async with fake_ami(play=play) as server, session_with(server, on_cdr):
        await until(lambda: calls == 2)
        await until(lambda: server.actions.count("Ping") > 2)
        assert server.connections == 1
    assert "5550123" not in caplog.text


async def test_server_that_drops_each_login_is_not_hammered():
    async def play(writer):
        writer.close()

    async with fake_ami(play=play) as server, session_with(server, print, Backoff(0.05, 10)):
        await asyncio.sleep(1.5)
    assert 2 <= server.connections <= 9


async def test_stop_in_any_state_leaves_nothing():
    for seconds in (0, 0.001, 0.01, 0.05, 0.2):
        async with fake_ami() as server, session_with(server, print):
            await asyncio.sleep(seconds)
    await asyncio.sleep(0.05)
    assert not [task for task in asyncio.all_tasks() if "AmiSession" in repr(task)]
