"""What every test against a real Asterisk shares; a folder's conftest.py imports all names from here."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from harness.daemon import HarnessError
from harness.pbx import VERSIONS, Pbx, Version, ready

__all__ = ["images", "plain", "pytest_collection_finish", "pytest_runtest_makereport", "version"]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the images before the first test, whose time limit is not meant for that."""
    if session.config.option.collectonly or not any("version" in fixtures(item) for item in session.items):
        return
    try:
        ready()
    except HarnessError:
        # The tests that need them will say so, and fail.
        return


def fixtures(item: pytest.Item) -> list[str]:
    """The fixtures that a test uses, also through others."""
    return list(getattr(item, "fixturenames", []))


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
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what its PBX has to say."""
    report = yield
    if report.when == "call" and report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Pbx):
                report.sections.append((f"{name}: {value.id}", value.trouble()))
    return report
