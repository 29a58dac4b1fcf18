"""Whether staff can dial for the identities that they may choose."""

from __future__ import annotations

from dataclasses import replace

from callveil.policy.model import SUBSTITUTE_CODE, Preset
from callveil.policy.problems import mention
from callveil.policy.tree import Path, Tree
from callveil.presets import alike

_CODE: Path = ("substitute_code",)


def check_substitutes(tree: Tree, preset: Preset | None) -> None:
    """Add to the tree's flaws what keeps a substitute code from being dialled, or from meaning one thing.

    Args:
        tree: the policy, checked against the schema.
        preset: of its country; None where that is not known, which skips what depends on it.
    """
    _check_digits(tree)
    for key in tree.names(("lines",)):
        _check_line(tree, ("lines", key, "substitutes"))
    if preset:
        _check_code(tree, preset)


def _check_digits(tree: Tree) -> None:
    seen: dict[str, Path] = {}
    for key in tree.names(("identities",)):
        path: Path = ("identities", key, "digit")
        digit = tree.text(path)
        if digit is None:
            continue
        first = seen.setdefault(digit, path)
        if first != path:
            tree.add(
                tree.value_mark(path),
                f'"{digit}" is already the digit of {mention(str(first[1]), "another identity")} '
                f"(line {tree.value_mark(first).line} of the file). Give each identity its own.",
            )


def _check_line(tree: Tree, path: Path) -> None:
    if tree.length(path) and tree.find(_CODE) == "":
        tree.add(
            tree.key_mark(path),
            "Staff cannot choose a number while the policy has no substitute code. Write one in "
            f'substitute_code, as "{SUBSTITUTE_CODE}", or take substitutes away.',
        )
    for item, name in tree.texts(path):
        identity: Path = ("identities", name)
        if name in tree.names(("identities",)) and (*identity, "digit") not in tree.values:
            tree.add(
                tree.value_mark(item),
                f"Staff cannot choose {mention(name, 'this identity')} as long as it has no digit to dial. "
                f'Give it one in line {tree.key_mark(identity).line} of the file, as digit: "3", or take it '
                "away here.",
            )


def _check_code(tree: Tree, preset: Preset) -> None:
    code = tree.text(_CODE) if _CODE in tree.values else SUBSTITUTE_CODE
    if not code:
        return
    # Where the policy does not name one, what is wrong is that it must, in this country.
    mark = tree.value_mark(_CODE if _CODE in tree.values else ("country",))
    for other in alike(replace(preset, substitute_code=""), code):
        tree.add(
            mark,
            f'The substitute code "{code}" begins like "{other}", which has a meaning of its own in this '
            'country. Choose another one, or write substitute_code: "" for none.',
        )
