"""Tests of this folder run against a real Asterisk, in each version."""

from harness.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
