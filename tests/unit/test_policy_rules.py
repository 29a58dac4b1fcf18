"""Each rule of the policy, broken once."""

from __future__ import annotations

import pytest
from callveil.policy.load import PolicyError
from unit.policy_texts import GOOD, complaint, complaints, good_with, read


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", 'version: "1"', '1:10: The value of "version" must be a whole number'),
        ("country: US", "country: us", "2:10: Write the country as two capital letters"),
        ("country: US", "country: FR", "2:10: Callveil has no preset for this country. It has AU, CA, DE"),
        ("country: US", 'country: "../US"', "2:10: Write the country as two capital letters"),
        ('callerid: "+12065550100"', 'callerid: "12065550100"', "4:13: This is not a full"),
        ('callerid: "+12065550100"', 'callerid: "+1 206 555 0100"', "4:13: This is not a full"),
        ('callerid: "+12065550100"', 'callerid: "+12065550100\\n"', "4:13: This is not a full"),
        ('callerid: "+12065550100"', 'callerid: "+120655501000"', "4:13: No telephone can have"),
        ('callerid: "+12065550100"', 'callerid: "+9992065550100"', "4:13: No telephone can have"),
        ('callerid: "+12065550100"', 'callerid: "+15550100"', "4:13: No telephone can have"),
        ('callerid: "+12065550100"', "caller_id: x", '4:3: "caller_id" is not a setting that Callveil'),
        ("  clinic: {number:", "  Clinic Two: {number:", '7:3: "Clinic Two" cannot be a name here.'),
        ("  clinic: {number:", "  hide: {number:", '7:3: "hide" has a meaning of its own here.'),
        ("  desk:\n", "  unlisted:\n", '20:3: "unlisted" has a meaning of its own here.'),
        ("  carrier: {", "  emergency: {", '9:3: "emergency" has a meaning of its own here.'),
        ("  carrier: {", "  1st: {", '9:3: "1st" cannot be a name here.'),
        ("  desk:\n", f"  {'d' * 33}:\n", "20:3: This name cannot be a name here."),
        ('"PJSIP/{number}@trunk"', '"PJSIP/trunk"', "9:19: A dial string says where the number called goes"),
        ('"PJSIP/{number}@trunk"', '"{number}@trunk"', "9:19: A trunk's dial string begins with PJSIP/"),
        ('"PJSIP/{number}@trunk"', '"pjsip/{number}"', "9:19: A trunk's dial string begins with PJSIP/"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number}&SIP/x"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number}|SIP/x"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number},30"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number} x"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number}@t\\n"', "9:19: A trunk's dial string"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/${EXTEN}{number}"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{nummer}@trunk"', "9:19: A dial string may hold letters"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/' + "{digits}" * 3 + '"', "9:19: A dial string says where"),
        ('"PJSIP/{number}@trunk"', '"PJSIP/{number}' + "x" * 120 + '"', "9:19: This dial string is longer"),
        ('purpose: "Office calls"', 'purpose: "  "', "21:14: Write why this line's records exist"),
        ('    purpose: "Office calls"\n', "", '20:3: "purpose" is missing here. Add it.'),
        ('["100-109"]', '"100-109"', '22:17: The value of "extensions" must be a list.'),
        ('["100-109"]', '["10O"]', '22:18: Write an extension as "101"'),
        ('["100-109"]', '["1\u06601"]', '22:18: Write an extension as "101"'),
        ('["100-109"]', '["99-101"]', "22:18: Both ends of this range must have the same number of digits."),
        ('["100-109"]', '["109-100"]', "22:18: This range ends before it begins."),
        ('["100-109"]', '["10000-20000"]', "22:18: This range is larger than 10,000"),
        ('["100-109"]', '["00000000-99999999"]', "22:18: This range is larger than 10,000"),
        ('["100-109"]', '["1000-8999", "9000-9999", "10000-11000"]', "22:44: With this range the policy"),
        ('["100-109"]', '["911"]', "22:18: 911 is an emergency number here and cannot be an extension."),
        ('["100-109"]', '["219-230"]', '22:18: "219-230" overlaps with "200-219" of line "hotline" (line 15'),
        ('["100-109"]', '["100-109", "109"]', '22:29: "109" overlaps with "100-109" of line "desk" (line 22'),
        ('["200@default"]', '["200"]', '16:17: Write a mailbox as "200@default"'),
        ('["200@default"]', '["200@de fault"]', '16:17: Write a mailbox as "200@default"'),
        ('["200@default"]', '["200@default", "199-201@default"]', "16:32: These mailboxes overlap"),
        ('["+18005550100"]', '["+18005550100", "+18005550100"]', "14:28: This number already leads to line"),
        ('["+18005550100"]', '["8005550100"]', "14:12: This is not a full international number."),
        ('    ring: "hotline-ring,s,1"\n', "", "14:5: A line with numbers must say where their calls go on."),
        ('"hotline-ring,s,1"', '"hotline-ring"', "17:11: Write where calls go on in your dialplan"),
        ('"hotline-ring,s,1"', '"a,s,1)|System(x"', "17:11: Write where calls go on in your dialplan"),
        ('"hotline-ring,s,1"', '"a,${X},1"', "17:11: Write where calls go on in your dialplan"),
        ("    beneath: office\n", "    beneath: hide\n", '18:14: "hide" is not one of the identities.'),
        ("    outbound: office\n", "    outbound: officer\n", '23:15: "officer" is not one of the'),
        ("outbound: clinic}", "outbound: nobody}", '25:33: "nobody" is not one of the identities.'),
        ("    flagged: true\n", "    flagged: 1\n", '13:14: The value of "flagged" must be true or false'),
        ("    flagged: true\n", "    flaged: true\n", '13:5: "flaged" is not a setting that Callveil'),
        ("    flagged: true\n", "    flagged: true\n    caller: full\n", "14:13: On a flagged line nothing"),
        ("    flagged: true\n", "    flagged: true\n    show_caller: true\n", "14:18: On a flagged line no"),
        ("    flagged: true\n", "    flagged: true\n    called: full\n", "14:13: On a flagged line nothing"),
        ("    flagged: true\n", "    flagged: true\n    time: hour\n", "14:11: On a flagged line no time"),
        ("    flagged: true\n", "    flagged: true\n    duration: exact\n", "14:15: On a flagged line no"),
        ("    outbound: office\n", "    caller: yes\n", "23:13: Write one of none, country, repeat, full."),
        ("    outbound: office\n", "    caller: some\n", "23:13: Write one of none, country, repeat, full."),
        ("    outbound: office\n", "    time: minute\n", "23:11: Write one of day, hour, exact."),
        ("    outbound: office\n", "    duration: 5\n", "23:15: "),
        ("records: 90d", "records: 90", "19:21: Write a number of days from 1 to 3650"),
        ("records: 90d", "records: 0d", "19:21: Write a number of days from 1 to 3650"),
        ("records: 90d", "records: 3651d", "19:21: Write a number of days from 1 to 3650"),
        ("records: 90d", "records: 3m", "19:21: Write a number of days from 1 to 3650"),
        ("records: 90d", "record: 90d", '19:12: "record" is not a setting that Callveil'),
        ('"+1800*"', '"1800*"', "25:13: Write a pattern as +"),
        ('"+1800*"', '"+1*"', "25:13: This pattern is too wide"),
        ('"+1800*"', '"+18*"', "25:13: This pattern is too wide"),
        ('"+1800*"', '"+12065550142"', "25:13: A person's number must not stand in the policy."),
        ('"+1800*"', '"+12065550142*"', "25:13: A person's number must not stand in the policy."),
        ('"+1800*"', '"+1234567890"', "25:13: A person's number must not stand in the policy."),
        ('"+1800*"', '"+1*800"', "25:13: Write a pattern as +"),
    ],
)  # fmt: skip
def test_rule(old: str, new: str, said: str) -> None:
    found = [line for line in complaints(good_with((old, new))) if line.startswith(f"policy.yaml:{said}")]
    assert len(found) == 1, complaints(good_with((old, new)))


def test_most_rules_bring_one_sentence_only() -> None:
    assert complaint(('["100-109"]', '["911"]')).endswith("Give that telephone another one.")


@pytest.mark.parametrize("section", ["identities", "trunks", "lines"])
def test_sections_must_not_be_empty(section: str) -> None:
    lines = GOOD.splitlines()
    start = lines.index(f"{section}:")
    end = next(n for n in range(start + 1, len(lines)) if not lines[n].startswith(" "))
    text = "\n".join([*lines[:start], f"{section}: {{}}", *lines[end:]])
    place = f"policy.yaml:{start + 1}:{len(section) + 3}"
    assert f'{place}: The value of "{section}" must hold at least one entry. Add one.' in complaints(text)


def test_too_many_trunks() -> None:
    many = "".join(f'  t{n}: {{dial: "PJSIP/{{number}}@t{n}"}}\n' for n in range(10))
    assert "holds too many entries" in complaint(("trunks:\n", "trunks:\n" + many))


@pytest.mark.parametrize(
    "name",
    ["a|b", 'a"b', "a$b", "a{b}", "a,b", "a;b", "a\\nb", "a<b>", "a/b", "a\\tb", "²", "a\u202eb", "😀"],
)
def test_names_that_would_break_out(name: str) -> None:
    quoted = "'" + name + "'" if '"' in name else '"' + name + '"'
    assert complaint(('"Main Office"', quoted)).startswith("policy.yaml:6:42: ")


@pytest.mark.parametrize("name", ["Dr. O'Neil & Co-op 2", "Clínica Ñandú", "Приют", "", "x" * 40])
def test_names_that_are_fine(name: str) -> None:
    assert read(good_with(('"Main Office"', f'"{name}"'))).policy.identities[0].name == name


def test_long_name() -> None:
    assert "longer than 40 characters" in complaint(('"Main Office"', f'"{"x" * 41}"'))


@pytest.mark.parametrize("number", ["+49116117", "+49116016"])
def test_service_number_is_no_identity(number: str) -> None:
    text = good_with(
        ("country: US", "country: DE"), ('clinic: {number: "+12065550177"', f'clinic: {{number: "{number}"')
    )
    assert any("7:20: This is an emergency or service number" in line for line in complaints(text))


def test_pattern_behind_a_wider_one() -> None:
    text = GOOD + '  - {match: "+18005*", outbound: hide}\n  - {match: "+1800*", outbound: hide}\n'
    assert [line.split(" covers")[0] for line in complaints(text)] == [
        f"policy.yaml:{n}:13: This pattern is never reached: line 25 of the file" for n in (26, 27)
    ]


@pytest.mark.parametrize("match", ["+1800*", "+4420794600*", "+49116117", "+180055501*"])
def test_patterns_that_are_fine(match: str) -> None:
    assert read(good_with(("+1800*", match))).policy.destinations[0].match == match


@pytest.mark.parametrize(
    "dial",
    ["PJSIP/{number}@trunk", "SIP/trunk/{digits}", "DAHDI/g0/{digits}", "IAX2/peer/{number}",
     "Local/{digits}@out/n",
     "PJSIP/trunk/sip:{number}@sbc.example:5060"],
)  # fmt: skip
def test_dial_strings_that_are_fine(dial: str) -> None:
    assert read(good_with(("PJSIP/{number}@trunk", dial))).policy.trunks[0].dial == dial


def test_ranges_of_mailboxes_and_leading_zeros() -> None:
    text = good_with(
        ('["200@default"]', '["0098-0101@default", "0098@other"]'), ('["100-109"]', '["007-010"]')
    )
    hotline, desk = read(text).policy.lines
    assert [str(box) for box in hotline.mailboxes] == [
        "0098@default", "0099@default", "0100@default", "0101@default", "0098@other"
    ]  # fmt: skip
    assert desk.extensions == ("007", "008", "009", "010")


def test_purpose_over_several_lines_becomes_one() -> None:
    text = good_with(('purpose: "Office calls"', "purpose: >\n      Office\n      calls"))
    assert read(text).policy.lines[1].purpose == "Office calls"


def test_cross_checks_run_although_a_line_has_other_mistakes() -> None:
    text = good_with(('    purpose: "Office calls"\n', ""), ('["100-109"]', '["205"]'))
    assert len(complaints(text)) == 2


def test_problems_are_data() -> None:
    with pytest.raises(PolicyError) as caught:
        read(good_with(("version: 1", "version: 3")))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("policy.yaml", 1, 10)
