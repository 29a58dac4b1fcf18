import re

import pytest
from callveil.trunk_faults import FAULTS, RISKS, endpoint_of, find_faults, find_risks

CLEAN = {
    # What Asterisk 22 tells of an endpoint on which nothing is set, as far as it matters here.
    "Event": "EndpointDetail",
    "ObjectName": "trunk",
    "FromUser": "",
    "FromDomain": "",
    "TrustIdOutbound": "false",
    "SendPai": "false",
    "SendRpid": "false",
    "SendDiversion": "false",
    "SendHistoryInfo": "false",
    "StirShaken": "no",
    "StirShakenProfile": "",
    "GeolocOutgoingCallProfile": "",
    "SetVar": "",
    "Callerid": "<unknown>",
    "SdpOwner": "-",
    "SdpSession": "Asterisk",
    "DirectMedia": "false",
}
NUMBER = "8005550199"


def faults(shared=None, **settings):
    return find_faults({**CLEAN, **settings}, shared or {})


def risks(shared=None, **settings):
    return find_risks({**CLEAN, **settings}, {} if shared is None else shared)


def test_an_endpoint_on_which_nothing_is_set_can_hide():
    assert faults() == ()
    assert risks() == ()
    assert find_faults({}, {}) == ()


def test_an_identity_that_is_sent_for_shown_calls_only_is_no_fault():
    assert faults(SendPai="true", SendRpid="true", TrustIdOutbound="false") == ()


def test_trust_without_anything_to_trust_is_no_fault():
    assert faults(TrustIdOutbound="true") == ()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"FromUser": NUMBER}, "from_user"),
        ({"FromUser": "an-account"}, "from_user"),
        ({"ContactUser": NUMBER}, "contact_user"),
        ({"FromDomain": "sip.carrier.example"}, "from_domain"),
        ({"TrustIdOutbound": "true", "SendPai": "true"}, "trust_id_outbound"),
        ({"TrustIdOutbound": "yes", "SendRpid": "yes"}, "trust_id_outbound"),
        ({"TrustIdOutbound": "true", "StirShakenProfile": "ours"}, "stir_shaken"),
        ({"TrustIdOutbound": "true", "StirShaken": "attest"}, "stir_shaken"),
        ({"SetVar": f"PJSIP_HEADER(add,X-From)={NUMBER}"}, "set_var"),
        ({"SetVar": f"A=b,c,PJSIP_HEADER(add,P-Asserted-Identity)=<sip:{NUMBER}@x>"}, "set_var"),
        ({"SetVar": f"__SIPREFERREDBYHDR=<sip:{NUMBER}@x>"}, "set_var"),
        ({"SetVar": f"siprEFERREDBYHDR=<sip:{NUMBER}@x>"}, "set_var"),
        ({"GeolocOutgoingCallProfile": "office"}, "geoloc_outgoing_call_profile"),
        ({"SdpOwner": NUMBER}, "sdp_owner"),
        ({"SdpSession": "Shelter"}, "sdp_session"),
    ],
)
def test_each_setting_that_defeats_hiding_is_found_alone(settings, name):
    assert faults(**settings) == (name,)
    assert find_faults({name.upper(): value for name, value in settings.items()}, {}) == (name,)


@pytest.mark.parametrize("word", ["anonymous", "Anonymous", "asterisk", "restricted", "unavailable", " "])
def test_words_that_name_nobody_are_no_fault(word):
    assert faults(FromUser=word, ContactUser=word) == ()


def test_the_neutral_host_is_no_fault():
    assert faults(FromDomain="anonymous.invalid") == ()


def test_variables_of_the_admins_own_are_no_fault():
    assert faults(SetVar="VEIL_EXTENSION=201,MY_PJSIP_HEADERS=2,SIPFROMDOMAIN=x.example") == ()


def test_all_faults_are_told_at_once():
    every = faults(FromUser=NUMBER, ContactUser=NUMBER, SdpOwner=NUMBER)
    assert every == ("from_user", "contact_user", "sdp_owner")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, ("default_from_user",)),
        ({"ContactUser": "anonymous"}, ()),
        ({"FromUser": "anonymous"}, ()),
        ({"FromUser": NUMBER}, ("from_user",)),
    ],
)
def test_the_default_user_stands_in_contact_where_no_other_does(settings, found):
    assert faults({"default_from_user": NUMBER}, **settings) == found


def test_a_neutral_default_user_is_no_fault():
    assert faults({"default_from_user": "asterisk"}) == ()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"DirectMedia": "true"}, "direct_media"),
        ({"SendDiversion": "true"}, "send_diversion"),
        ({"SendHistoryInfo": "true"}, "send_diversion"),
        ({"SendConnectedLine": "true", "SendPai": "true"}, "send_connected_line"),
        ({"SendConnectedLine": "true", "SendRpid": "true"}, "send_connected_line"),
        ({"Callerid": f'"Shelter" <{NUMBER}>'}, "callerid"),
        ({"SetVar": f"CALLERID(num)={NUMBER}"}, "callerid"),
        ({"SetVar": "CONNECTEDLINE(pres,i)=allowed"}, "callerid"),
        ({"SetVar": "REDIRECTING(count)=1"}, "callerid"),
    ],
)
def test_what_is_worth_a_look_is_no_fault(settings, name):
    assert risks(**settings) == (name,)
    assert faults(**settings) == ()


def test_an_agent_of_the_programs_own_is_worth_a_look():
    assert risks({"user_agent": "Shelter PBX"}) == ("user_agent",)
    assert risks({"user_agent": "FPBX-16.0.40(20.7.0)"}) == ()
    assert risks({"user_agent": ""}) == ()


def test_shared_settings_that_cannot_be_seen_are_said():
    assert find_risks(CLEAN, None) == ("global",)


def test_every_name_that_is_found_has_words_and_none_of_them_has_a_value():
    for known in (FAULTS, RISKS):
        for name, fault in known.items():
            assert fault.name == name
            assert fault.cure.endswith(".")
            assert not fault.text.endswith(".")
            assert not re.search(r"[0-9]{3}|!", fault.text + fault.cure)


@pytest.mark.parametrize(
    ("dial", "endpoint"),
    [
        ("PJSIP/{number}@trunk", "trunk"),
        ("PJSIP/{digits}@my-trunk_1", "my-trunk_1"),
        ("PJSIP/trunk/sip:{number}@sip.carrier.example", "trunk"),
        ("PJSIP/trunk/sip:{number}@sip.carrier.example:5070", "trunk"),
        ("IAX2/trunk/{number}", None),
        ("SIP/{number}@trunk", None),
        ("DAHDI/g0/{digits}", None),
        ("Local/{number}@elsewhere", None),
    ],
)
def test_the_endpoint_of_a_dial_string(dial, endpoint):
    assert endpoint_of(dial) == endpoint
