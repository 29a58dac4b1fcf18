"""The audit of trunks against a server that tells settings, refuses to, or goes away."""

import asyncio
import contextlib
import logging
from dataclasses import replace

from callveil.live import Live
from callveil.policy.model import Trunk
from callveil.settings import Settings
from callveil.trunk_state import read_state
from callveil_ami.audit import TrunkAudit
from callveil_ami.waiting import Backoff
from harness.fake_ami import FakeAmi, fake_ami, message, until
from unit.policies import program

NUMBER = "8005550199"
CARRIER = Trunk("carrier", "PJSIP/{number}@trunk")
SECOND = Trunk("second", "PJSIP/other/sip:{number}@sip.example")
REFUSED = {"Response": "Error", "Message": "Permission denied"}


class Pbx:
    """Endpoints as a server tells them."""

    def __init__(self, **endpoints: dict[str, str]) -> None:
        self.endpoints = endpoints
        self.shared: dict[str, str] | None = {}
        self.refusal: dict[str, str] | None = None
        self.asked: list[str] = []

    @property
    def answers(self):
        return {"PJSIPShowEndpoint": self.show, "GetConfig": self.config}

    def show(self, action):
        self.asked.append(action["Endpoint"])
        settings = self.endpoints.get(action["Endpoint"])
        if self.refusal:
            return [self.refusal]
        if settings is None:
            return [{"Response": "Error", "Message": f"Unable to retrieve endpoint {action['Endpoint']}"}]
        return [
            {"Response": "Success", "EventList": "start", "Message": "Following are Events"},
            {"Event": "EndpointDetail", "ObjectName": action["Endpoint"], **settings},
            {"Event": "EndpointDetailComplete", "EventList": "Complete", "ListItems": "1"},
        ]

    def config(self, action):
        assert action["Filter"] == "type=global"
        if self.shared is None:
            return [{"Response": "Error", "Message": "Config file not found"}]
        lines = [f"{name}={value}" for name, value in self.shared.items()]
        told = {f"Line-000000-{number:06}": line for number, line in enumerate(["type=global", *lines])}
        return [{"Response": "Success", "Category-000000": "global", **told}]


@contextlib.asynccontextmanager
async def auditing(server: FakeAmi, folder, *trunks: Trunk, every: float = 30, **settings):
    live = Live(
        policy=program(trunks=trunks or (CARRIER,)),
        settings=Settings(ami=server.settings(**settings), trunks=folder / "trunks.json"),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(TrunkAudit(live, Backoff(0.02, 0.1), every).run(stop))
    try:
        yield live
        assert not task.done()
    finally:
        stop.set()
        await asyncio.wait_for(task, 2)


def tell(server: FakeAmi, **event: str) -> None:
    server.writers[-1].write(message(event))


async def test_a_trunk_that_can_hide_is_left_alone(tmp_path):
    pbx = Pbx(trunk={"FromUser": ""})
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path) as live:
        await until(lambda: "carrier" in read_state(tmp_path / "trunks.json"))
        assert server.login_headers["Username"] == "callveil-audit"
        assert server.login_headers["Events"] == "system"
        assert live.cannot_hide == frozenset()
        assert live.troubles == {}
        state = read_state(tmp_path / "trunks.json")["carrier"]
        assert state.looked == state.tried
        assert state.faults == ()


async def test_a_trunk_that_cannot_hide_is_named_once_and_without_the_number(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    pbx = Pbx(trunk={"FromUser": NUMBER}, other={})
    async with (
        fake_ami(answers=pbx.answers) as server,
        auditing(server, tmp_path, CARRIER, SECOND, every=0.02) as live,
    ):
        await until(lambda: len(pbx.asked) > 6)
        assert live.cannot_hide == {"carrier"}
        assert set(pbx.asked) == {"trunk", "other"}
        assert (
            "Trunk carrier is NOT used for hidden calls: from_user is set" in live.troubles["trunk carrier"]
        )
        assert caplog.text.count("NOT used") == 1
        pbx.endpoints["trunk"] = {}
        await until(lambda: live.cannot_hide == frozenset())
        await until(lambda: not live.troubles)
        assert caplog.text.count("Trunk carrier is used for hidden calls again") == 1
    assert NUMBER not in caplog.text
    assert NUMBER not in (tmp_path / "trunks.json").read_text()


async def test_a_reload_is_noticed_at_once(tmp_path):
    pbx = Pbx(trunk={})
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path) as live:
        await until(lambda: len(pbx.asked) == 1)
        await asyncio.sleep(0.3)
        assert len(pbx.asked) == 1
        pbx.endpoints["trunk"] = {"ContactUser": NUMBER}
        tell(server, Event="Reload", Module="res_pjsip.so", Status="0")
        await until(lambda: live.cannot_hide == {"carrier"}, 1)


async def test_many_reloads_in_a_row_are_not_answered_one_by_one(tmp_path):
    pbx = Pbx(trunk={})
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path):
        await until(lambda: pbx.asked)
        for _ in range(500):
            tell(server, Event="Reload", Module="All", Status="0")
        await asyncio.sleep(0.7)
        assert 2 <= len(pbx.asked) <= 6


async def test_another_policy_is_noticed(tmp_path):
    pbx = Pbx(trunk={}, other={"SdpOwner": NUMBER})
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path) as live:
        await until(lambda: pbx.asked)
        live.policy = program(trunks=(SECOND,))
        await until(lambda: live.cannot_hide == {"second"})
        await until(lambda: set(read_state(tmp_path / "trunks.json")) == {"second"})


async def test_a_trunk_that_the_policy_trusts_is_no_trouble(tmp_path, caplog):
    pbx = Pbx(trunk={"FromUser": NUMBER})
    trusted = replace(CARRIER, trusted_to_hide="The carrier strips it.")
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path, trusted) as live:
        await until(lambda: live.cannot_hide == {"carrier"})
        assert live.troubles == {}
    assert caplog.text == ""


async def test_a_user_that_asterisk_does_not_know_is_said_with_the_way_to_mend_it(tmp_path):
    async with (
        fake_ami() as server,
        auditing(server, tmp_path, secret="wrong") as live,
    ):
        said = "does not let AMI user callveil-audit log in: run `callveil install`"
        await until(lambda: said in live.troubles.get("trunks", ""))
        # One that starts or ends refuses everybody for a moment.
        assert server.connections == 3
        state = read_state(tmp_path / "trunks.json")["carrier"]
        assert state.looked is None
        assert said in state.trouble


async def test_a_user_that_may_see_nothing_is_said(tmp_path):
    pbx = Pbx(trunk={})
    pbx.refusal = REFUSED
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path, every=0.05) as live:
        await until(lambda: "does not let AMI user callveil-audit see" in live.troubles.get("trunks", ""))
        assert len(pbx.asked) >= 3, "an Asterisk that ends or starts refuses everybody for a moment"
        pbx.refusal = None
        await until(lambda: not live.troubles)


async def test_an_endpoint_that_is_not_there_could_not_be_checked(tmp_path):
    pbx = Pbx(trunk={})
    async with (
        fake_ami(answers=pbx.answers) as server,
        auditing(server, tmp_path, CARRIER, SECOND) as live,
    ):
        await until(lambda: "no endpoint by the name" in live.troubles.get("trunks", ""))
        assert "of trunk second" in live.troubles["trunks"]
        assert live.cannot_hide == frozenset()
        states = read_state(tmp_path / "trunks.json")
        assert states["carrier"].looked
        assert states["second"].looked is None


async def test_what_was_known_stays_in_force_when_asterisk_is_gone_and_after_a_start(tmp_path):
    pbx = Pbx(trunk={"FromUser": NUMBER})
    async with fake_ami(answers=pbx.answers) as server:
        async with auditing(server, tmp_path) as live:
            await until(lambda: live.cannot_hide)
            await server.stop()
            await until(lambda: "trunks" in live.troubles)
            assert live.cannot_hide == {"carrier"}
            await until(lambda: read_state(tmp_path / "trunks.json")["carrier"].trouble)
        async with auditing(server, tmp_path) as live:
            await until(lambda: "trunks" in live.troubles)
            assert live.cannot_hide == {"carrier"}
            pbx.endpoints["trunk"] = {}
            await server.start()
            await until(lambda: not live.cannot_hide)
            await until(lambda: not live.troubles)


async def test_what_was_known_of_another_way_is_forgotten(tmp_path):
    pbx = Pbx(trunk={"FromUser": NUMBER})
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path) as live:
        await until(lambda: live.cannot_hide)
        live.policy = program(trunks=(replace(CARRIER, dial="PJSIP/{number}@nowhere"),))
        await until(lambda: not live.cannot_hide)
        await until(lambda: "Could not check" in live.troubles.get("trunks", ""))


async def test_without_a_trunk_to_look_at_nobody_is_asked(tmp_path):
    iax = Trunk("iax", "IAX2/x/{number}")
    async with fake_ami() as server, auditing(server, tmp_path, iax) as live:
        await asyncio.sleep(0.4)
        assert server.connections == 0
        live.policy = program(trunks=(CARRIER,))
        await until(lambda: server.logins == 1)


async def test_a_shared_setting_counts_until_asterisk_has_read_the_mended_file(tmp_path):
    pbx = Pbx(trunk={})
    pbx.shared = {"default_from_user": NUMBER}
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path, every=0.05) as live:
        await until(lambda: live.cannot_hide)
        pbx.shared = {}
        asked = len(pbx.asked)
        await until(lambda: len(pbx.asked) > asked + 2)
        assert live.cannot_hide == {"carrier"}
        tell(server, Event="Reload", Module="pbx_config.so", Status="0")
        asked = len(pbx.asked)
        await until(lambda: len(pbx.asked) > asked + 2)
        assert live.cannot_hide == {"carrier"}
        tell(server, Event="Reload", Module="res_pjsip.so", Status="0")
        await until(lambda: not live.cannot_hide)


async def test_a_start_of_asterisk_reads_the_mended_file_too(tmp_path):
    pbx = Pbx(trunk={})
    pbx.shared = {"default_from_user": NUMBER}
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path, every=0.05) as live:
        await until(lambda: live.cannot_hide)
        pbx.shared = {}
        tell(server, Event="FullyBooted", Uptime="3600", LastReload="3600", Status="Fully Booted")
        asked = len(pbx.asked)
        await until(lambda: len(pbx.asked) > asked + 2)
        assert live.cannot_hide == {"carrier"}
        tell(server, Event="FullyBooted", Uptime="0", LastReload="0", Status="Fully Booted")
        await until(lambda: not live.cannot_hide)


async def test_shared_settings_that_are_not_told_are_worth_a_look(tmp_path):
    pbx = Pbx(trunk={})
    pbx.shared = None
    async with fake_ami(answers=pbx.answers) as server, auditing(server, tmp_path):
        await until(lambda: "carrier" in read_state(tmp_path / "trunks.json"))
        assert read_state(tmp_path / "trunks.json")["carrier"].risks == ("global",)


async def test_a_list_without_an_end_costs_the_connection_and_no_more(tmp_path):
    def endless(action):
        return [{"Response": "Success", "EventList": "start", "Message": ""}] + [
            {"Event": "AorDetail"}
        ] * 5000

    async with (
        fake_ami(answers={"PJSIPShowEndpoint": endless}) as server,
        auditing(server, tmp_path) as live,
    ):
        await until(lambda: "a list without an end" in live.troubles.get("trunks", ""))
        await until(lambda: server.connections >= 2)


async def test_a_server_that_never_answers_costs_the_connection(tmp_path):
    def silent(action):
        return []

    async with (
        fake_ami(answers={"PJSIPShowEndpoint": silent}) as server,
        auditing(server, tmp_path) as live,
    ):
        await until(lambda: "no reply to a pjsipshowendpoint" in live.troubles.get("trunks", ""))
        await until(lambda: server.connections >= 2)


async def test_a_server_that_drops_each_login_is_not_hammered(tmp_path):
    async def play(writer):
        writer.write(message({"Event": "FullyBooted", "Uptime": "1"}))
        writer.close()

    async with fake_ami(play=play) as server, auditing(server, tmp_path):
        await asyncio.sleep(1)
    assert 2 <= server.connections <= 30


async def test_a_folder_that_cannot_be_written_is_said_and_the_trunk_kept_from_hidden_calls(tmp_path):
    pbx = Pbx(trunk={"FromUser": NUMBER})
    folder = tmp_path / "missing"
    async with fake_ami(answers=pbx.answers) as server, auditing(server, folder, every=0.05) as live:
        await until(lambda: live.cannot_hide)
        await until(lambda: "could not be written" in live.troubles.get("trunks' state", ""))
        folder.mkdir()
        await until(lambda: "carrier" in read_state(folder / "trunks.json"))
        assert read_state(folder / "trunks.json")["carrier"].faults == ("from_user",)
        await until(lambda: "trunks' state" not in live.troubles)
