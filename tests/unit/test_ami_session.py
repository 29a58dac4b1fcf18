"""The session against a server that behaves, or fails in plain ways."""

import asyncio
import contextlib
import logging
import socket
import struct

from callveil_ami.session import AmiSession
from callveil_ami.waiting import Backoff
from harness.fake_ami import FakeAmi, cdr, fake_ami, message, until


def quick() -> Backoff:
    return Backoff(first=0.02, most=0.1)


@contextlib.asynccontextmanager
async def running(server: FakeAmi, **settings):
    """A session with the events that it heard and its troubles."""
    events: list[object] = []
    troubles: dict[str, str] = {}
    stop = asyncio.Event()
    before = asyncio.all_tasks()
    session = AmiSession(
        server.settings(**settings), lambda event: events.append(event["VeilId"]), troubles, quick()
    )
    task = asyncio.create_task(session.run(stop))
    try:
        yield session, events, troubles
    finally:
        stop.set()
        await asyncio.wait_for(task, 2)
        left = {one for one in asyncio.all_tasks() - before if "FakeAmi" not in repr(one)}
        assert not left
        assert "ami" not in troubles


async def test_logs_in_for_records_and_queues_and_hears_them():
    async def play(writer):
        calls = {"Event": "QueueCallerJoin", "VeilId": "of a queue"}
        rest = {"Event": "QueueMemberStatus", "VeilId": "not asked for"}
        writer.write(cdr(1) + message(calls) + message(rest) + cdr(2))

    async with fake_ami(play=play) as server, running(server) as (session, events, troubles):
        await until(lambda: len(events) == 3)
        assert events[1] == "of a queue"
        assert server.login_headers["Events"] == "cdr,agent"
        assert session.logged_in.is_set()
        assert troubles == {}
        await until(lambda: server.actions.count("Ping") >= 3)
        assert server.connections == 1


async def test_refused_login_is_said_and_tried_again():
    async with fake_ami() as server, running(server, secret="wrong") as (session, _, troubles):
        await until(lambda: "ami" in troubles)
        assert "refused the login of AMI user callveil: check the secret in" in troubles["ami"]
        assert "wrong" not in troubles["ami"]
        await until(lambda: server.connections >= 2)
        assert not session.logged_in.is_set()


async def test_login_that_is_in_use_is_said():
    async with fake_ami(refusal="Login Already In Use") as server, running(server) as (_, _, troubles):
        await until(lambda: "logged in already" in troubles.get("ami", ""))


async def test_secret_cannot_add_a_header():
    async with fake_ami() as server, running(server, secret="right\r\nEvents: on") as (_, _, troubles):
        await until(lambda: "cannot take" in troubles.get("ami", ""))
        assert server.actions == []


async def test_nobody_listens():
    server = FakeAmi()
    await server.start()
    await server.stop()
    async with running(server) as (_, _, troubles):
        await until(lambda: "cannot be reached (connection refused)" in troubles.get("ami", ""))


async def test_unknown_host_is_said():
    async with fake_ami() as server, running(server, host="no.such.host.invalid") as (_, _, troubles):
        await until(lambda: "ami" in troubles)
        assert "Asterisk's manager interface at no.such.host.invalid" in troubles["ami"]


async def test_asterisk_restarts_and_no_action_is_sent_again():
    async with fake_ami() as server, running(server) as (session, events, troubles):
        await session.logged_in.wait()
        await server.stop()
        await until(lambda: "ami" in troubles)
        server.actions.clear()

        async def play(writer):
            writer.write(cdr(7))

        server.play = play
        await server.start()
        await until(lambda: events)
        assert troubles == {}
        assert server.actions[0] == "Login"


async def test_a_connection_that_asterisk_resets_is_no_network_failure():
    async def play(writer):
        # What a process does to its connections that ends with something unread in them.
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()

    async with fake_ami(play=play) as server, running(server) as (_, _, troubles):
        await until(lambda: "lost: Asterisk closed it" in troubles.get("ami", ""))


async def test_shutdown_event_ends_the_connection():
    async def play(writer):
        writer.write(b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\n\r\n")

    async with fake_ami(play=play) as server, running(server) as (_, _, troubles):
        await until(lambda: "shutting down" in troubles.get("ami", ""))
        await until(lambda: server.logins >= 2)


async def test_pauses_grow_to_a_limit_and_begin_again():
    backoff = Backoff(0.5, 30)
    pauses = [backoff.pause() for _ in range(12)]
    assert pauses[0] == 0.5
    assert all(0.5 <= pause <= 30 for pause in pauses)
    assert all(pause >= 15 for pause in pauses[7:])
    backoff.reset()
    assert backoff.pause() == 0.5
    assert backoff.longest() >= 24


async def test_nothing_logged_holds_an_event(caplog):
    caplog.set_level(logging.DEBUG)

    async def play(writer):
        writer.write(
            cdr(1, Source="+12065550123") + b"Event: Cdr\r\nActionID: a\r\nActionID: 5550123\r\n\r\n"
        )

    async with fake_ami(play=play) as server, running(server) as (_, events, _):
        await until(lambda: events)
        await asyncio.sleep(0.05)
    assert "5550123" not in caplog.text
    assert "right" not in caplog.text
