"""Tests of this folder run against a real Asterisk, in each version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
from harness.pbx import Version
from program.site import Site


@pytest.fixture(scope="module")
def site(version: Version) -> Iterator[Site]:
    """The program's PBX with Callveil on it, the same for all tests of a module."""
    with Site.start(version) as started:
        yield started
