"""Bars for a web page, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 760
_ROW: Final = 26
_LABELS: Final = 300
_INDENT: Final = 14
_LONGEST: Final = 360


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: what it stands for.
        number: its length; None for a number that is not shown, which has no bar.
        text: what is written at its end.
        depth: how far its label is indented, in steps.
    """

    label: str
    number: int | None
    text: str
    depth: int = 0


def draw(bars: Sequence[Bar], *, name: str, title: str, description: str) -> str:
    """Return bars as an SVG element that a screen reader takes for one picture.

    Args:
        bars: from top to bottom.
        name: unique in the page; becomes part of ids.
        title: what the picture is.
        description: what somebody who cannot see it needs to know.
    """
    most = max((bar.number or 0 for bar in bars), default=0)
    drawn = "".join(_draw_one(bar, index * _ROW, most) for index, bar in enumerate(bars))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {len(bars) * _ROW}" role="img"'
        f' aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>{drawn}</svg>'
    )


def _draw_one(bar: Bar, top: int, most: int) -> str:
    length = round(_LONGEST * bar.number / most) if bar.number and most else 0
    # A call is never drawn as none.
    length = max(length, 2) if bar.number else length
    middle = top + _ROW / 2
    label = f'<text x="{bar.depth * _INDENT}" y="{middle:g}">{escape(bar.label)}</text>'
    shape = f'<rect x="{_LABELS}" y="{top + 4}" width="{length}" height="{_ROW - 8}"/>' if length else ""
    hidden = ' class="hidden"' if bar.number is None else ""
    number = f'<text x="{_LABELS + length + 6}" y="{middle:g}"{hidden}>{escape(bar.text)}</text>'
    return label + shape + number
