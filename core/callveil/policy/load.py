"""Reads a policy file, with everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from callveil.policy.build import build_policy
from callveil.policy.cross_checks import cross_check
from callveil.policy.model import Policy, Preset
from callveil.policy.notes import find_notes
from callveil.policy.problems import PolicyError, Problem
from callveil.policy.schema import PolicyPart
from callveil.policy.sentences import validate
from callveil.policy.source import SourceError, read_source
from callveil.policy.tree import Tree, parse_tree
from callveil.presets import available_countries, load_preset

__all__ = ["LoadedPolicy", "PolicyError", "Problem", "load_policy", "load_policy_file", "parse_policy"]


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy and what is worth knowing about its file.

    Attributes:
        policy: what the file means.
        sha256: hexadecimal digest of the file's bytes, see `callveil.policy.compiled`.
        notes: what is allowed but worth knowing.
    """

    policy: Policy
    sha256: str
    notes: tuple[Problem, ...] = ()


def load_policy(path: Path) -> Policy:
    """Return the policy of a file.

    Raises:
        PolicyError: with every mistake, if there is one.
    """
    return load_policy_file(path).policy


def load_policy_file(path: Path) -> LoadedPolicy:
    """Return the policy of a file with its digest and notes.

    Raises:
        PolicyError: with every mistake, if there is one.
    """
    try:
        content = read_source(path)
    except SourceError as error:
        raise PolicyError([error.problem]) from None
    return parse_policy(content, str(path))


def parse_policy(content: bytes, name: str) -> LoadedPolicy:
    """Return the policy that the bytes of a file describe.

    Args:
        content: the file's bytes.
        name: the file, for messages.

    Raises:
        PolicyError: with every mistake, if there is one.
    """
    tree = parse_tree(content)
    part = validate(PolicyPart, tree)
    problems: list[Problem] = []
    preset = _find_preset(tree, problems)
    cross_check(tree, preset)
    problems += [Problem(name, flaw.mark.line, flaw.mark.column, flaw.text) for flaw in tree.flaws]
    if problems or part is None or preset is None:
        raise PolicyError(problems)
    notes = []
    for path, text in find_notes(tree, preset):
        mark = tree.value_mark(path)
        notes.append(Problem(name, mark.line, mark.column, text))
    return LoadedPolicy(build_policy(part, preset), hashlib.sha256(content).hexdigest(), tuple(notes))


def _find_preset(tree: Tree, problems: list[Problem]) -> Preset | None:
    """Return the preset of the policy's country, or None after noting why there is none."""
    country = tree.text(("country",))
    if country is None:
        return None
    try:
        known = available_countries()
        if country in known:
            return load_preset(country)
    except PolicyError as error:
        problems += error.problems
        return None
    tree.add(
        tree.value_mark(("country",)),
        f"Callveil has no preset for this country. It has {', '.join(known)}.",
    )
    return None
