"""Trunks whose settings tell who calls although the call is hidden: they are kept from such calls."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from callveil.trunk_report import Outcome
from harness.container import BOOTSTRAP
from harness.pbx import Pbx, Version, wait_for
from harness.sip import CallResult, Carrier, place_call
from harness.sipmessage import SipMessage
from program.far_end import FarEnd, address
from program.site import POLICY, Site

pytestmark = pytest.mark.asterisk

PJSIP_CONF: Final = "/etc/asterisk/pjsip.conf"
MANAGER_CONF: Final = "/etc/asterisk/callveil/manager.conf"
STATE: Final = "/var/lib/callveil/trunks.json"

ACCOUNT: Final = "8005550199"
"""What settings tell that should not."""

DOMAIN: Final = "shelter.example.org"
STREET: Final = "Hidden Lane"
CALLER: Final = "12065550177"
"""Who calls, in the control: what is hidden there."""

CLEAN_ADDRESS: Final = "127.0.0.4"
IAX_ADDRESS: Final = "127.0.0.5"

Told = Callable[[SipMessage], bool]
"""Whether the far end can read what it should not."""


@dataclass(frozen=True)
class Fault:
    """A setting that defeats hiding.

    Attributes:
        name: what Callveil calls it.
        lines: of the endpoint in pjsip.conf.
        told: whether an INVITE tells it.
        versions: where it can be proven.
    """

    name: str
    lines: str
    told: Told
    versions: tuple[Version, ...] = ("22", "16")


def in_header(name: str, text: str) -> Told:
    """Whether a header has a text in it."""
    return lambda invite: text in (invite.header(name) or "")


def signed_number(invite: SipMessage) -> str:
    """The number that the Identity header vouches for."""
    token = (invite.header("Identity") or "..").split(";")[0].split(".")[1]
    claims = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)) or b"{}"
    return str(json.loads(claims).get("orig", {}).get("tn", ""))


NO_IDENTITY: Final = "send_pai=no\nsend_rpid=no\n"

FAULTS: Final = {
    "contact-user": Fault("contact_user", f"contact_user={ACCOUNT}", in_header("Contact", ACCOUNT)),
    "from-user": Fault("from_user", f"from_user={ACCOUNT}", in_header("From", ACCOUNT)),
    "from-domain": Fault("from_domain", f"from_domain={DOMAIN}", in_header("From", DOMAIN)),
    "asserted": Fault(
        "trust_id_outbound",
        "trust_id_outbound=yes\nsend_pai=yes\nsend_rpid=no",
        in_header("P-Asserted-Identity", CALLER),
    ),
    "remote-party": Fault(
        "trust_id_outbound",
        "trust_id_outbound=yes\nsend_pai=no\nsend_rpid=yes",
        in_header("Remote-Party-ID", CALLER),
    ),
    "signed": Fault(
        "stir_shaken",
        "trust_id_outbound=yes\nsend_pai=no\nsend_rpid=no\nstir_shaken_profile=ours",
        lambda invite: signed_number(invite) == CALLER,
        ("22",),
    ),
    "header": Fault(
        "set_var", f"set_var=PJSIP_HEADER(add,X-Account)={ACCOUNT}", in_header("X-Account", ACCOUNT)
    ),
    "asserted-by-hand": Fault(
        "set_var",
        f"set_var=PJSIP_HEADER(add,P-Asserted-Identity)=<sip:{ACCOUNT}@{DOMAIN}>",
        in_header("P-Asserted-Identity", ACCOUNT),
    ),
    "referred-by": Fault(
        "set_var",
        f"set_var=SIPREFERREDBYHDR=<sip:{ACCOUNT}@{DOMAIN}>",
        in_header("Referred-By", ACCOUNT),
    ),
    "place": Fault(
        "geoloc_outgoing_call_profile",
        "geoloc_outgoing_call_profile=office",
        lambda invite: STREET in invite.body,
    ),
    "sdp-owner": Fault("sdp_owner", f"sdp_owner={ACCOUNT}", lambda invite: ACCOUNT in invite.body),
    "sdp-session": Fault("sdp_session", "sdp_session=Shelter", lambda invite: "Shelter" in invite.body),
}

HARMLESS: Final = {
    "plain": "",
    "own-callerid": f'callerid="Shelter" <{ACCOUNT}>',
    "own-number": f"set_var=CALLERID(num)={ACCOUNT}",
    "allowed": "set_var=CALLERID(pres)=allowed",
    "redirected": f"set_var=REDIRECTING(from-num,i)={ACCOUNT}\nset_var=REDIRECTING(count,i)=1",
    "domain-variable": f"set_var=SIPFROMDOMAIN={DOMAIN}",
    "neutral-words": "from_user=anonymous\ncontact_user=anonymous\nfrom_domain=anonymous.invalid",
    "trust-alone": f"{NO_IDENTITY}trust_id_outbound=yes",
}
"""Settings that look as if they told who calls, and do not."""


def faults_of(version: Version) -> dict[str, Fault]:
    """The faults that this version's Asterisk can have."""
    return {key: fault for key, fault in FAULTS.items() if version in fault.versions}


def all_lines(version: Version) -> dict[str, str]:
    """The lines of every endpoint, by the trunk's name."""
    return HARMLESS | {key: fault.lines for key, fault in faults_of(version).items()}


def endpoint(name: str, lines: str, aor: str = "trunk") -> str:
    """A trunk of its own in pjsip.conf."""
    usual = "" if "send_pai" in lines else "send_pai=yes\nsend_rpid=yes\n"
    return (
        f"\n[{name}]\ntype=endpoint\ntransport=udp\ncontext=from-trunk\ndisallow=all\nallow=ulaw\naors={aor}\n"
        f"direct_media=no\nsend_diversion=no\n{usual}{lines}\n"
    )


def pjsip_conf(version: Version, more: str = "") -> str:
    """The tests' pjsip.conf with all these trunks, and one to another address on which nothing is set."""
    from harness.images import RECIPES

    text = (RECIPES / "etc-asterisk" / "common" / "pjsip.conf").read_text(encoding="utf-8")
    text += f"\n[clean]\ntype=aor\ncontact=sip:{CLEAN_ADDRESS}:5060\n" + endpoint("clean", more, "clean")
    return text + "".join(endpoint(name, lines) for name, lines in all_lines(version).items())


def private_key() -> str:
    """A new private key on the curve P-256, as PEM (RFC 5915)."""
    der = (
        bytes.fromhex("30310201010420")
        + bytes([1])
        + secrets.token_bytes(31)
        + bytes.fromhex("a00a06082a8648ce3d030107")
    )
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.b64encode(der).decode()}\n-----END EC PRIVATE KEY-----\n"


KEY: Final = "/etc/asterisk/signing.pem"
SIGNING: Final = (
    f"private_key_file={KEY}\npublic_cert_url=https://cert.example.org/cert.pem\nattest_level=A\n"
)
BESIDE: Final = {
    "/etc/asterisk/stir_shaken.conf": f"[attestation]\n{SIGNING}\n[{CALLER}]\ntype=tn\n{SIGNING}\n"
    "[ours]\ntype=profile\nendpoint_behavior=attest\n",
    "/etc/asterisk/geolocation.conf": "[where]\ntype=location\nformat=civicAddress\nmethod=Manual\n"
    f'location_info=country=US\nlocation_info=RD="{STREET}"\n\n'
    "[office]\ntype=profile\nlocation_reference=where\npidf_element=device\n",
    "/etc/asterisk/iax.conf": "[general]\nbindaddr=127.0.0.1\nautokill=yes\n",
}


def overlay(version: Version) -> dict[str, str]:
    """What all PBXs of this module have in common."""
    return {**BESIDE, KEY: private_key(), PJSIP_CONF: pjsip_conf(version)}


def number_of(position: int) -> str:
    """A number to call, one for each trunk of the control."""
    return f"+121255501{position:02}"


def control_dialplan(version: Version) -> str:
    """Calls hidden the ordinary way, by a trunk that the number called selects."""
    lines = ["[from-internal]"]
    trunks = [f"PJSIP/{{number}}@{name}" for name in all_lines(version)] + [f"IAX2/{IAX_ADDRESS}/{{number}}"]
    for position, dial in enumerate(trunks):
        number = number_of(position)
        lines += [
            f"exten => *67{number},1,Set(CALLERID(num)={CALLER})",
            " same => n,Set(CALLERID(pres)=prohib)",
            f" same => n,Dial({dial.format(number=number)},10)",
            " same => n,Hangup()",
        ]
    return "\n".join(lines) + "\n"


@dataclass
class Control:
    """What a far end reads without Callveil, by the trunk's name."""

    pbx: Pbx
    invites: dict[str, SipMessage] = field(default_factory=dict)


@pytest.fixture(scope="module")
def control(version: Version) -> Iterator[Control]:
    more = {"/etc/asterisk/extensions.conf": control_dialplan(version)}
    with Pbx.start(version, "plain", overlay(version) | more) as pbx:
        found = Control(pbx)
        names = list(all_lines(version))
        with Carrier(pbx) as carrier, ThreadPoolExecutor(5) as pool:
            dialled = [f"*67{number_of(position)}" for position in range(len(names))]
            results = list(pool.map(lambda digits: place_call(pbx, "201", digits, hold_ms=50), dialled))
            assert [result.answered for result in results] == [True] * len(names)
            for invite in carrier.calls():
                found.invites[names[int(invite.dialled[-2:])]] = invite
        yield found


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    with Pbx.start(version, "callveil", overlay(version)) as pbx:
        yield Site(pbx)


def policy_of(*trunks: str, trusted: str = "") -> str:
    """The tests' policy with these PJSIP trunks, of which one may be trusted to hide."""
    lines = [
        f'  {name}: {{dial: "PJSIP/{{number}}@{name}"'
        + (', trusted_to_hide: "The carrier takes it off."' if name == trusted else "")
        + "}\n"
        for name in trunks
    ]
    return with_trunks("".join(lines))


def with_trunks(lines: str) -> str:
    """The tests' policy with other trunks."""
    before, begin, rest = POLICY.partition("trunks:\n")
    _, end, after = rest.partition("lines:\n")
    return before + begin + lines + end + after


def apply(site: Site, text: str, *trunks: str) -> dict[str, dict[str, Any]]:
    """Put a policy in force and wait until Callveil has looked at its trunks; return what it has seen."""
    site.load_policy(text)
    wait_for("a look at the trunks", lambda: seen(site, *trunks) is not None)
    return seen(site, *trunks) or {}


def seen(site: Site, *trunks: str) -> dict[str, dict[str, Any]] | None:
    """What is known of these trunks, once it is all that is known."""
    known: dict[str, dict[str, Any]] = json.loads(site.pbx.callveil.read(STATE))["trunks"]
    return known if set(known) == set(trunks) else None


def status(site: Site, code: int) -> dict[str, dict[str, Any]]:
    """What `callveil status` says of each trunk."""
    done = site.pbx.callveil.exec(["callveil", "status", "--json"], user="asterisk", check=False)
    assert done.returncode == code, done.stdout
    return {one["trunk"]: one for one in json.loads(done.stdout)["trunks"]}


def assert_refused(result: CallResult) -> None:
    """Staff were told aloud, and the call was rejected."""
    assert result.final_status == 403
    assert result.loud_ms > 2000


# --- Without Callveil


@pytest.mark.parametrize("key", FAULTS)
def test_control_the_setting_tells_who_calls_though_the_call_is_hidden(
    control: Control, version: Version, key: str
) -> None:
    fault = FAULTS[key]
    if version not in fault.versions:
        assert key not in control.invites
        return
    assert fault.told(control.invites[key]), control.invites[key].raw
    # The call was hidden as far as the ordinary way goes.
    assert FarEnd(control.invites[key]).name == "Anonymous"
    assert not fault.told(control.invites["plain"])


@pytest.mark.parametrize("name", HARMLESS)
def test_control_what_is_no_fault_tells_nothing(control: Control, name: str) -> None:
    invite = control.invites[name]
    for text in (ACCOUNT, CALLER, DOMAIN, "Shelter", STREET):
        assert text not in invite.raw
    assert address(invite.header("From") or "") == ("anonymous", "anonymous.invalid")


# --- With Callveil


def test_each_fault_is_seen_and_hidden_calls_are_refused_aloud(site: Site, version: Version) -> None:
    faults = faults_of(version)
    for some in (list(faults)[:10], list(faults)[10:]):
        known = apply(site, policy_of(*some), *some)
        assert {key: known[key]["faults"] for key in some} == {key: [faults[key].name] for key in some}
        with Carrier(site.pbx) as carrier, ThreadPoolExecutor(3) as pool:
            # A trunk that could still be used would be: the dialplan tries each in turn.
            hidden = pool.submit(place_call, site.pbx, "201", "+12125550141")
            shown = pool.submit(place_call, site.pbx, "101", "+12125550142")
            told = pool.submit(status, site, 1).result()
            assert_refused(hidden.result())
            assert shown.result().answered
            assert [FarEnd(invite).shown for invite in carrier.calls()] == ["+12065550100"]
        for key in some:
            assert told[key]["outcome"] == Outcome.NOT_USED
            assert "NOT used for hidden calls" in told[key]["text"]


def test_a_trunk_that_names_itself_carries_no_shown_call_either(control: Control, site: Site) -> None:
    """Not even one to which a rule gives another number: the far end would read the trunk's own in From."""
    assert FAULTS["from-user"].told(control.invites["from-user"])
    apply(site, policy_of("from-user"), "from-user")
    with Carrier(site.pbx) as carrier, ThreadPoolExecutor(2) as pool:
        shown = pool.submit(place_call, site.pbx, "101", "+12125550142")
        substitute = pool.submit(place_call, site.pbx, "201", "+18005550143")
        assert_refused(shown.result())
        assert_refused(substitute.result())
        assert carrier.calls() == []
    apply(site, policy_of("from-user", "clean"), "from-user", "clean")
    with Carrier(site.pbx, address=CLEAN_ADDRESS) as clean:
        assert place_call(site.pbx, "101", "+12125550142").answered
        assert [FarEnd(invite).shown for invite in clean.calls()] == ["+12065550100"]
    apply(site, policy_of("from-user", trusted="from-user"), "from-user")
    with Carrier(site.pbx) as carrier:
        assert place_call(site.pbx, "101", "+12125550142").answered
        # What the reason in the policy has to be good for.
        assert [FarEnd(invite).shown for invite in carrier.calls()] == [ACCOUNT]


def test_what_is_no_fault_is_not_taken_for_one(site: Site) -> None:
    known = apply(site, policy_of(*HARMLESS), *HARMLESS)
    assert {key: one["faults"] for key, one in known.items()} == {key: [] for key in HARMLESS}
    assert {one["outcome"] for one in status(site, 0).values()} == {Outcome.HIDES}


def test_a_trunk_that_can_hide_is_used_instead(site: Site, version: Version) -> None:
    some = [*list(faults_of(version))[:9], "clean"]
    apply(site, policy_of(*some), *some)
    with Carrier(site.pbx) as carrier, Carrier(site.pbx, address=CLEAN_ADDRESS) as clean:
        assert place_call(site.pbx, "201", "+12125550141").answered
        (invite,) = clean.calls()
        assert carrier.calls() == []
    assert FarEnd(invite).shown is None
    for text in (ACCOUNT, "2065550100"):
        assert text not in invite.raw


def test_a_trunk_that_the_policy_trusts_is_used(site: Site) -> None:
    known = apply(
        site, policy_of("from-user", "contact-user", trusted="contact-user"), "from-user", "contact-user"
    )
    assert known["contact-user"]["faults"] == ["contact_user"]
    with Carrier(site.pbx) as carrier:
        assert place_call(site.pbx, "201", "+12125550141").answered
        (invite,) = carrier.calls()
    # What the reason in the policy has to be good for.
    assert FAULTS["contact-user"].told(invite)
    assert not FAULTS["from-user"].told(invite)
    told = status(site, 1)
    assert told["contact-user"]["outcome"] == Outcome.TRUSTED
    assert told["from-user"]["outcome"] == Outcome.NOT_USED


def test_an_emergency_call_goes_out_by_a_trunk_that_cannot_hide(site: Site) -> None:
    apply(site, policy_of("contact-user"), "contact-user")
    site.pbx.callveil.exec(["callveil", "install"])
    site.pbx.cli("dialplan reload")
    try:
        with Carrier(site.pbx) as carrier, ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(place_call, site.pbx, "201", digits) for digits in ("911", "*67911")]
            assert [call.result().answered for call in calls] == [True, True]
            assert [FarEnd(invite).shown for invite in carrier.calls()] == ["+12065550100"] * 2
            assert [invite.dialled for invite in carrier.calls()] == ["911", "911"]
    finally:
        site.write_policy(POLICY)
        site.pbx.callveil.exec(["callveil", "install"])
        site.pbx.cli("dialplan reload")


SHARED: Final = f"\n[global]\ntype=global\ndefault_from_user={ACCOUNT}\n"


def test_control_the_shared_default_user_tells_who_calls(control: Control, version: Version) -> None:
    pbx = control.pbx
    pbx.write(PJSIP_CONF, pjsip_conf(version) + SHARED)
    pbx.cli("module reload res_pjsip.so")
    names = list(all_lines(version))
    with Carrier(pbx) as carrier:
        for name in ("plain", "neutral-words"):
            assert place_call(pbx, "201", f"*67{number_of(names.index(name))}", hold_ms=50).answered
        plain, neutral = carrier.calls()
    assert address(plain.header("Contact") or "")[0] == ACCOUNT
    assert ACCOUNT not in neutral.raw


def faults_of_clean(site: Site) -> list[str]:
    """What is known of the clean trunk, where it is the only one."""
    known = seen(site, "clean")
    return list(known["clean"]["faults"]) if known else ["?"]


def test_a_reload_is_noticed_and_the_trunk_is_used_again_once_it_is_mended(
    site: Site, version: Version
) -> None:
    pbx = site.pbx
    apply(site, policy_of("clean"), "clean")
    before = len(site.log())
    changes = (
        ("module reload res_pjsip.so", "from_user", pjsip_conf(version, f"from_user={ACCOUNT}")),
        ("core reload", "default_from_user", pjsip_conf(version) + SHARED),
    )
    with Carrier(pbx, address=CLEAN_ADDRESS) as clean:
        for calls, (reload, name, text) in enumerate(changes, 1):
            pbx.write(PJSIP_CONF, text)
            pbx.cli(reload)
            began = time.monotonic()
            wait_for("the fault", lambda: faults_of_clean(site) != [], 5, 0.02)
            assert time.monotonic() - began < 3
            assert faults_of_clean(site) == [name]
            assert place_call(pbx, "201", "+12125550141", give_up_ms=1500).loud_ms > 500
            assert len(clean.calls()) == calls - 1
            pbx.write(PJSIP_CONF, pjsip_conf(version))
            if name == "default_from_user":
                # Asterisk has not read the mended file by that.
                pbx.cli("module reload app_queue.so")
                time.sleep(1)
                assert faults_of_clean(site) == [name]
            pbx.cli("module reload res_pjsip.so")
            wait_for("the trunk to be mended", lambda: faults_of_clean(site) == [], 5)
            assert place_call(pbx, "201", "+12125550141").answered
            assert ACCOUNT not in clean.wait_calls(calls)[-1].raw
    said = site.log()[before:]
    assert said.count("Trunk clean is NOT used for hidden calls: from_user is set") == 1
    assert said.count("Trunk clean is used for hidden calls again") == 2


def test_a_start_of_asterisk_is_noticed(site: Site, version: Version) -> None:
    pbx = site.pbx
    apply(site, policy_of("clean"), "clean")
    before = len(site.log())
    pbx.write(PJSIP_CONF, pjsip_conf(version, f"contact_user={ACCOUNT}"))
    pbx.restart_asterisk("now")
    wait_for("the fault", lambda: faults_of_clean(site) == ["contact_user"], 6)
    assert "callveil install" not in site.log()[before:]
    pbx.write(PJSIP_CONF, pjsip_conf(version))
    pbx.cli("module reload res_pjsip.so")
    wait_for("the trunk to be mended", lambda: faults_of_clean(site) == [], 5)
    site.wait_ready()


def test_where_the_user_for_it_is_missing_status_says_so_and_what_was_known_stays(
    site: Site, version: Version
) -> None:
    pbx = site.pbx
    apply(site, policy_of("from-user", "clean"), "from-user", "clean")
    whole = pbx.read(MANAGER_CONF)
    pbx.write(MANAGER_CONF, whole.partition("[callveil-audit]")[0], 0o640, "root:asterisk")
    pbx.cli("manager reload")
    try:
        site.stop()
        before = len(site.log())
        site.serve()
        site.wait_ready()
        wait_for("the refusal", lambda: "AMI user callveil-audit log in: run" in site.log()[before:])
        told = status(site, 1)
        assert told["from-user"]["outcome"] == Outcome.NOT_USED
        assert told["clean"]["outcome"] == Outcome.UNKNOWN
        assert "run `callveil install`" in told["clean"]["text"]
        with Carrier(pbx) as carrier, Carrier(pbx, address=CLEAN_ADDRESS) as clean:
            assert place_call(pbx, "201", "+12125550141").answered
            assert (len(carrier.calls()), len(clean.calls())) == (0, 1)
    finally:
        site.pbx.callveil.exec(["callveil", "install"])
        pbx.cli("manager reload")
        site.stop()
        site.serve()
        site.wait_ready()
    mended = ("from-user", "clean")
    wait_for("a look", lambda: all(not one["trouble"] for one in (seen(site, *mended) or {}).values()))


def test_the_audits_user_hears_of_no_call(site: Site) -> None:
    from harness.ami import AmiTap

    secret = site.pbx.callveil.read("/etc/callveil/ami.secret").strip()
    apply(site, policy_of("clean"), "clean")
    with AmiTap(site.pbx, "callveil-audit", secret) as tap, Carrier(site.pbx, address=CLEAN_ADDRESS):
        assert place_call(site.pbx, "201", "+12125550141").answered
        site.pbx.wait_idle()
        site.pbx.cli("module reload app_queue.so")
        tap.wait(lambda block: block.get("Event") == "Reload", "the reload")
        assert {event["Event"] for event in tap.events()} <= {"FullyBooted", "Reload"}


# --- Another kind of trunk: IAX2 always sends the number, and beside it the wish that it be hidden.

IAX_LISTENER: Final = """
import json, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((d["request"]["address"], 4569))
server.settimeout(d["request"]["seconds"])
try:
    while True:
        data = server.recv(4096)
        # A full frame of type 6 (IAX) and subclass 1 (NEW), see RFC 5456.
        if len(data) > 12 and data[0] & 0x80 and data[10] == 6 and data[11] == 1:
            print(json.dumps(data[12:].hex()))
            break
except TimeoutError:
    print(json.dumps(""))
"""
CALLING_NUMBER: Final = 2
CALLING_PRESENTATION: Final = 38


def hear_iax(pbx: Pbx, seconds: float) -> dict[int, bytes]:
    """Wait for a call by IAX2 and return what it says, by the number of the information element."""
    request = {"address": IAX_ADDRESS, "seconds": seconds}
    line = json.dumps({"name": "iax", "source": IAX_LISTENER, "request": request})
    data = bytes.fromhex(json.loads(pbx.tools.exec(["python3", "-c", BOOTSTRAP], input=line + "\n").stdout))
    found: dict[int, bytes] = {}
    while len(data) >= 2:
        found[data[0]], data = data[2 : 2 + data[1]], data[2 + data[1] :]
    return found


def call_by_iax(pbx: Pbx, digits: str, give_up_ms: int | None = 2000) -> tuple[dict[int, bytes], CallResult]:
    """Call while somebody listens there who never answers."""
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(hear_iax, pbx, 5)
        result = place_call(pbx, "201", digits, give_up_ms=give_up_ms)
        return heard.result(), result


def test_control_iax2_sends_the_number_of_a_hidden_call(control: Control, version: Version) -> None:
    heard, _ = call_by_iax(control.pbx, f"*67{number_of(len(all_lines(version)))}")
    assert heard[CALLING_NUMBER].decode() == CALLER
    assert heard[CALLING_PRESENTATION][0] & 0x60 == 0x20, "it was to be hidden"


def test_iax2_is_not_used_for_hidden_calls_unless_the_policy_says_why(site: Site) -> None:
    dial = f'dial: "IAX2/{IAX_ADDRESS}/{{number}}"'
    apply(site, with_trunks(f"  iax: {{{dial}}}\n"))
    assert "Callveil cannot see what IAX2 sends" in status(site, 1)["iax"]["text"]
    heard, result = call_by_iax(site.pbx, "+12125550141", None)
    assert heard == {}
    assert_refused(result)
    apply(site, with_trunks(f'  iax: {{{dial}, trusted_to_hide: "It ends at our own exchange."}}\n'))
    assert status(site, 0)["iax"]["outcome"] == Outcome.TRUSTED
    heard, _ = call_by_iax(site.pbx, "+12125550141")
    # What the reason in the policy has to be good for.
    assert heard[CALLING_NUMBER].decode() == "+12065550100"
    assert heard[CALLING_PRESENTATION][0] & 0x60 == 0x20


def test_neither_log_nor_state_holds_what_the_settings_tell(site: Site) -> None:
    apply(site, policy_of("from-user", "sdp-owner"), "from-user", "sdp-owner")
    everything = site.log() + site.pbx.callveil.read(STATE)
    assert "NOT used for hidden calls" in everything
    for text in (ACCOUNT, CALLER, DOMAIN, STREET, "2125550141"):
        assert text not in everything
