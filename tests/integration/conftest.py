"""What every test against a real Asterisk shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness.pbx import VERSIONS, Pbx, Version, ready


@pytest.fixture(scope="session")
def images() -> None:
    """Docker and all images. Without them the tests fail; they are never skipped."""
    ready()


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest, images: None) -> Version:
    """Each version of Asterisk in turn."""
    chosen: Version = request.param
    return chosen


@pytest.fixture(scope="module")
def plain(version: Version) -> Iterator[Pbx]:
    """The control: a PBX without Callveil, the same for all tests of a module."""
    with Pbx.start(version, "plain") as pbx:
        yield pbx


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """A test that failed shows what its PBX has to say."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Pbx):
                report.sections.append((f"{name}: {value.id}", value.trouble()))
    return report
