"""Which identity of a pool a person is shown: always the same one, and nobody keeps a list."""

from __future__ import annotations

import hmac

from callveil.policy.model import Pool


def choose(pool: Pool, number: str, key: bytes) -> str:
    """Return the key of the identity that the owner of a number is shown.

    The highest of one keyed digest for each identity (rendezvous hashing): the pool is spread evenly, and
    when an identity is added or taken away, only the people move that it gains or had.

    Args:
        pool: with at least one identity.
        number: E.164, or a short number.
        key: the installation's secret.
    """
    return max(
        pool.identities,
        key=lambda identity: hmac.digest(key, f"pool\0{pool.key}\0{identity}\0{number}".encode(), "sha256"),
    )
