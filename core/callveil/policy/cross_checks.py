"""What the parts of a policy say about each other.

The checks read the tree, not the finished schema: so they run on every part that is well although another
is not, and know where each value stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import phonenumbers

from callveil.policy.fields import is_possible, may_be_a_persons, split_mailbox
from callveil.policy.model import Preset
from callveil.policy.ranges import MAX_EXTENSIONS, NumberRange, parse_range
from callveil.policy.references import check_references
from callveil.policy.substitutes import check_substitutes
from callveil.policy.tree import Path, Tree

_FLAGGED_KEEPS: Final = {
    "caller": ("none", "nothing about callers may be kept"),
    "called": ("none", "nothing about whom staff call may be kept"),
    "time": ("day", "no time finer than the day may be kept"),
    "duration": ("bucket", "no exact duration may be kept"),
}
"""The one word that each of these may have on a flagged line, and why."""


def cross_check(tree: Tree, preset: Preset | None) -> None:
    """Add to the tree's flaws whatever does not go together.

    Args:
        tree: the policy, checked against the schema.
        preset: of its country; None where that is not known, which skips what depends on it.
    """
    check_references(tree)
    _check_extensions(tree, preset)
    _check_mailboxes(tree)
    _check_dids(tree)
    _check_destinations(tree)
    for key in tree.names(("lines",)):
        _check_line(tree, ("lines", key))
    _check_rejected(tree)
    check_substitutes(tree, preset)
    if preset:
        _check_owned_numbers(tree, preset)


def extension_ranges(tree: Tree) -> Iterator[tuple[Path, NumberRange]]:
    """Yield the path and the range of each usable entry of each line's ``extensions:``."""
    for key in tree.names(("lines",)):
        for path, text in tree.texts(("lines", key, "extensions")):
            yield path, parse_range(text)


def _check_extensions(tree: Tree, preset: Preset | None) -> None:
    owners: dict[str, Path] = {}
    total = 0
    for path, found in extension_ranges(tree):
        total += found.size
        if total > MAX_EXTENSIONS:
            tree.add(
                tree.value_mark(path),
                "With this range the policy holds more than 10,000 extensions. Make the ranges smaller.",
            )
            return
        if preset and found.size == 1 and found.first in preset.emergency:
            tree.add(
                tree.value_mark(path),
                f"{found.first} is an emergency number here and cannot be an extension. Give that telephone "
                "another one.",
            )
        other = _claim(owners, path, found)
        if other:
            tree.add(
                tree.value_mark(path),
                f'"{found}" overlaps with "{tree.text(other)}" of line "{other[1]}" '
                f"({_place(tree, other)}). Each extension belongs to one line.",
            )


def _check_mailboxes(tree: Tree) -> None:
    owners: dict[str, dict[str, Path]] = {}
    total = 0
    for key in tree.names(("lines",)):
        for path, text in tree.texts(("lines", key, "mailboxes")):
            numbers, context = split_mailbox(text)
            found = parse_range(numbers)
            total += found.size
            if total > MAX_EXTENSIONS:
                tree.add(tree.value_mark(path), "The policy holds more than 10,000 mailboxes. Make it fewer.")
                return
            other = _claim(owners.setdefault(context, {}), path, found)
            if other:
                tree.add(
                    tree.value_mark(path),
                    f'These mailboxes overlap with those of line "{other[1]}" '
                    f"({_place(tree, other)}). Each mailbox belongs to one line.",
                )


def _claim(owners: dict[str, Path], path: Path, found: NumberRange) -> Path | None:
    """Make a path the owner of every number of a range; return the path that owned one before, if any."""
    other = None
    for number in found:
        owner = owners.setdefault(number, path)
        if owner != path:
            other = other or owner
    return other


def _check_dids(tree: Tree) -> None:
    seen: dict[str, Path] = {}
    for key in tree.names(("lines",)):
        for path, number in tree.texts(("lines", key, "dids")):
            first = seen.setdefault(number, path)
            if first != path:
                tree.add(
                    tree.value_mark(path),
                    f'This number already leads to line "{first[1]}" ({_place(tree, first)}). '
                    "Each number leads to one line.",
                )


def _check_destinations(tree: Tree) -> None:
    seen: list[tuple[Path, str]] = []
    for index in range(tree.length(("destinations",))):
        path: Path = ("destinations", index, "match")
        match = tree.text(path)
        if match is None:
            continue
        _check_whose(tree, index, match)
        for first_path, first in seen:
            if match == first or (first.endswith("*") and match.startswith(first[:-1])):
                tree.add(
                    tree.value_mark(path),
                    f"This pattern is never reached: {_place(tree, first_path)} covers it, and "
                    "the first that fits counts. Put the narrower one first.",
                )
                break
        seen.append((path, match))


def _check_whose(tree: Tree, index: int, match: str) -> None:
    """Check that a number that could be a person's is said to be an organisation's."""
    if not may_be_a_persons(match):
        return
    path: Path = ("destinations", index, "match")
    if ("destinations", index, "organisation") not in tree.values:
        tree.add(
            tree.value_mark(path),
            "A person's number must not stand in the policy. Write the first digits that many numbers share, "
            'then *. Only for the number of an organisation add organisation: "County Court", its name.',
        )
    elif match.endswith("*"):
        tree.add(
            tree.value_mark(path),
            "This is a whole number already. Take the * away.",
        )
    elif not is_possible(match):
        tree.add(
            tree.value_mark(path),
            "No telephone can have this number. Check the country code and count the digits.",
        )


def _check_rejected(tree: Tree) -> None:
    seen: set[str] = set()
    for path, answer in tree.texts(("rejected",)):
        if answer in seen:
            tree.add(tree.value_mark(path), f'"{answer}" stands here twice. Take one away.')
        seen.add(answer)


def _check_line(tree: Tree, line: Path) -> None:
    flagged = tree.find((*line, "flagged")) is True
    dids, ring = tree.find((*line, "dids")), (*line, "ring")
    if dids and ring not in tree.values:
        tree.add(
            tree.key_mark((*line, "dids")),
            'A line with numbers must say where their calls go on. Add ring: "context,extension,priority".',
        )
    for name, (least, why) in _FLAGGED_KEEPS.items():
        if flagged and tree.text((*line, name)) not in (None, least):
            tree.add(tree.value_mark((*line, name)), f"On a flagged line {why}. Write {name}: {least}.")
    if flagged and tree.find((*line, "show_caller")) is True:
        tree.add(
            tree.value_mark((*line, "show_caller")),
            "On a flagged line no telephone may be shown who calls. Write show_caller: false.",
        )


def _check_owned_numbers(tree: Tree, preset: Preset) -> None:
    code = phonenumbers.country_code_for_region(preset.country)
    short = {f"+{code}{number}" for number in (*preset.emergency, *preset.services)}
    paths: list[Path] = [("emergency", "callerid")]
    paths += [("identities", key, "number") for key in tree.names(("identities",))]
    for path in paths:
        if tree.text(path) in short:
            tree.add(
                tree.value_mark(path),
                "This is an emergency or service number, not one that you own. "
                "Write a number that people answer.",
            )


def _place(tree: Tree, path: Path) -> str:
    """Return where a value stands; "of the file" because a line is also something that rings."""
    return f"line {tree.value_mark(path).line} of the file"
