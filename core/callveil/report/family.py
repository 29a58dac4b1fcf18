"""Which parts of a number that is shown are not shown themselves.

A part of 1 to 10 calls is too few to be shown (the cell size rule of the US Centers for Medicare & Medicaid
Services: nothing under 11), and a 0 is shown. Who knows the whole, all other parts *and this very rule* must
find more than one number of calls that may stand in each hidden part. That holds by these steps:

1. The hidden parts are those of 1 to 10. Their sum can be computed from the whole. It must not be one of 1 to
   10 itself; nor may it tell each of them, as where they are as small as they can be (all 1) or as large
   (all 10).
2. Where it is or does, the smallest larger number is hidden as well, with every part that equals it. Now two
   hidden parts differ, and whether a part is hidden depends on its number alone and never on its place: the
   same parts with two numbers swapped make the same report.
3. Otherwise either two hidden parts differ, and swapping them makes the same report; or all are the same
   number from 2 to 9, and so does one call more in the one and one less in another.
4. Where step 2 finds nothing larger, all parts are hidden or 0. If all are 10, *k* of them (k under 11),
   then one of 11 - k and others of 11 make the same report. All 1 cannot be: there are fewer parts than the
   11 calls that the whole has at least. (Lines may be more, see `month`.)
5. No other table has to make a 0 out of a number or a number out of a 0. So knowing that a part must be 0,
   as calls out of a line without telephones, tells nothing that the report does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LEAST_SHOWN: Final = 11
"""The fewest calls that a part may have to be shown, unless it has none."""


def hidden_parts(calls: Sequence[int], least: int = LEAST_SHOWN) -> frozenset[int]:
    """Return the places of the parts that must not be shown.

    Args:
        calls: how many calls each part has.
        least: see `LEAST_SHOWN`; the proof above needs 4 or more.
    """
    few = [number for number in calls if 0 < number < least]
    hide = set(few)
    if few and (sum(few) < least or sum(few) in (len(few), len(few) * (least - 1))):
        hide.update(sorted({number for number in calls if number >= least})[:1])
    return frozenset(place for place, number in enumerate(calls) if number in hide)
