from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from callveil.live import Live
from callveil.settings import AgiSettings, Settings
from callveil_agi import service
from callveil_agi.protocol import MAX_ENVIRONMENT, ProtocolError, Reply
from callveil_agi.server import Application, Endpoint, Request
from harness.agi_peer import (
    CALL_ID,
    CALLER,
    closed,
    environment,
    everything_logged,
    free_port,
    policy,
    serving,
    until,
)


@contextlib.asynccontextmanager
async def application(
    endpoint: Endpoint, **limits: float
) -> AsyncIterator[tuple[Application, asyncio.StreamReader, asyncio.StreamWriter]]:
    """An application with one route, and one connection to it that has asked for it."""
    app = Application(timeout=limits.get("timeout", 1.0), max_connections=10)
    app.add_route("outbound", endpoint)
    server = await asyncio.start_server(app.accept, "127.0.0.1", 0, limit=MAX_ENVIRONMENT)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(environment())
    try:
        yield app, reader, writer
    finally:
        await closed(writer)
        server.close()
        await app.finish(1.0)


async def test_an_endpoint_gets_headers_and_replies() -> None:
    replies: list[Reply] = []

    async def endpoint(request: Request) -> None:
        assert request.headers["agi_arg_1"] == "200"
        replies.append(await request.send_command("NOOP"))
        replies.append(await request.send_command("ANSWER"))
        assert request.hung_up

    async with application(endpoint) as (_, reader, writer):
        assert await reader.readline() == b"NOOP\n"
        writer.write(b"520-Invalid command syntax.  Proper usage follows:\nUsage\n520 End of proper usage.\n")
        assert await reader.readline() == b"ANSWER\n"
        writer.write(b"100 Trying\nHANGUP\n200 result=0\n")
        assert await reader.read() == b""
    assert replies == [Reply(520), Reply(200, "0")]


@pytest.mark.parametrize("command", ["NOOP\nHANGUP", "x" * 3000])
async def test_a_command_that_would_be_two_is_not_sent(command: str) -> None:
    caught: list[ProtocolError] = []

    async def endpoint(request: Request) -> None:
        try:
            await request.send_command(command)
        except ProtocolError as error:
            caught.append(error)

    async with application(endpoint) as (_, reader, _):
        assert await reader.read() == b""
    assert len(caught) == 1


async def test_cancellation_goes_through() -> None:
    seen: list[str] = []

    async def endpoint(_: Request) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with application(endpoint, timeout=60) as (app, reader, _):
        await asyncio.sleep(0.05)
        (task,) = app._since
        task.cancel()
        assert await reader.read() == b""
        with pytest.raises(asyncio.CancelledError):
            await task
    assert seen == ["cancelled"]


async def test_an_endpoint_that_hangs_is_ended() -> None:
    async def endpoint(_: Request) -> None:
        await asyncio.sleep(60)

    async with application(endpoint, timeout=0.1) as (_, reader, _), asyncio.timeout(0.5):
        assert await reader.read() == b""


async def test_an_endpoint_that_fails_is_named_without_its_words() -> None:
    async def endpoint(_: Request) -> None:
        raise KeyError(CALLER)

    with everything_logged() as log:
        async with application(endpoint) as (_, reader, _):
            assert await reader.read() == b""
    assert "KeyError" in log.getvalue()
    assert CALLER not in log.getvalue()


async def test_a_blocking_endpoint_is_refused() -> None:
    app = Application(timeout=1.0, max_connections=1)

    def blocking(_: Request) -> None:
        pass

    with pytest.raises(TypeError, match="async function"):
        app.add_route("outbound", blocking)  # type: ignore[arg-type]


async def test_other_kinds_of_async_endpoints_are_taken() -> None:
    class Callable:
        async def __call__(self, _: Request) -> None:
            pass

    async def endpoint(_: str, __: Request) -> None:
        pass

    app = Application(timeout=1.0, max_connections=1)
    app.add_route("a", Callable())
    app.add_route("b", functools.partial(endpoint, "x"))
    with pytest.raises(ValueError, match="exists"):
        app.add_route("/a", Callable())


def test_an_application_is_built_in_the_running_loop() -> None:
    with pytest.raises(RuntimeError):
        Application(timeout=1.0, max_connections=1)


async def test_panoramisk_is_kept_quiet() -> None:
    logging.getLogger("panoramisk").setLevel(logging.DEBUG)
    Application(timeout=1.0, max_connections=1)
    assert not logging.getLogger("panoramisk.manager").isEnabledFor(logging.INFO)


async def test_inbound() -> None:
    async with serving() as server:
        for line, shown in (("hotline", "scrub"), ("desk", "show"), ("none", "scrub")):
            answered = await server.ask(environment("inbound", line, CALL_ID))
            assert answered == f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|{shown}|{line}|"\n'.encode()


async def test_inbound_keeps_something_of_the_caller_where_the_line_does() -> None:
    async with serving() as server:
        lines = tuple(
            replace(line, caller="country", show_caller=False, flagged=line.key == "hotline")
            for line in server.live.policy.lines
        )
        server.live.policy = replace(server.live.policy, lines=lines)
        for line, said, party in (
            ("desk", b"200 result=1 (+442079460142)\n", "GB"),
            ("desk", b"200 result=0\n", ""),
            ("desk", b"200 result=1 (anonymous)\n", ""),
        ):
            reader, writer = await server.connect()
            writer.write(environment("inbound", line, CALL_ID))
            assert await reader.readline() == b"GET VARIABLE VEIL_CALLER\n"
            writer.write(said)
            answer = f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|scrub|{line}|{party}"\n'
            assert await reader.readline() == answer.encode()
            writer.write(b"200 result=1\n")
            await closed(writer)
        answered = await server.ask(environment("inbound", "hotline", CALL_ID))
        assert answered == f'SET VARIABLE VEIL_ANSWER "veil3|{CALL_ID}|scrub|hotline|"\n'.encode()


async def test_a_new_policy_holds_from_the_next_call_on() -> None:
    async with serving() as server:
        before = server.live.policy
        server.live.policy = replace(before, lines=())
        assert b"|unlisted|" in await server.ask(environment())
        server.live.policy = before


@pytest.mark.parametrize(
    "sent",
    [
        environment("voicemail"),
        environment(""),
        environment("outbound?x"),
        environment("outbound", "200"),
        environment("outbound", "200", "not an id"),
        environment("outbound", "200", CALL_ID, digits=""),
        environment("inbound", CALL_ID),
        environment("inbound", "a|b", CALL_ID),
        b"\n\n",
    ],
)
async def test_an_odd_question_is_not_answered(sent: bytes) -> None:
    async with serving() as server, asyncio.timeout(0.5):
        assert await server.ask(sent) == b""


async def test_a_port_in_use_is_said_in_plain_words() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        live = Live(policy(), Settings(agi=AgiSettings(port=port)))
        with pytest.raises(service.ServiceError) as caught:
            await service.run(live, asyncio.Event())
    assert str(caught.value) == live.troubles["fastagi"]
    assert str(caught.value).startswith(f"Cannot listen for calls on 127.0.0.1 port {port}: another program")


async def test_an_address_that_is_not_ours() -> None:
    live = Live(policy(), Settings(agi=AgiSettings(host="192.0.2.1", port=free_port())))
    with pytest.raises(OSError, match="no such address"):
        await service.run(live, asyncio.Event())


async def test_stopping_lets_a_running_request_end() -> None:
    port = free_port()
    live = Live(policy(), Settings(agi=AgiSettings(port=port)), {"fastagi": "of an earlier start"})
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(live, stop))
    await until(lambda: not live.troubles)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(environment())
    assert (await reader.readline()).startswith(b"SET VARIABLE")
    stop.set()
    await asyncio.sleep(0.1)
    assert not running.done()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"200 result=1\n")
    async with asyncio.timeout(0.5):
        await running
    assert await reader.read() == b""
    await closed(writer)


async def test_stopping_does_not_wait_for_a_silent_peer() -> None:
    port = free_port()
    live = Live(policy(), Settings(agi=AgiSettings(port=port, timeout=60)), {"fastagi": "x"})
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(live, stop))
    await until(lambda: not live.troubles)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.05)
    stop.set()
    async with asyncio.timeout(1.5):
        await running
    assert await reader.read() == b""
    await closed(writer)
    assert len(asyncio.all_tasks()) == 1
