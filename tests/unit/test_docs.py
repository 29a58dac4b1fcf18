"""What the documents say exists, exists, and what exists is documented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from callveil.cli.main import COMMANDS, cli
from callveil.data_files import data_dir
from callveil.policy.load import load_policy
from click import Context
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_command_is_in_the_readme_and_every_command_there_exists() -> None:
    documented = set(re.findall(r"`callveil ([a-z]+)", README))
    assert documented == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert f"Example: callveil {name}" in result.output


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_that_the_documents_name_exists(name: str) -> None:
    command = cli.get_command(Context(cli), name)
    parts = [[name], *([name, part] for part in getattr(command, "commands", ()))]
    texts = [CliRunner().invoke(cli, [*words, "--help"]).output for words in parts]
    known = set(re.findall(r"(?<![\w-])--[a-z-]+", "".join(texts)))
    for document in DOCUMENTS:
        for line in re.findall(rf"callveil {name} [^`\n]*", document.read_text(encoding="utf-8")):
            assert set(re.findall(r"(?<![\w-])--[a-z-]+", line)) <= known


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_file_that_the_documents_name_exists() -> None:
    for document in DOCUMENTS:
        for name in re.findall(
            r"`((?:config|docs|core|dialplan)/[\w./-]+)`", document.read_text(encoding="utf-8")
        ):
            assert (ROOT / name).exists(), f"{document.name}: {name}"


def test_every_script_is_in_the_readme() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for name in scripts:
        assert name in README


def test_the_example_policy_is_fine() -> None:
    assert load_policy(data_dir() / "config" / "policy.example.yaml").lines


def test_every_exit_code_is_explained() -> None:
    assert "0 fine, 1 a finding, 2 bad input and nothing was changed" in README.replace("\n", " ")
