"""Tests of this folder try to break things; those against a real Asterisk do so in each version."""

from harness.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
