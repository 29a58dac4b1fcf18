"""Every way out of the PBX: what the far end received in the whole call, with Callveil and without."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest
from harness.exchange import Exchange
from harness.pbx import Pbx, Version, wait_for
from harness.sip import PHONES, CallResult, Carrier, place_call
from program.far_end import FarEnd
from program.site import Site
from program.way_calls import (
    BY_PROGRAM,
    CALLER_NAME,
    CLAIMED,
    CLAIMED_DID,
    MINE,
    Attempt,
    Seen,
    asked_first,
    attempts,
    caller,
    controls,
    did,
    inbound,
    overlay,
    place_ways,
    policy,
)
from program.ways import Column, Way, in_words, note_cell
from program.whole_call import lines, named, names_somebody

OFFICE: Final = "+12065550100"
CLINIC: Final = "+12065550177"
DECIDED: Final = {
    Column.HIDE: None,
    Column.SUBSTITUTE: CLINIC,
    Column.SHOW: OFFICE,
    Column.EMERGENCY: OFFICE,
}
"""The number that the far end is shown."""

NEVER: Final = ("Diversion", "History-Info", "Referred-By", "Replaces", "Identity", "Privacy")
"""Headers that no call of Callveil's carries on this trunk."""

ALL: Final = attempts()
ASIDE: Final = "+12125550196"


@dataclass(frozen=True)
class Both:
    """The same ways twice."""

    site: Site
    veiled: dict[Attempt, Seen]
    plain: dict[Attempt, Seen]


@pytest.fixture(scope="module")
def both(version: Version) -> Iterator[Both]:
    with ThreadPoolExecutor(1) as pool:
        plain = pool.submit(plain_ways, version)
        with Pbx.start(version, "callveil", overlay(ALL, "callveil")) as pbx:
            site = Site(pbx)
            site.write_policy(policy(ALL))
            pbx.callveil.exec(["callveil", "install"])
            pbx.cli("dialplan reload")
            site.send(signal.SIGHUP)
            veiled = place_ways(pbx, ALL)
            yield Both(site, veiled, plain.result())


def plain_ways(version: Version) -> dict[Attempt, Seen]:
    with Pbx.start(version, "plain", overlay(ALL, "plain")) as pbx:
        return place_ways(pbx, controls())


def key(attempt: Attempt) -> str:
    return attempt.key


@pytest.mark.parametrize("attempt", ALL, ids=key)
def test_the_far_end_receives_what_was_decided(both: Both, version: Version, attempt: Attempt) -> None:
    (received,) = both.veiled[attempt].far
    invite = FarEnd(received[0])
    decided = DECIDED[attempt.cell[1]]
    assert invite.shown == decided
    assert named(received, attempt.number, *([decided] if decided else [])) == []
    for message in received:
        for header in NEVER:
            assert message.all(header) == []
        if decided is None:
            assert [*message.all("P-Asserted-Identity"), *message.all("Remote-Party-ID")] == []
    # It was answered, so that whatever follows an answer could have come.
    assert "ACK" in [message.method for message in received]
    note_cell(*attempt.cell, version, invite)


@pytest.mark.parametrize("attempt", inbound(ALL), ids=key)
def test_whoever_called_in_learns_nothing(both: Both, attempt: Attempt) -> None:
    near = both.veiled[attempt].near
    assert 200 in [message.status for message in near]
    assert named(near, did(attempt), caller(attempt)) == []


@pytest.mark.parametrize("attempt", [one for one in ALL if one.way is Way.BLIND_OUT], ids=key)
def test_whoever_is_transferred_learns_nothing(both: Both, attempt: Attempt) -> None:
    first = both.veiled[attempt].first
    decided = OFFICE if attempt.ext == "101" else None
    assert FarEnd(first[0]).shown == decided
    assert named(first, asked_first(attempt), *([decided] if decided else [])) == []


# Without Callveil.


def control(both: Both, way: Way) -> tuple[Attempt, Seen]:
    (found,) = [(one, seen) for one, seen in both.plain.items() if one.way is way]
    return found


def leaks_in_words(attempt: Attempt, seen: Seen) -> str:
    """What a call without Callveil gives away, the same text for the same call."""
    (received,) = seen.far
    said = in_words(FarEnd(received[0]))
    if FarEnd(received[0]).shown is None:
        told = [
            line for message in received for line in lines(message) if names_somebody(line, [attempt.number])
        ]
        said = f"Hidden, but `{told[0].partition(';')[0]}`" if told else said
    return said.replace(caller(attempt), "the caller's number")


@pytest.mark.parametrize("way", MINE)
def test_without_callveil_the_far_end_learns_who(both: Both, version: Version, way: Way) -> None:
    """The same call, hidden with *67 where it is typed, on the same Asterisk."""
    attempt, seen = control(both, way)
    (received,) = seen.far
    assert named(received, attempt.number) != []
    note_cell(way, Column.WITHOUT, version, leaks_in_words(attempt, seen))


def test_path_5_without_callveil_a_forwarding_telephone_is_named_by_diversion(both: Both) -> None:
    _, seen = control(both, Way.TELEPHONE)
    invite = FarEnd(seen.far[0][0])
    assert invite.shown is None
    assert "101" in invite.all("Diversion")[0]
    # Whoever called is told where to.
    assert any("Diversion" in message.raw and message.status == 181 for message in seen.near)


@pytest.mark.parametrize("way", [Way.BLIND_IN, Way.BLIND_OUT])
def test_path_22_without_callveil_a_transfer_names_the_telephone_by_referred_by(both: Both, way: Way) -> None:
    _, seen = control(both, way)
    invite = FarEnd(seen.far[0][0])
    assert invite.shown is None
    assert "sip:101@" in invite.all("Referred-By")[0]


def test_path_12_without_callveil_a_transfer_tells_a_hidden_call_who_is_there(both: Both) -> None:
    attempt, seen = control(both, Way.ATTENDED)
    first, *later = seen.far[0]
    assert FarEnd(first).shown is None
    assert any(caller(attempt)[2:] in message.raw and CALLER_NAME in message.raw for message in later)


@pytest.mark.parametrize("way", BY_PROGRAM)
def test_path_13_without_callveil_a_program_that_names_a_caller_undoes_hiding(both: Both, way: Way) -> None:
    """It sets CALLERID(pres)=prohib along with the caller, which changes nothing."""
    attempt, seen = control(both, way)
    assert FarEnd(seen.far[0][0]).shown == caller(attempt)


@pytest.mark.parametrize("way", [Way.KEYS, Way.DIALPLAN, Way.FOLLOW_ME, Way.QUEUE, Way.LOCAL])
def test_path_14_without_callveil_a_forward_shows_the_callers_number(both: Both, way: Way) -> None:
    attempt, seen = control(both, way)
    assert FarEnd(seen.far[0][0]).shown == caller(attempt)


@dataclass(frozen=True)
class Helped:
    """A call for help that its telephone hands on."""

    number: str
    then: tuple[str, str]


HELPED: Final = (
    Helped("911", ("refer", "101")),
    Helped("933", ("refer", ASIDE)),
    Helped("988", ("attend", "101")),
)


def test_a_call_for_help_that_is_handed_on_names_nobody_else(both: Both) -> None:
    with Exchange(both.site.pbx) as exchange:
        for one in HELPED:
            exchange.dial("201", one.number, one.then)
        wait_for("all calls", lambda: {*(one.number for one in HELPED), ASIDE} <= set(exchange.arrived()))
        exchange.wait_settled()
        time.sleep(0.5)
        exchange.hang_up()
        both.site.pbx.wait_idle()
        arrived, at_desk = exchange.arrived(), exchange.at(PHONES["101"])
    # Two of them go on with the next telephone.
    assert [messages[0].method for messages in at_desk.values()] == ["INVITE", "INVITE"]
    for one in HELPED:
        (received,) = arrived[one.number]
        assert FarEnd(received[0]).shown == OFFICE
        # Handed on unannounced inside the house, help may be told of the next telephone: see ways-out.md.
        sure = received[:1] if one.then == ("refer", "101") else received
        assert named(sure, one.number, OFFICE) == []
    (received,) = arrived[ASIDE]
    assert FarEnd(received[0]).shown is None
    assert named(received, ASIDE) == []


# Paths that Callveil's own dialplan never takes, beside it on the same server.


def test_path_6_an_option_of_dial_shows_a_hidden_call_and_callveil_does_not_use_it(both: Both) -> None:
    with Carrier(both.site.pbx) as carrier:
        assert place_call(both.site.pbx, "201", "*98+12125550190").answered
        assert place_call(both.site.pbx, "201", "+12125550190").answered
        bare, mine = (FarEnd(invite) for invite in carrier.calls())
    assert bare.shown == "+16465550199"
    assert mine.shown is None


def test_path_8_a_mistyped_presentation_is_read_back_and_refused(both: Both) -> None:
    with Carrier(both.site.pbx) as carrier:
        assert place_call(both.site.pbx, "201", "*97+12125550191").answered
        assert not place_call(both.site.pbx, "201", "*96+12125550191").answered
        (bare,) = (FarEnd(invite) for invite in carrier.calls())
    assert bare.shown == "201"


STAND_IN: Final = """
import socket
server = socket.create_server(("127.0.0.1", 4573))
print("on", flush=True)
for _ in range({number}):
    peer = server.accept()[0]
    stream = peer.makefile("rwb")
    asked = dict(line.decode().strip().partition(": ")[::2] for line in iter(stream.readline, b"\\n"))
    answer = {answers!r}[asked["agi_extension"]].replace("ID", asked["agi_arg_2"])
    stream.write(b'SET VARIABLE VEIL_ANSWER "' + answer.encode() + b'"\\n')
    stream.flush()
    stream.readline()
    peer.close()
"""
"""Stands in for Callveil's daemon."""

SAID: Final = {
    "+12125550192": "hide|prohib_passed_screen",
    "+12125550193": "hide|prohibited",
    "+12125550194": "show|allow",
    "+12125550195": "hide|allowed_passed_screen",
}
"""Decision and presentation by the number called; the first is right, so that the stand-in is known to be
heard."""


def test_path_8_a_mistyped_presentation_in_an_answer_is_refused(both: Both) -> None:
    site = both.site
    answers = {
        number: f"veil3|ID|{said}|{OFFICE}||hotline|||||PJSIP/{number}@trunk" for number, said in SAID.items()
    }
    site.stop()
    try:
        with Carrier(site.pbx) as carrier, ThreadPoolExecutor(5) as pool:
            program = STAND_IN.format(answers=answers, number=len(answers))
            stand_in = pool.submit(site.pbx.tools.exec, ["python3", "-c", program], timeout=40)
            wait_for("the stand-in", lambda: ":11DD 00000000:0000 0A" in site.pbx.read("/proc/net/tcp"))
            results = list(pool.map(lambda number: dial(site.pbx, number), SAID))
            assert stand_in.result().stdout == "on\n"
            reached = [(invite.dialled, FarEnd(invite).shown) for invite in carrier.calls()]
    finally:
        site.serve()
        site.wait_ready()
    right, *wrong = results
    assert reached == [("+12125550192", None)]
    assert right.answered
    for result in wrong:
        assert not result.answered
        assert result.loud_ms > 300


def dial(pbx: Pbx, number: str) -> CallResult:
    return place_call(pbx, "201", number, give_up_ms=2500)


def test_an_outside_caller_cannot_choose_a_line_by_its_number(both: Both) -> None:
    """The dialplan forwards a call and does not say on whose behalf; the caller says to be extension 101."""
    with Exchange(both.site.pbx) as exchange:
        exchange.call_in(CLAIMED_DID, "101", CALLER_NAME)
        wait_for("the call", lambda: exchange.arrived().get(CLAIMED))
        exchange.wait_settled()
        exchange.hang_up()
        both.site.pbx.wait_idle()
        (received,) = exchange.arrived()[CLAIMED]
    assert FarEnd(received[0]).shown is None
    assert named(received, CLAIMED) == []
