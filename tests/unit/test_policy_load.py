"""Reading a whole policy: what it means, and every mistake with its place."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest
from callveil.data_files import config_dir
from callveil.policy.load import PolicyError, load_policy, load_policy_file
from callveil.policy.model import DestinationRule, Identity, Keep, Mailbox
from unit.policy_texts import GOOD, complaint, complaints, good_with, read


def test_good_policy_means_what_it_says() -> None:
    policy = read(GOOD).policy
    assert policy.preset.country == "US"
    assert policy.emergency_callerid == "+12065550100"
    assert policy.identities[0] == Identity("office", "+12065550100", "Main Office")
    assert policy.neutral.key == "office"
    hotline, desk = policy.lines
    assert hotline.flagged
    assert hotline.outbound == "hide"
    assert hotline.beneath == "office"
    assert hotline.extensions[0] == "200"
    assert hotline.extensions[-1] == "219"
    assert len(hotline.extensions) == 20
    assert hotline.mailboxes == (Mailbox("200", "default"),)
    assert hotline.ring == "hotline-ring,s,1"
    assert hotline.keep == Keep(90, 14)
    assert (desk.flagged, desk.outbound, desk.beneath) == (False, "office", "office")
    assert desk.ring is None
    assert desk.keep == Keep()
    assert policy.destinations == (DestinationRule("+1800*", "clinic"),)


def test_beneath_is_the_shown_identity_or_else_the_first() -> None:
    text = good_with(("    beneath: office\n", ""), ("    outbound: office\n", "    outbound: clinic\n"))
    hotline, desk = read(text).policy.lines
    assert hotline.beneath == "office"
    assert desk.beneath == "clinic"


def test_order_of_identities_and_destinations_is_kept() -> None:
    text = good_with(
        ("identities:\n", 'identities:\n  zebra: {number: "+12065550199"}\n'),
        ("destinations:\n", 'destinations:\n  - {match: "+44*", outbound: hide}\n'),
    ).replace("+44*", "+4420*")
    policy = read(text).policy
    assert [identity.key for identity in policy.identities] == ["zebra", "office", "clinic"]
    assert [rule.match for rule in policy.destinations] == ["+4420*", "+1800*"]


def test_digest_is_that_of_the_bytes() -> None:
    assert read(GOOD).sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_byte_order_mark_and_dos_line_ends_do_not_matter() -> None:
    assert read(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).policy == read(GOOD).policy


def test_six_mistakes_are_reported_together_each_in_its_place() -> None:
    text = good_with(
        ("version: 1\n", "version: 2\n"),
        ('callerid: "+12065550100"', "callerid: +12065550100"),
        ("  carrier: {dial: ", "  carrier: {dail: "),
        ("    flagged: true\n", '    flagged: "true"\n'),
        ('["100-109"]', '["100-109", "205"]'),
        ("    outbound: office\n", "    outbound: offcie\n"),
    )
    assert complaints(text) == [
        "policy.yaml:1:10: This Callveil reads policies of version 1. Write version: 1.",
        'policy.yaml:4:13: Put the value of "callerid" in quotes: without them YAML takes it for a number '
        "and may change it.",
        'policy.yaml:9:13: "dail" is not a setting that Callveil knows here. Did you mean "dial"?',
        'policy.yaml:13:14: The value of "flagged" must be true or false, without quotes.',
        'policy.yaml:22:29: "205" overlaps with "200-219" of line "hotline" (line 15 of the file). Each '
        "extension belongs to one line.",
        'policy.yaml:23:15: "offcie" is not one of the identities. Did you mean "office"?',
    ]


def test_duplicate_yaml_schema_and_cross_problems_come_in_one_list() -> None:
    text = good_with(
        ("country: US\n", "country: US\ncountry: GB\n"),
        ("    beneath: office\n", "    beneath: nobody\n"),
        ("{records: 90d, voicemail: 14d}", "{records: 90, voicemail: *x}"),
    )
    places = [line.split(": ")[0] for line in complaints(text)]
    assert places == ["policy.yaml:3:1", "policy.yaml:19:14", "policy.yaml:20:21", "policy.yaml:20:36"]


def test_a_slip_in_one_identity_does_not_make_its_name_unknown() -> None:
    assert "not a full international number" in complaint(
        ('clinic: {number: "+12065550177"', 'clinic: {number: "2065550177"')
    )


def test_missing_sections_are_named_at_the_top() -> None:
    found = complaints("version: 1\n")
    assert [line.split(" is missing")[0] for line in found] == [
        f'policy.yaml:1:1: "{name}"' for name in ("country", "emergency", "identities", "lines", "trunks")
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "policy.yaml:1:1: The file is empty."),
        (b"# only a comment\n", "policy.yaml:1:1: The file is empty."),
        (b"- a\n- b\n", "policy.yaml:1:1: The file must hold settings"),
        (b"hello\n", "policy.yaml:1:1: The file must hold settings"),
        (b"version: 1\ncountry: \xff\n", "policy.yaml:2:10: The file is not UTF-8 text here."),
        (b"version: 1\n---\nversion: 1\n", "policy.yaml:2:1: A second document begins here"),
    ],
)
def test_files_that_are_no_policy_at_all(content: bytes, expected: str) -> None:
    found = complaints(content)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert str(caught.value) == f"{path}: There is no such file. Check the path."


def test_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="This is a folder"):
        load_policy(tmp_path)


def test_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PolicyError, match="not a regular file"):
        load_policy(tmp_path / "pipe")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    if os.geteuid() == 0:
        # Root may read everything, so what the kernel tells others is said in its place.
        monkeypatch.setattr(os, "open", _not_permitted)
    with pytest.raises(PolicyError, match="may not read"):
        load_policy(path)


def _not_permitted(*_: object, **__: object) -> int:
    raise PermissionError(13, "Permission denied")


def test_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(PolicyError, match="larger than 1 MiB"):
        load_policy(path)


def test_path_that_no_system_takes() -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(Path("a\0b"))


def test_presets_that_are_missing_are_a_problem_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLVEIL_DATA", str(tmp_path))
    assert "CALLVEIL_DATA names a folder without config/presets" in complaints(GOOD)[0]


def test_example_is_a_policy_without_notes() -> None:
    loaded = load_policy_file(config_dir() / "policy.example.yaml")
    assert [line.key for line in loaded.policy.lines] == ["hotline", "desk"]
    assert loaded.notes == ()


DESIGNED = """\
version: 1
country: US                       # preset: dial codes, emergency numbers, number format
emergency:
  callerid: "+12065550100"        # registered with the carrier, answered by people; required
identities:                       # the only numbers that can ever be shown: owned, dialable
  office: {number: "+12065550100", name: "Main Office"}
  clinic: {number: "+12065550177", name: "Westside Clinic"}
trunks:
  carrier: {dial: "PJSIP/{number}@trunk"}
lines:
  hotline:
    purpose: "Crisis calls. Records serve monthly totals only."     # required
    flagged: true
    dids: ["+18005550100"]
    extensions: ["200-219"]
    mailboxes: ["200@default"]
    ring: "hotline-ring,s,1"
    outbound: hide                # or an identity's name
    beneath: office
    allow_show: false             # may staff use the show code on this line?
    keep: {records: 90d, voicemail: 14d}
  desk:
    purpose: "Office calls with agencies"
    extensions: ["100-119"]
    outbound: office
    caller: none
    keep: {records: 30d}
destinations:                     # by pattern, never by a survivor's number
  - {match: "+1800*", outbound: clinic}
"""


def test_a_policy_that_says_nothing_of_pools_and_codes_is_fine() -> None:
    loaded = read(DESIGNED)
    assert [line.key for line in loaded.policy.lines] == ["hotline", "desk"]
    assert len(loaded.notes) == 1  # of 112 in a range


def test_what_the_example_has_as_comments_is_fine_as_well() -> None:
    text = (config_dir() / "policy.example.yaml").read_text(encoding="utf-8")
    settings = re.compile(r"(?m)^( *)# ((?:- \{| *)[a-z]+:(?: .*)?)$")
    assert len(settings.findall(text)) == 4
    loaded = read(settings.sub(r"\1\2", text))
    assert [pool.key for pool in loaded.policy.pools] == ["callbacks"]
    assert [trunk.key for trunk in loaded.policy.trunks if trunk.trusted_to_hide] == ["gateway"]
    assert [rule.organisation for rule in loaded.policy.destinations] == ["", "County Court"]
    assert [note.text.partition(",")[0] for note in loaded.notes] == [
        'Note: Calls that show this number may also leave by trunk "gateway"'
    ]


def test_emergency_number_in_a_range_is_nobodys_extension_and_noted() -> None:
    loaded = read(good_with(('["100-109"]', '["100-119"]')))
    assert "112" not in loaded.policy.line_by_extension
    assert len(loaded.policy.lines[1].extensions) == 19
    assert [str(note) for note in loaded.notes] == [
        "policy.yaml:22:18: Note: 112 in this range is an emergency number, so no telephone of this line "
        "has it."
    ]
