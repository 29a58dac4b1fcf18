"""The tests' program with a second carrier at another address."""

from __future__ import annotations

from typing import Final

from harness.images import RECIPES

from program.site import POLICY

SECOND_ADDRESS: Final = "127.0.0.4"

FIRST: Final = '  carrier: {dial: "PJSIP/{number}@trunk"}\n'


def policy_of_two(name: str, endpoint: str) -> str:
    """Return the policy with a second trunk behind the first.

    Args:
        name: how the policy calls it.
        endpoint: how Asterisk's `pjsip.conf` does.
    """
    assert FIRST in POLICY
    return POLICY.replace(FIRST, f'{FIRST}  {name}: {{dial: "PJSIP/{{number}}@{endpoint}"}}\n')


POLICY_OF_TWO: Final = policy_of_two("second", "second")
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


def backup(*options: str) -> str:
    """Return sections of `pjsip.conf` for a trunk `backup` at the second address, which sends a PAI.

    Args:
        options: further lines of the endpoint.
    """
    more = "".join(f"{option}\n" for option in options)
    return f"""
[backup]
type = endpoint
transport = udp
context = from-trunk
disallow = all
allow = ulaw
aors = backup
direct_media = no
send_pai = yes
{more}
[backup]
type = aor
contact = sip:{SECOND_ADDRESS}:5060
"""
