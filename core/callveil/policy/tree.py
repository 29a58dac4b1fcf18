"""YAML text as plain data in which every value remembers where it stands.

Stricter than YAML on purpose: no aliases, tags or merge keys, no key twice, and nothing that looks like a
number unless it is one in plain decimal. YAML 1.1 would turn ``+15550100`` and ``0044…`` into integers and
``12:30`` into 750 without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml.events import AliasEvent, Event, NodeEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from callveil.policy.problems import mention
from callveil.policy.yaml_faults import SYNTAX, explain_fault

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 20
MAX_VALUES: Final = 20_000

_TAG: Final = "tag:yaml.org,2002:"
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,9}\.[0-9]{1,9}")
_NUMBER_LIKE: Final = re.compile(r"[-+()0-9][-+()0-9\s.:_/]*")
_BROKEN: Final = "callveil:broken"
_TAGGED: Final = (
    "A word that begins with ! is a YAML tag, which is not used here. Take it away or put it in quotes."
)
# Line breaks and tabs are fine in a long purpose; other control characters could drive a terminal, and lone
# surrogates cannot be written to any file.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in the text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A value without quotes that YAML reads as something else than its text."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that the text must not say, and where."""

    mark: Mark
    text: str


@dataclass(slots=True)
class Tree:
    """A parsed file.

    Attributes:
        data: dicts, lists, texts, numbers, truth values, None, `Unquoted`.
        values: where each value begins, by its path.
        keys: where each key begins, by the path of its value.
        broken: paths whose value could not be understood at all.
        flaws: what is wrong so far.
    """

    data: object = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)
    flaws: list[Flaw] = field(default_factory=list)

    def value_mark(self, path: Path) -> Mark:
        """Return where a value begins, or else the nearest thing around it."""
        return self.values.get(path) or self.key_mark(path)

    def key_mark(self, path: Path) -> Mark:
        """Return where the key of a value begins, or else the nearest thing around it."""
        for length in range(len(path), 0, -1):
            mark = self.keys.get(path[:length]) or self.values.get(path[:length])
            if mark:
                return mark
        return Mark(1, 1)

    def is_broken(self, path: Path) -> bool:
        """Return whether a value, or anything that it stands in, has already been complained about."""
        return any(path[:length] in self.broken for length in range(len(path) + 1))

    def find(self, path: Path) -> object:
        """Return the value at a path; None where there is none or it is broken."""
        if self.is_broken(path):
            return None
        value = self.data
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def text(self, path: Path) -> str | None:
        """Return the text at a path; None where there is none or it is something else."""
        value = self.find(path)
        return value if isinstance(value, str) else None

    def names(self, path: Path) -> list[str]:
        """Return the keys of the mapping at a path, in the order of the file."""
        value = self.find(path)
        return (
            [name for name in value if not self.is_broken((*path, name))] if isinstance(value, dict) else []
        )

    def length(self, path: Path) -> int:
        """Return how many items the list at a path has; 0 where there is no list."""
        value = self.find(path)
        return len(value) if isinstance(value, list) else 0

    def texts(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Yield the path and the text of each usable item of the list at a path."""
        for index in range(self.length(path)):
            text = self.text((*path, index))
            if text is not None:
                yield (*path, index), text

    def add(self, mark: Mark, text: str) -> None:
        """Note a flaw."""
        self.flaws.append(Flaw(mark, text))

    def spoil(self, path: Path, mark: Mark, text: str) -> None:
        """Note a flaw that leaves nothing of a value to check."""
        self.broken.add(path)
        self.add(mark, text)


class _Stop(Exception):  # noqa: N818 - it carries a flaw out of the recursion and is no error of ours
    def __init__(self, mark: Mark, text: str) -> None:
        self.flaw = Flaw(mark, text)
        super().__init__(text)


class _Loader(yaml.SafeLoader):
    """PyYAML's composer with limits, and without aliases."""

    def __init__(self, text: str, tree: Tree) -> None:
        super().__init__(text)
        self.tree = tree
        self.depth = 0
        self.count = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = _mark(event.start_mark)
        self.count += 1
        if self.count > MAX_VALUES:
            raise _Stop(mark, "The file holds too many values. Use ranges, as 200-219, to make it shorter.")
        if isinstance(event, AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self.tree.add(
                mark,
                "A value that begins with * is a YAML alias, which is not used here. "
                "Write the value out, or put it in quotes if it is a dial code.",
            )
            return _broken(event)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self.tree.add(
                mark,
                "A value that begins with & is a YAML anchor, which is not used here. "
                "Take it away, or put the value in quotes.",
            )
            event.anchor = None
        # Known only here: the node of `!!int 5` is the same as that of `5`.
        tagged = getattr(event, "tag", None) is not None
        if tagged:
            self.tree.add(mark, _TAGGED)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Stop(mark, "Values are nested too deeply here. Check the brackets and the indentation.")
        try:
            node = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        return _broken(event) if tagged else node


def _broken(event: Event) -> ScalarNode:
    """Return the node of a value that has been complained about."""
    return ScalarNode(_BROKEN, "", event.start_mark, event.end_mark)  # type: ignore[arg-type]


def parse_tree(content: bytes) -> Tree:
    """Return the tree of a YAML file; whatever is wrong with it is in its `flaws`."""
    tree = Tree()
    text = _decode(content, tree)
    if text is None:
        return tree
    try:
        loader = _Loader(text, tree)
    except yaml.YAMLError as error:
        tree.spoil((), *_reader_fault(text, error))
        return tree
    try:
        root = loader.get_single_node()
        if root is not None:
            tree.data = _value(tree, root, ())
    except _Stop as stop:
        tree.spoil((), stop.flaw.mark, stop.flaw.text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tree.spoil((), _mark(mark) if mark else Mark(1, 1), explain_fault(error))
    except yaml.YAMLError as error:
        tree.spoil((), *_reader_fault(text, error))
    except (ValueError, OverflowError, LookupError, TypeError, AttributeError):
        # PyYAML lets a few of these out, for example for "\UFFFFFFFF".
        tree.spoil((), _mark(loader.get_mark()), SYNTAX)
    return tree


def _decode(content: bytes, tree: Tree) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        text = "The file is not UTF-8 text here. Save it as UTF-8."
        tree.spoil((), Mark(before.count(b"\n") + 1, column), text)
        return None


def _reader_fault(text: str, error: yaml.YAMLError) -> tuple[Mark, str]:
    """Return the place and the sentence for a character that YAML does not take at all."""
    position = getattr(error, "position", 0)
    before = text[: position if isinstance(position, int) else 0]
    mark = Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    return mark, "There is a control character here. Delete it and type the text again."


def _mark(mark: object) -> Mark:
    return Mark(getattr(mark, "line", 0) + 1, getattr(mark, "column", 0) + 1)


def _value(tree: Tree, node: Node, path: Path) -> object:
    mark = _mark(node.start_mark)
    tree.values[path] = mark
    if node.tag == _BROKEN:
        tree.broken.add(path)
    elif isinstance(node, MappingNode):
        return _mapping(tree, node, path)
    elif isinstance(node, SequenceNode):
        return [_value(tree, item, (*path, index)) for index, item in enumerate(node.value)]
    elif _UNPRINTABLE.search(node.value):
        tree.spoil(path, mark, "This text holds a control character. Delete it and type the text again.")
    else:
        return _scalar(node)
    return None


def _mapping(tree: Tree, node: MappingNode, path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        key = _key(tree, key_node)
        if key is None:
            continue
        if key in found:
            first = tree.keys[(*path, key)]
            tree.add(
                mark,
                f"{mention(key, 'This name')} stands here a second time; "
                f"the first is in line {first.line}. Keep one of them.",
            )
            continue
        tree.keys[(*path, key)] = mark
        found[key] = _value(tree, value_node, (*path, key))
    return found


def _key(tree: Tree, node: Node) -> str | None:
    """Return the text of a key, or None after noting why it cannot be one."""
    mark = _mark(node.start_mark)
    if node.tag == _BROKEN:
        return None
    if not isinstance(node, ScalarNode):
        tree.add(mark, "A name was expected here, not a list or a group. Put a text with braces in quotes.")
    elif node.style is None and node.value == "<<":
        tree.add(mark, "<< is a YAML merge, which is not used here. Write the settings out.")
    elif _UNPRINTABLE.search(node.value):
        tree.add(mark, "This name holds a control character. Delete it and type the name again.")
    elif not isinstance(_scalar(node), str):
        tree.add(mark, "This name must be in quotes: without them YAML reads it as something else.")
    else:
        return str(node.value)
    return None


def _scalar(node: Node) -> object:
    text = str(node.value)
    kind = node.tag.removeprefix(_TAG) if getattr(node, "style", None) is None else "quoted"
    if kind == "quoted":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return yaml.SafeLoader.bool_values[text.lower()]
    return _plain(kind, text)


def _plain(kind: str, text: str) -> int | float | str | Unquoted:
    if kind == "int" and _WHOLE.fullmatch(text):
        return int(text)
    if kind == "float" and _DECIMAL.fullmatch(text):
        return float(text)
    if kind in ("int", "float", "timestamp") or _NUMBER_LIKE.fullmatch(text):
        return Unquoted()
    return text
