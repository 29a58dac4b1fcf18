"""Looks at places, and clears them: nothing is called removed that was not looked at again."""

from __future__ import annotations

from collections.abc import Collection

from callveil.history.model import Found, Gone, Outcome, Place, State

_ROUNDS = 2
"""A log may get a line while it is emptied; one that has lines after the second time is being written."""


def look(place: Place) -> Outcome:
    """Say what is in a place."""
    found = place.find()
    return _outcome(place, found, _seen(found, State.FOUND if found else State.NOTHING))


def clear(place: Place, named: Collection[str]) -> Outcome:
    """Remove what is in a place.

    Args:
        place: the place.
        named: names that the admin gave by himself; what is his to decide is removed only then.
    """
    found = place.find()
    if not found:
        return _outcome(place, found, _seen(found, State.NOTHING))
    if not place.removable or (place.yours and place.key not in named):
        return _outcome(place, found, State.LEFT, (place.yours,))
    gone, after = Gone(), found
    for _ in range(_ROUNDS):
        gone = place.remove()
        after = place.find()
        if gone.left or not after:
            break
    left = gone.left
    if after and not left:
        left = ("Something was written there meanwhile: Asterisk still writes to it.",)
    if after.unseen and not left and not found.unseen:
        left = after.unseen
    return _outcome(place, found, State.LEFT if left else State.REMOVED, left, gone.notes)


def _seen(found: Found, otherwise: State) -> State:
    return State.UNSEEN if found.unseen and not found else otherwise


def _outcome(
    place: Place, found: Found, state: State, why: tuple[str, ...] = (), notes: tuple[str, ...] = ()
) -> Outcome:
    return Outcome(place.key, place.title, found, state, tuple(dict.fromkeys((*why, *found.unseen))), notes)
