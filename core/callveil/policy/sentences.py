"""Checks a tree against a schema, and says what does not fit in plain sentences with places."""

from __future__ import annotations

import difflib
import typing
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callveil.policy.problems import mention
from callveil.policy.tree import Mark, Path, Tree, Unquoted

Model = TypeVar("Model", bound=BaseModel)

_SUGGESTIONS = 0.6
"""How alike two names must be for one to be taken for a slip of the other."""


def validate(schema: type[Model], tree: Tree) -> Model | None:
    """Return the tree's data as a `schema`, or None after adding what does not fit to the tree's flaws.

    What does not fit is also marked as broken, so that later checks leave it alone.
    """
    if tree.is_broken(()):
        return None
    if tree.data is None:
        tree.spoil((), Mark(1, 1), "The file is empty. Start from the example that comes with Callveil.")
        return None
    if not isinstance(tree.data, dict):
        tree.spoil((), Mark(1, 1), "The file must hold settings, each as name: value.")
        return None
    try:
        return schema.model_validate(tree.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        # A slip in a name would else be complained about twice, as unknown and as missing.
        meant = {_meant(schema, details["loc"]) for details in errors if details["type"] == "extra_forbidden"}
        for details in errors:
            if details["type"] != "missing" or details["loc"] not in meant:
                _translate(schema, tree, details)
        return None


def _translate(schema: type[BaseModel], tree: Tree, details: ErrorDetails) -> None:
    kind = details["type"]
    path: Path = details["loc"]
    is_key = bool(path) and path[-1] == "[key]"
    if is_key:
        path = path[:-1]
    if tree.is_broken(path):
        return
    name = mention(str(path[-1]), "This setting") if path else "The file"
    if kind == "missing":
        # A missing setting stands nowhere; its group does.
        tree.add(tree.key_mark(path[:-1]), f"{name} is missing here. Add it.")
        return
    mark = tree.key_mark(path) if is_key or kind == "extra_forbidden" else tree.value_mark(path)
    text = (
        _unknown(schema, path, name)
        if kind == "extra_forbidden"
        else _wrong(kind, details, _named(path), details["input"])
    )
    if is_key:
        tree.add(mark, text)  # what stands under a bad name can be checked all the same
    else:
        tree.spoil(path, mark, text)


def _named(path: Path) -> str:
    """Return how to speak of the value at a path."""
    if path and isinstance(path[-1], str):
        return f"the value of {mention(path[-1], 'this setting')}"
    if len(path) > 1 and isinstance(path[-2], str):
        return f"this item of {mention(path[-2], 'the list')}"
    return "this"


def _unknown(schema: type[BaseModel], path: Path, name: str) -> str:
    meant = _meant(schema, path)
    hint = (
        f'Did you mean "{meant[-1]}"?' if meant else f"Known here: {', '.join(_fields(schema, path[:-1]))}."
    )
    return f"{name} is not a setting that Callveil knows here. {hint}"


def _meant(schema: type[BaseModel], path: Path) -> Path | None:
    """Return the path of the setting that an unknown one is probably a slip of."""
    alike = difflib.get_close_matches(str(path[-1]), _fields(schema, path[:-1]), 1, _SUGGESTIONS)
    return (*path[:-1], alike[0]) if alike else None


def _fields(schema: type[BaseModel], path: Path) -> list[str]:
    """Return the names of the settings that the group at a path may hold."""
    at: object = schema
    for step in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = at.model_fields[str(step)].annotation
        else:
            at = typing.get_args(at)[-1]
    return list(at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else []


def _wrong(kind: str, details: ErrorDetails, name: str, value: object) -> str:
    """Return the sentence for a value that does not fit."""
    if kind == "callveil":
        return str(details["msg"])
    if value is None:
        return f"{_capital(name)} is empty. Write it, or take the setting away."
    if kind == "string_type":
        return _not_a_text(name, value)
    sentences = {
        "bool_type": f"{_capital(name)} must be true or false, without quotes.",
        "int_type": f"{_capital(name)} must be a whole number, without quotes.",
        "float_type": f"{_capital(name)} must be a number, without quotes.",
        "list_type": f"{_capital(name)} must be a list. Write it in brackets, even if it holds one thing.",
        "dict_type": f"{_capital(name)} must be a group of settings, each as name: value.",
        "model_type": f"{_capital(name)} must be a group of settings, each as name: value.",
        "too_short": f"{_capital(name)} must hold at least one entry. Add one.",
        "too_long": f"{_capital(name)} holds too many entries. Take some away.",
    }
    return sentences.get(kind, f"{_capital(name)} does not fit here. Compare it with the example.")


def _not_a_text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"Put {name} in quotes: without them YAML reads it as yes or no."
    if isinstance(value, int | float | Unquoted):
        return f"Put {name} in quotes: without them YAML takes it for a number and may change it."
    return f"{_capital(name)} must be a single text, not a list or a group of settings."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
