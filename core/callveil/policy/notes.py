"""What a policy may say although it is worth knowing what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from callveil.policy.cross_checks import extension_ranges
from callveil.policy.model import HIDE, Preset, Trunk
from callveil.policy.problems import mention
from callveil.policy.tree import Path, Tree

_ORDINARY: Final = {
    "404": "not found",
    "408": "request timeout",
    "410": "gone",
    "480": "temporarily unavailable",
    "486": "busy here",
    "487": "request terminated",
    "503": "service unavailable",
    "600": "busy everywhere",
    "603": "decline",
    "604": "does not exist anywhere",
}
"""What telephones answer that do not mind hidden calls, and the usual words beside it (RFC 3261)."""


def find_notes(tree: Tree, preset: Preset) -> Iterator[tuple[Path, str]]:
    """Yield what is allowed but worth knowing: the path and a sentence.

    Args:
        tree: a policy without flaws.
        preset: of its country.
    """
    yield from _emergency_extensions(tree, preset)
    yield from _trunks_that_cannot_hide(tree)
    yield from _numbers_on_other_trunks(tree)
    yield from _ordinary_rejections(tree)
    yield from _kept_parties(tree)
    yield from _exact_times(tree)


def _emergency_extensions(tree: Tree, preset: Preset) -> Iterator[tuple[Path, str]]:
    for path, found in extension_ranges(tree):
        inside = [number for number in preset.emergency if number in found]
        if inside and found.size > 1:
            yield (
                path,
                f"Note: {' and '.join(inside)} in this range is an emergency number, so no telephone "
                "of this line has it.",
            )


def _trunks_that_cannot_hide(tree: Tree) -> Iterator[tuple[Path, str]]:
    trunks = [Trunk(key, tree.text(("trunks", key, "dial")) or "") for key in tree.names(("trunks",))]
    unsure = [
        trunk
        for trunk in trunks
        if trunk.technology != "PJSIP" and not tree.text(("trunks", trunk.key, "trusted_to_hide"))
    ]
    if len(unsure) == len(trunks):
        hiding = [
            f"line {mention(key, 'of another name')}"
            for key in tree.names(("lines",))
            if (tree.text(("lines", key, "outbound")) or HIDE) == HIDE
        ]
        whose = " or ".join(("with the hide code", *(f"from {line}" for line in hiding)))
        yield (
            ("trunks",),
            f"Note: No trunk here can hide a call. No hidden call will be made at all: not {whose}. Staff "
            "hear why. Use a PJSIP trunk, or write at a trunk why it can be trusted_to_hide.",
        )
    for trunk in unsure:
        yield (
            ("trunks", trunk.key, "dial"),
            f"Note: Hidden calls will not use this trunk: Callveil cannot see whether {trunk.technology} "
            "withholds the number. If you have seen on a telephone outside that it does, write so at this "
            'trunk, as trusted_to_hide: "Tested with the carrier in May."',
        )


def _numbers_on_other_trunks(tree: Tree) -> Iterator[tuple[Path, str]]:
    for key in tree.names(("identities",)):
        path: Path = ("identities", key, "trunks")
        issued = [name for _, name in tree.texts(path)]
        others = [mention(name, "another one") for name in tree.names(("trunks",)) if name not in issued]
        if issued and others:
            yield (
                path,
                f"Note: Calls that show this number may also leave by trunk {' or '.join(others)}, whose "
                "carrier did not issue it. That carrier may mark them as not verified (a weaker "
                "STIR/SHAKEN attestation) or refuse them. Ask it to accept the number.",
            )


def _ordinary_rejections(tree: Tree) -> Iterator[tuple[Path, str]]:
    for path, answer in tree.texts(("rejected",)):
        if answer in _ORDINARY or any(answer in words for words in _ORDINARY.values()):
            yield (
                path,
                f'Note: Telephones also answer "{answer}" when nobody minds a hidden call, for example when '
                "they are busy or off. Staff would then be offered to show a number for nothing.",
            )


def _exact_times(tree: Tree) -> Iterator[tuple[Path, str]]:
    for key in tree.names(("lines",)):
        path: Path = ("lines", key, "time")
        if tree.text(path) == "exact":
            yield (
                path,
                "Note: Records then hold the second in which each call began. Whoever has somebody's "
                "telephone bill can match the two.",
            )


def _kept_parties(tree: Tree) -> Iterator[tuple[Path, str]]:
    for key in tree.names(("lines",)):
        for setting, whose in (("caller", "people who call"), ("called", "people who are called")):
            path: Path = ("lines", key, setting)
            kept = tree.text(path)
            if kept == "repeat":
                yield (
                    path,
                    f"Note: Records then hold a pseudonym of {whose}. They show that the same number called "
                    "or was called several times on a day, and are not anonymous.",
                )
            elif kept == "full":
                yield (
                    path,
                    f"Note: Records then hold the numbers of {whose}, for anybody to find who gets hold of "
                    "the store or of a backup. Keep them for no longer than you must.",
                )
