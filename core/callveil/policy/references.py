"""Whether the names in a policy are names of something."""

from __future__ import annotations

import difflib
from typing import Final

from callveil.policy.model import HIDE
from callveil.policy.problems import mention
from callveil.policy.tree import Path, Tree

_IDENTITIES: Final = ("identities",)
_SHOWN: Final = ("identities", "pools")
_TRUNKS: Final = ("trunks",)

_NO_POOL: Final = {
    "beneath": "is a pool, and a single number stands beneath a hidden call. Write the name of an identity.",
    "substitutes": "is a pool, and each digit means a single number. Write names of identities.",
    "identities": "is a pool, and a pool holds no other pool. Write names of identities.",
}
"""What to say of a pool where none may stand, by the setting."""


def check_references(tree: Tree) -> None:
    """Add to the tree's flaws every name that names nothing there, or nothing that may stand there."""
    for key in tree.names(("lines",)):
        line: Path = ("lines", key)
        _check_name(tree, (*line, "outbound"), _SHOWN)
        _check_name(tree, (*line, "beneath"), _IDENTITIES)
        _check_names(tree, (*line, "substitutes"), _IDENTITIES)
    for index in range(tree.length(("destinations",))):
        _check_name(tree, ("destinations", index, "outbound"), _SHOWN)
    for key in tree.names(("pools",)):
        _check_pool_name(tree, key)
        _check_names(tree, ("pools", key, "identities"), _IDENTITIES)
    for key in tree.names(("identities",)):
        _check_names(tree, ("identities", key, "trunks"), _TRUNKS)


def _check_pool_name(tree: Tree, key: str) -> None:
    identity: Path = ("identities", key)
    if identity in tree.values:
        tree.add(
            tree.key_mark(("pools", key)),
            f"{mention(key, 'This name')} is already an identity "
            f"(line {tree.key_mark(identity).line} of the file). Choose another name.",
        )


def _check_names(tree: Tree, path: Path, sections: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for item, text in tree.texts(path):
        if text in seen:
            tree.add(tree.value_mark(item), f"{mention(text, 'This')} stands here twice. Take one away.")
        else:
            seen.add(text)
            _check_name(tree, item, sections)


def _check_name(tree: Tree, path: Path, sections: tuple[str, ...]) -> None:
    text = tree.text(path)
    known = [name for section in sections for name in tree.names((section,))]
    if text is None or text in known or not tree.names(sections[:1]):
        return  # where there is nothing to name, that is the mistake, and not each place that names one
    setting = next(step for step in reversed(path) if isinstance(step, str))
    if text == HIDE and setting == "outbound":
        return
    if any((section, text) in tree.values and tree.is_broken((section, text)) for section in sections):
        return  # it is there, and something is wrong with it already
    if setting in _NO_POOL and text in tree.names(("pools",)):
        tree.add(tree.value_mark(path), f"{mention(text, 'This')} {_NO_POOL[setting]}")
        return
    alike = difflib.get_close_matches(text, known, 1)
    hint = f'Did you mean "{alike[0]}"?' if alike else "Add it there, or write another one's name."
    where = " or ".join(section for section in sections if tree.names((section,)))
    tree.add(tree.value_mark(path), f"{mention(text, 'This')} is not one of the {where}. {hint}")
