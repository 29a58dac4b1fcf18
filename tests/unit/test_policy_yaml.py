"""What YAML allows and a policy does not."""

from __future__ import annotations

import pytest
from callveil.policy.tree import MAX_DEPTH, Mark, parse_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.policy_texts import GOOD, GOOD_AND_FULL, complaint, complaints, good_with


@pytest.mark.parametrize(
    "number",
    ["+12065550100", "12065550100", "0012065550100", "1_206_555", "0x123", "12:30", "206-555-0100",
     "+1 206 555 0100", "0441", "0891", "1.5", "1e5", ".5", "2024-01-01", ".inf", "206.555.0100"],
)  # fmt: skip
def test_numbers_without_quotes(number: str) -> None:
    found = complaint(('callerid: "+12065550100"', f"callerid: {number}"))
    # "1e5" is a text to YAML 1.1, and no telephone number either way.
    if number != "1e5":
        assert found.startswith('policy.yaml:4:13: Put the value of "callerid" in quotes')
    assert number not in found


@pytest.mark.parametrize("extension", ["200", "0044", "200-219", "12:30", "089"])
def test_extensions_without_quotes(extension: str) -> None:
    found = complaint(('["100-109"]', f"[{extension}]"))
    assert found.startswith('policy.yaml:22:18: Put this item of "extensions" in quotes')


@pytest.mark.parametrize("word", ["yes", "no", "on", "Off", "true"])
def test_truth_values_where_a_name_is_meant(word: str) -> None:
    found = complaint(("    outbound: office\n", f"    outbound: {word}\n"))
    assert found == (
        'policy.yaml:23:15: Put the value of "outbound" in quotes: without them YAML reads it as yes or no.'
    )


def test_norway() -> None:
    assert 'Put the value of "country" in quotes' in complaint(("country: US", "country: NO"))


def test_key_that_yaml_does_not_read_as_text() -> None:
    text = good_with(("  clinic: {", "  no: {"), ("outbound: clinic", "outbound: office"))
    assert complaints(text) == [
        "policy.yaml:7:3: This name must be in quotes: without them YAML reads it as something else."
    ]


@pytest.mark.parametrize("value", ["", " ~", " null"])
def test_settings_with_nothing_in_them(value: str) -> None:
    found = complaint(('ring: "hotline-ring,s,1"', f"ring:{value}"))
    assert 'The value of "ring" is empty.' in found
    assert found.startswith("policy.yaml:17:")


def test_key_twice_names_the_first() -> None:
    found = complaint(("    outbound: office\n", "    outbound: office\n    outbound: hide\n"))
    assert found == (
        'policy.yaml:24:5: "outbound" stands here a second time; the first is in line 23. Keep one of them.'
    )


def test_alias_and_anchor() -> None:
    text = good_with(
        ('name: "Main Office"', 'name: &n "Main Office"'), ('name: "Westside Clinic"', "name: *n")
    )
    first, second = complaints(text)
    assert first.startswith("policy.yaml:6:42: A value that begins with & is a YAML anchor")
    assert second.startswith("policy.yaml:7:42: A value that begins with * is a YAML alias")


def test_dial_code_without_quotes_is_an_alias() -> None:
    found = complaint(('name: "Main Office"', "name: *67"))
    assert "put it in quotes if it is a dial code" in found


def test_billion_laughs_is_refused_without_growing() -> None:
    rows = ["a: &a [x, x]"] + [
        f"{new}: &{new} [{', '.join(['*' + old] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    found = complaints("\n".join(rows))
    assert sum("alias" in line for line in found) == 72


def test_merge_key() -> None:
    found = complaints(
        good_with(("    outbound: office\n", "    outbound: office\n    <<: {flagged: true}\n"))
    )
    assert found == ["policy.yaml:24:5: << is a YAML merge, which is not used here. Write the settings out."]


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system [id]", "!!int 5", '!!int "5"', "!x y", "!!binary aGk=", "!!map x"],
)
def test_tags(value: str) -> None:
    found = complaints(good_with(('name: "Main Office"', "name: " + value)))
    assert [
        line for line in found if line.startswith("policy.yaml:6:42: A word that begins with ! is a YAML tag")
    ]


def test_list_or_group_for_a_name() -> None:
    assert (
        "A name was expected here" in complaints(good_with(("version: 1\n", "version: 1\n? [a]\n: b\n")))[0]
    )


def test_tab() -> None:
    found = complaint(("  callerid:", "\tcallerid:"))
    assert found.startswith("policy.yaml:4:1: There is a tab here.")


def test_brace_that_is_not_quoted() -> None:
    found = complaints(good_with(('"PJSIP/{number}@trunk"', "PJSIP/{number}@trunk")))
    assert found[0].startswith("policy.yaml:9:")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a: "never closed\n', "policy.yaml:2:1: A quotation mark was opened"),
        ("a: b: c\n", "policy.yaml:1:5: A colon stands where none can."),
        ("a: [1, 2\nb: c\n", "policy.yaml:2:"),
        ("a: b\n  c: d\n", "policy.yaml:2:4: A colon stands"),
        ("a: b\nplain words\n", "policy.yaml:3:1: A colon is missing."),
        ('a: "\\q"\n', "policy.yaml:1:6: A backslash"),
        ('a: "\\UFFFFFFFF"\n', "policy.yaml:1:"),
        ("a: @x\n", "policy.yaml:1:4: A character stands here"),
        ("a: \x07\n", "policy.yaml:1:4: There is a control character here."),
        ('a: "\\x07"\n', "policy.yaml:1:4: This text holds a control character."),
        ('a: "\\ud800"\n', "policy.yaml:1:4: This text holds a control character."),
        ("%YAML 9.9\n---\na: b\n", "policy.yaml:1:1: "),
    ],
)
def test_broken_text(text: str, place: str) -> None:
    assert any(line.startswith(place) for line in complaints(text))


def test_nesting_is_limited() -> None:
    deep = "a: " + "[" * 5000 + "]" * 5000
    assert "nested too deeply" in complaints(deep)[0]
    assert parse_tree(("a: " + "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2)).encode()).flaws == []


def test_number_of_values_is_limited() -> None:
    assert "too many values" in complaints("a: [" + "x," * 30_000 + "]")[0]


def test_marks_count_from_one() -> None:
    tree = parse_tree(b"a:\n  - b: c\n")
    assert tree.value_mark(("a", 0, "b")) == Mark(2, 8)
    assert tree.key_mark(("a", 0, "b")) == Mark(2, 5)
    assert tree.value_mark(("a", 0, "missing", "too")) == Mark(2, 5)


def test_no_message_repeats_what_may_be_a_number() -> None:
    secret = "2065550142"
    spoilt = [
        good_with(("  clinic: {", f'  "{secret}": {{'), ("outbound: clinic", f'outbound: "{secret}"')),
        good_with(("    outbound: office\n", f"    +1{secret}: office\n")),
        good_with(("    outbound: office\n", f"    n{secret}: office\n")),
        good_with(("country: US", f'country: "{secret}"')),
        good_with(("+1800*", f"+1{secret}")),
        good_with(('["100-109"]', f'["{secret}"]')),
        good_with(('["200@default"]', f'["{secret}@default"]')),
        good_with(("+18005550100", secret)),
        good_with(("PJSIP/{number}@trunk", f"PJSIP/{secret}")),
        good_with(('name: "Main Office"', f"name: *{secret}")),
        good_with(('name: "Main Office"', f"name: &{secret} x")),
        good_with(('name: "Main Office"', f"name: !{secret} x")),
        good_with(("version: 1\n", f"version: 1\n%{secret}: [\n")),
        good_with(('ring: "hotline-ring,s,1"', f'ring: "{secret}"')),
        good_with(("voicemail: 14d", f"voicemail: {secret}d")),
        good_with(('name: "Main Office"', f'digit: "{secret}"')),
        good_with(('name: "Main Office"', f'trunks: ["n{secret}"]')),
        good_with(("@trunk", f'@trunk", trusted_to_hide: "{secret * 21}')),
        good_with(("    beneath: office\n", f"    substitutes: [n{secret}, n{secret}]\n")),
        good_with(("outbound: clinic", f'outbound: clinic, organisation: "Court {secret}"')),
        GOOD + f'rejected: ["{secret}"]\n',
        GOOD + f'substitute_code: "*{secret}"\n',
        GOOD + f"pools:\n  n{secret}: {{identities: [office, n{secret}]}}\n",
        good_with(
            ('name: "Main Office"', 'digit: "3"'),
            ('name: "Westside Clinic"}', f'digit: "3"}}\n  n{secret}: {{number: "+12065550178"}}'),
            ("    beneath: office\n", f"    substitutes: [n{secret}]\n"),
        ),
        good_with(
            ("  clinic: {", f"  n{secret}: {{"), ("outbound: clinic", f"outbound: n{secret}"),
            ("    beneath: office\n", f"    substitutes: [n{secret}]\n"),
        ),
    ]  # fmt: skip
    for text in spoilt:
        found = complaints(text)
        assert found
        assert secret not in "\n".join(found)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_bring_anything_but_problems(content: bytes) -> None:
    complaints(content)


_PIECES = st.sampled_from(
    ["a", "version", ":", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", '"', "'", "&a", "*a", "!!int ",
     "|\n", ">\n", "?", "<<", "~", "yes", "0x1", "+1206", "12:30", "#", "%YAML", "---", "...", "\t", "\\U",
     "é", "lines", "identities", "destinations", "match", "extensions", '"200-219"', "keep", "\x85",
     "\ufeff", "trunks"]
)  # fmt: skip


@settings(max_examples=800, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_yaml_brings_anything_but_problems(text: str) -> None:
    complaints(text)


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(GOOD_AND_FULL)), st.integers(0, 30), st.lists(_PIECES, max_size=4).map("".join))
def test_no_damage_to_a_policy_brings_anything_but_problems(start: int, length: int, piece: str) -> None:
    complaints(GOOD_AND_FULL[:start] + piece + GOOD_AND_FULL[start + length :])


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_SECTIONS = st.sampled_from(
    ["version", "country", "emergency", "identities", "trunks", "lines", "destinations", "pools",
     "substitute_code", "rejected"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_SECTIONS, _DATA, max_size=10))
def test_no_shape_of_data_brings_anything_but_problems(data: dict[str, object]) -> None:
    import yaml

    complaints(yaml.safe_dump(data, allow_unicode=True))
