"""The tests' program with a second carrier at another address."""

from __future__ import annotations

from typing import Final

from harness.images import RECIPES

from program.site import POLICY

SECOND_ADDRESS: Final = "127.0.0.4"

POLICY_OF_TWO: Final = POLICY.replace(
    '  carrier: {dial: "PJSIP/{number}@trunk"}\n',
    '  carrier: {dial: "PJSIP/{number}@trunk"}\n  second: {dial: "PJSIP/{number}@second"}\n',
)
"""The policy with both trunks, in this order."""


def pjsip(*, qualify: bool = False) -> str:
    """Return Asterisk's `pjsip.conf` with both trunks.

    A carrier that says nothing at all to a call is given up after six seconds, not half a minute.

    Args:
        qualify: whether Asterisk asks the first carrier every second whether it is there.
    """
    text = (RECIPES / "etc-asterisk" / "common" / "pjsip.conf").read_text(encoding="utf-8")
    first = "contact = sip:127.0.0.3:5060\n"
    if qualify:
        text = text.replace(first, f"{first}qualify_frequency = 1\nqualify_timeout = 0.5\n")
    trunk = text[text.index("[trunk]\n") : text.index("[phone](!)")]
    second = trunk.replace("trunk]", "second]").replace("aors = trunk", "aors = second")
    second = second.replace("endpoint = trunk", "endpoint = second").replace("127.0.0.3", SECOND_ADDRESS)
    second = second.replace("qualify_frequency = 1\nqualify_timeout = 0.5\n", "")
    return f"{text}\n[system]\ntype = system\ntimer_t1 = 100\ntimer_b = 6400\n\n{second}"
