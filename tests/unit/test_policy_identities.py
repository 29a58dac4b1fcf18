"""What the policy says of who shows which number: pools, digits, trunks, organisations, rejections."""

from __future__ import annotations

import re

import pytest
from callveil.policy.load import LoadedPolicy
from callveil.policy.model import REJECTED, DestinationRule, Identity, Policy, Pool, Trunk
from hypothesis import given
from hypothesis import strategies as st
from unit.policy_texts import GOOD, GOOD_AND_FULL, complaint, complaints, good_with, read

OFFICE = '  office: {number: "+12065550100", name: "Main Office"}\n'
CLINIC = '  clinic: {number: "+12065550177", name: "Westside Clinic"}\n'
POOL = ("trunks:\n", "pools:\n  callbacks: {identities: [office, clinic]}\ntrunks:\n")
CARRIER = '  carrier: {dial: "PJSIP/{number}@trunk"}\n'
DESK = "    outbound: office\n"
RULE = '  - {match: "+1800*", outbound: clinic}\n'


def with_digit(digit: str) -> tuple[str, str]:
    return CLINIC, CLINIC.replace("}", f", digit: {digit}}}")


def with_rule(rule: str) -> tuple[str, str]:
    return RULE, f"  - {{{rule}}}\n"


def notes(loaded: LoadedPolicy) -> list[str]:
    return [str(note) for note in loaded.notes]


def test_everything_new_means_what_it_says() -> None:
    loaded = read(GOOD_AND_FULL)
    policy = loaded.policy
    assert policy.identities == (
        Identity("office", "+12065550100", "Main Office", "", ("carrier", "gateway")),
        Identity("clinic", "+12065550177", "Westside Clinic", "3"),
        Identity("annex", "+12065550178", "", "0"),
    )
    assert policy.pools == (Pool("callbacks", ("office", "clinic")),)
    assert policy.trunks[1] == Trunk("gateway", "DAHDI/g0/{digits}", "Tested with the carrier in May.")
    hotline, desk = policy.lines
    assert (hotline.outbound, hotline.substitutes) == ("hide", ("clinic", "annex"))
    assert hotline.show_after_rejection is False
    assert (desk.outbound, desk.beneath, desk.substitutes) == ("callbacks", "office", ())
    assert desk.show_after_rejection is True
    assert policy.destinations == (
        DestinationRule("+1800*", "callbacks"),
        DestinationRule("+12065550142", "clinic", "County Court"),
    )
    assert policy.preset.substitute_code == "*69"
    assert policy.preset.toll_free[:2] == ("+1800", "+1833")
    assert policy.rejected == ("433", "anonym", "unmask")
    assert notes(loaded) == []


def test_what_holds_where_nothing_is_said() -> None:
    policy = read(GOOD).policy
    assert policy.preset.substitute_code == "*68"
    assert policy.rejected == REJECTED == ("433", "anonym")
    assert policy.pools == ()
    assert all(line.show_after_rejection and not line.substitutes for line in policy.lines)
    assert all((one.digit, one.trunks) == ("", ()) for one in policy.identities)
    assert not policy.trunks[0].trusted_to_hide


@pytest.mark.parametrize("digit", ["3", '""', '"33"', '"*"', '"a"', '"-1"', '"\u0663"', '" 3"'])
def test_a_digit_is_one_digit_in_quotes(digit: str) -> None:
    assert re.match(
        r'policy\.yaml:7:68: (Write one digit from 0 to 9, in quotes: "3"\.|Put the value of "digit" in)',
        complaint(with_digit(digit)),
    )


def test_each_digit_once() -> None:
    text = good_with(with_digit('"3"'), (OFFICE, OFFICE.replace("}", ', digit: "3"}')))
    assert complaints(text) == [
        'policy.yaml:7:68: "3" is already the digit of "office" (line 6 of the file). Give each identity its '
        "own."
    ]


@pytest.mark.parametrize(
    ("trunks", "said"),
    [
        ("[carier]", '7:70: "carier" is not one of the trunks. Did you mean "carrier"?'),
        ("[carrier, office]", '7:79: "office" is not one of the trunks. Add it there, or write another'),
        ("[carrier, carrier]", '7:79: "carrier" stands here twice. Take one away.'),
        ("carrier", '7:69: The value of "trunks" must be a list.'),
    ],
)
def test_an_identity_names_trunks_that_exist(trunks: str, said: str) -> None:
    found = complaint((CLINIC, CLINIC.replace("}", f", trunks: {trunks}}}")))
    assert found.startswith(f"policy.yaml:{said}")


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ("callbacks: {identities: [office]}", "9:27: A pool needs at least two different identities."),
        ("callbacks: {identities: [office, office]}", "9:27: A pool needs at least two different"),
        ("callbacks: {identities: []}", "9:27: A pool needs at least two different identities."),
        ("callbacks: {identities: office}", '9:27: The value of "identities" must be a list.'),
        ("callbacks: {}", '9:3: "identities" is missing here. Add it.'),
        ("callbacks: {identities: [office, clinic, office]}", '9:44: "office" stands here twice.'),
        ("callbacks: {identities: [office, clinc]}", '9:36: "clinc" is not one of the identities. Did you'),
        ("callbacks: {identities: [office, hide]}", '9:36: "hide" is not one of the identities.'),
        ("callbacks: {identities: [office, callbacks]}", '9:36: "callbacks" is a pool, and a pool holds no'),
        ("office: {identities: [office, clinic]}", '9:3: "office" is already an identity (line 6 of the'),
        ("neutral: {identities: [office, clinic]}", '9:3: "neutral" has a meaning of its own here.'),
        ("hide: {identities: [office, clinic]}", '9:3: "hide" has a meaning of its own here.'),
        ("Pool: {identities: [office, clinic]}", '9:3: "Pool" cannot be a name here.'),
        ("callbacks: {identites: [office, clinic]}", '9:15: "identites" is not a setting that Callveil'),
    ],
)
def test_a_pool(pool: str, said: str) -> None:
    assert complaint(("trunks:\n", f"pools:\n  {pool}\ntrunks:\n")).startswith(f"policy.yaml:{said}")


def test_neutral_is_a_contacts_rule_and_nobodys_name() -> None:
    assert complaint((CLINIC, CLINIC + '  neutral: {number: "+12065550178"}\n')).startswith(
        'policy.yaml:8:3: "neutral" has a meaning of its own here.'
    )
    found = complaints(good_with((DESK, "    outbound: neutral\n")))
    assert [line[:45] for line in found] == ['policy.yaml:23:15: "neutral" is not one of th']


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((DESK, "    outbound: callback\n"), '25:15: "callback" is not one of the identities or pools. Did'),
        ((DESK, "    outbound: nobody\n"), '25:15: "nobody" is not one of the identities or pools. Add it'),
        (("outbound: clinic}", "outbound: calbacks}"), '27:33: "calbacks" is not one of the identities or'),
        (
            ("    beneath: office\n", "    beneath: callbacks\n"),
            '20:14: "callbacks" is a pool, and a single number stands beneath a hidden call. Write the name '
            "of an identity.",
        ),
        (
            ("    beneath: office\n", "    substitutes: [callbacks]\n"),
            '20:19: "callbacks" is a pool, and each digit means a single number. Write names of identities.',
        ),
    ],
)
def test_where_a_pool_may_stand(change: tuple[str, str], said: str) -> None:
    assert complaint(POOL, change).startswith(f"policy.yaml:{said}")


@pytest.mark.parametrize(
    "change", [(DESK, "    outbound: callbacks\n"), ("outbound: clinic}", "outbound: callbacks}")]
)
def test_a_pool_may_be_shown_with_the_neutral_number_beneath(change: tuple[str, str]) -> None:
    policy = read(good_with(POOL, change)).policy
    assert policy.lines[1].beneath == "office"


def test_beneath_a_pool_another_identity_may_stand() -> None:
    policy = read(good_with(POOL, (DESK, "    outbound: callbacks\n    beneath: clinic\n"))).policy
    assert policy.lines[1].beneath == "clinic"


@pytest.mark.parametrize(
    ("substitutes", "said"),
    [
        (
            "[clinic, office]",
            '24:27: Staff cannot choose "office" as long as it has no digit to dial. Give it one in line 6 '
            'of the file, as digit: "3", or take it away here.',
        ),
        ("[clinic, clinic]", '24:27: "clinic" stands here twice. Take one away.'),
        ("[clinik]", '24:19: "clinik" is not one of the identities. Did you mean "clinic"?'),
        ("[hide]", '24:19: "hide" is not one of the identities.'),
        ("clinic", '24:18: The value of "substitutes" must be a list.'),
    ],
)
def test_substitutes(substitutes: str, said: str) -> None:
    found = complaint(with_digit('"3"'), (DESK, DESK + f"    substitutes: {substitutes}\n"))
    assert found.startswith(f"policy.yaml:{said}")


def test_a_digit_that_is_wrong_is_complained_about_once() -> None:
    found = complaint(with_digit('"33"'), (DESK, DESK + "    substitutes: [clinic]\n"))
    assert "7:68: Write one digit" in found


def test_substitutes_need_a_code() -> None:
    text = good_with(with_digit('"3"'), (DESK, DESK + "    substitutes: [clinic]\n"))
    assert complaints(text + 'substitute_code: ""\n') == [
        "policy.yaml:24:5: Staff cannot choose a number while the policy has no substitute code. Write one "
        'in substitute_code, as "*68", or take substitutes away.'
    ]


@pytest.mark.parametrize("word", ['"no"', "never"])
def test_show_after_rejection_is_true_or_false(word: str) -> None:
    assert complaint((DESK, DESK + f"    show_after_rejection: {word}\n")) == (
        'policy.yaml:24:27: The value of "show_after_rejection" must be true or false, without quotes.'
    )


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ('""', "Write why calls stay hidden on this trunk, in a sentence."),
        ('" \\n "', "Write why calls stay hidden on this trunk, in a sentence."),
        (f'"{"x" * 201}"', "This reason is longer than 200 characters. Shorten it."),
        ("true", 'Put the value of "trusted_to_hide" in quotes: without them YAML reads it as yes or no.'),
    ],
)
def test_trust_needs_a_reason(reason: str, said: str) -> None:
    found = complaint((CARRIER, CARRIER.replace("}\n", f", trusted_to_hide: {reason}}}\n")))
    assert found.startswith(f"policy.yaml:9:60: {said}")


def test_the_longest_reason_and_its_blanks() -> None:
    reason = "x  y\\n" + "z" * 196
    policy = read(good_with((CARRIER, CARRIER.replace("}\n", f', trusted_to_hide: "{reason}"}}\n')))).policy
    assert policy.trunks[0].trusted_to_hide == "x y " + "z" * 196


PERSON = "25:13: A person's number must not stand in the policy."
COURT = ', organisation: "Court"'


@pytest.mark.parametrize(
    ("match", "organisation", "said"),
    [
        (
            "+12065550142",
            "",
            f"{PERSON} Write the first digits that many numbers share, then *. Only for the",
        ),
        ("+12065550142*", "", PERSON),
        ("+1206555014", "", PERSON),
        ("+12065550142*", COURT, "25:13: This is a whole number already. Take the * away."),
        ("+1206555014", COURT, "25:13: No telephone can have this number."),
        ("+1206555014201234", COURT, "25:13: This pattern is longer than any telephone number."),
        ("+12065550142", ', organisation: ""', '25:61: Write whose number this is, as "County Court".'),
        ("+12065550142", ', organisation: " "', '25:61: Write whose number this is, as "County Court".'),
        ("+12065550142", ", organisation: 911", '25:61: Put the value of "organisation" in quotes'),
        ("+12065550142", ", organisation:", '25:60: The value of "organisation" is empty.'),
    ],
)
def test_only_an_organisations_whole_number_may_stand_in_the_policy(
    match: str, organisation: str, said: str
) -> None:
    found = complaint(with_rule(f'match: "{match}", outbound: clinic{organisation}'))
    assert found.startswith(f"policy.yaml:{said}")
    assert "5550142" not in found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 61, "This name is longer than 60 characters."),
        ("Court 206 555 0142", "An organisation's name holds at most 4 digits."),
        ("Court\u0662\u0660\u0666\u0665\u0665", "An organisation's name"),
        ("Court; rm", "An organisation's name may hold letters"),
        ("Court|x", "An organisation's name may hold letters"),
        ("Court ${X}", "An organisation's name may hold letters"),
        ("Court\u202e", "This text holds a control character."),
    ],
)
def test_names_of_organisations_that_are_not_fine(name: str, said: str) -> None:
    found = complaint(with_rule(f'match: "+1800*", outbound: clinic, organisation: "{name}"'))
    assert found.startswith(f"policy.yaml:25:55: {said}")


@pytest.mark.parametrize("name", ["County Court (2nd floor)", "Приют, 4/2", "x" * 60])
@pytest.mark.parametrize("match", ["+12065550142", "+1800*"])
def test_names_of_organisations_that_are_fine(name: str, match: str) -> None:
    rule = f'match: "{match}", outbound: clinic, organisation: "{name}"'
    policy = read(good_with(with_rule(rule))).policy
    assert policy.destinations == (DestinationRule(match, "clinic", name),)


@pytest.mark.parametrize(
    "code", ['"68"', '"*"', '"*6a"', '"*12345678"', '"*6 8"', '"68*"', '"*\u0666"', '"+68"', '"*68\\n"']
)
def test_what_is_no_substitute_code(code: str) -> None:
    (found,) = complaints(GOOD + f"substitute_code: {code}\n")
    assert found == (
        'policy.yaml:26:18: Write a substitute code as * or # and then 1 to 7 digits, * or #, as "*68"; or '
        '"" for none.'
    )


def test_a_substitute_code_without_quotes_is_a_yaml_alias() -> None:
    (found,) = complaints(GOOD + "substitute_code: *68\n")
    assert found.startswith("policy.yaml:26:18: ")
    assert "put it in quotes if it is a dial code" in found


@pytest.mark.parametrize("code", ["", "*69", "#7", "*6*", "##", "*7777777"])
def test_substitute_codes_that_are_fine(code: str) -> None:
    assert read(GOOD + f'substitute_code: "{code}"\n').policy.preset.substitute_code == code


@pytest.mark.parametrize(
    ("country", "code", "other"),
    [
        ("US", "*67", "*67"),
        ("US", "*6", "*67"),
        ("US", "*671", "*67"),
        ("US", "*82", "*82"),
        ("US", "*8", "*82"),
        ("DE", "*31", "*31#"),
        ("DE", "#31#4", "#31#"),
        ("AU", "#3", "#31#"),
    ],
)
def test_a_substitute_code_that_begins_like_another_code(country: str, code: str, other: str) -> None:
    text = good_with(("country: US", f"country: {country}")) + f'substitute_code: "{code}"\n'
    assert complaints(text) == [
        f'policy.yaml:26:18: The substitute code "{code}" begins like "{other}", which has a meaning of its '
        'own in this country. Choose another one, or write substitute_code: "" for none.'
    ]


@pytest.mark.parametrize(
    ("rejected", "said"),
    [
        ("[433]", '26:12: Put this item of "rejected" in quotes'),
        ('["399"]', "26:12: Write a SIP code from 400 to 699"),
        ('["700"]', "26:12: Write a SIP code from 400 to 699"),
        ('["43"]', "26:12: Write a SIP code from 400 to 699"),
        ('["4330"]', "26:12: Write a SIP code from 400 to 699"),
        ('["4\u06633"]', "26:12: Write a SIP code from 400 to 699"),
        ('["sip"]', "26:12: Write a SIP code from 400 to 699"),
        ('["Anonymous"]', "26:12: Write a SIP code from 400 to 699"),
        ('["no anonymous"]', "26:12: Write a SIP code from 400 to 699"),
        ('["anon.*"]', "26:12: Write a SIP code from 400 to 699"),
        ('["anon\\n"]', "26:12: Write a SIP code from 400 to 699"),
        ('["anonym)} | 1"]', "26:12: Write a SIP code from 400 to 699"),
        (f'["{"x" * 31}"]', "26:12: Write a SIP code from 400 to 699"),
        ('["433", "433"]', '26:19: "433" stands here twice. Take one away.'),
        (str([f"{n}" for n in range(400, 421)]), '26:11: The value of "rejected" holds too many entries.'),
        ("433", '26:11: The value of "rejected" must be a list.'),
    ],
)
def test_what_cannot_be_a_rejection(rejected: str, said: str) -> None:
    (found,) = complaints(GOOD + f"rejected: {rejected}\n")
    assert found.startswith(f"policy.yaml:{said}")


@given(st.text(max_size=12) | st.from_regex(r"[4-6a-z]{2,8}[^0-9a-z]?[a-z]*", fullmatch=True))
def test_nothing_but_codes_and_small_letters_is_ever_a_rejection(text: str) -> None:
    quoted = "".join(f"\\U{ord(character):08x}" for character in text)
    policy = GOOD + f'rejected: ["{quoted}"]\n'
    if not complaints(policy):
        assert read(policy).policy.rejected == (text,)
        assert set(text) <= set("0123456789") or set(text) <= set("abcdefghijklmnopqrstuvwxyz")
        assert 3 <= len(text) <= 30


@pytest.mark.parametrize("rejected", ["[]", '["433"]', '["anonym", "withheld"]', '["436", "xxxx"]'])
def test_rejections_that_are_fine(rejected: str) -> None:
    loaded = read(GOOD + f"rejected: {rejected}\n")
    assert str(list(loaded.policy.rejected)).replace("'", '"') == rejected
    assert loaded.notes == ()


@pytest.mark.parametrize("answer", ["486", "480", "408", "404", "603", "busy", "navail", "decline"])
def test_answers_that_telephones_give_in_any_case_are_noted(answer: str) -> None:
    loaded = read(GOOD + f'rejected: ["433", "{answer}"]\n')
    assert notes(loaded) == [
        f'policy.yaml:26:19: Note: Telephones also answer "{answer}" when nobody minds a hidden call, for '
        "example when they are busy or off. Staff would then be offered to show a number for nothing."
    ]


DAHDI = '  backup: {dial: "DAHDI/g0/{digits}"}\n'
NOT_THIS_TRUNK = (
    "Note: Hidden calls will not use this trunk: Callveil cannot see whether DAHDI withholds the number. If "
    "you have seen on a telephone outside that it does, write so at this trunk, as trusted_to_hide: "
    '"Tested with the carrier in May."'
)


def test_a_trunk_that_hidden_calls_will_not_use_is_noted() -> None:
    assert notes(read(good_with((CARRIER, CARRIER + DAHDI)))) == [f"policy.yaml:10:18: {NOT_THIS_TRUNK}"]


def test_a_trunk_that_is_trusted_is_not_noted() -> None:
    trusted = DAHDI.replace("}\n", ', trusted_to_hide: "Tested in May."}\n')
    assert notes(read(good_with((CARRIER, trusted)))) == []


@pytest.mark.parametrize("technology", ["SIP", "IAX2", "Local", "DAHDI"])
def test_without_any_trunk_that_can_hide_the_note_is_stronger(technology: str) -> None:
    loaded = read(good_with((CARRIER, DAHDI.replace("DAHDI", technology))))
    assert notes(loaded) == [
        "policy.yaml:9:3: Note: No trunk here can hide a call. No hidden call will be made at all: not with "
        'the hide code or from line "hotline". Staff hear why. Use a PJSIP trunk, or write at a trunk why it '
        "can be trusted_to_hide.",
        f"policy.yaml:9:18: {NOT_THIS_TRUNK.replace('DAHDI', technology)}",
    ]


def test_a_number_that_a_trunks_carrier_did_not_issue_is_noted_once() -> None:
    more = CARRIER + CARRIER.replace("carrier", "backup") + CARRIER.replace("carrier", "third")
    loaded = read(good_with((CARRIER, more), (CLINIC, CLINIC.replace("}", ", trunks: [carrier]}"))))
    assert notes(loaded) == [
        'policy.yaml:7:69: Note: Calls that show this number may also leave by trunk "backup" or "third", '
        "whose carrier did not issue it. That carrier may mark them as not verified (a weaker STIR/SHAKEN "
        "attestation) or refuse them. Ask it to accept the number."
    ]


@pytest.mark.parametrize("trunks", ["[carrier]", "[]"])
def test_a_number_that_every_trunk_may_show_is_not_noted(trunks: str) -> None:
    assert notes(read(good_with((CLINIC, CLINIC.replace("}", f", trunks: {trunks}}}"))))) == []


def test_a_policy_of_old_still_means_the_same() -> None:
    policy = read(GOOD).policy
    old = Policy(policy.preset, policy.emergency_callerid, policy.identities, policy.trunks, policy.lines,
                 policy.destinations)  # fmt: skip
    assert policy == old
