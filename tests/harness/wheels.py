"""Callveil and what it depends on, as wheels for the containers' Python, built on the host.

The host knows how to reach a package index; a container behind the same proxy would have to be taught.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from harness.daemon import HarnessError, cache_folder

REPOSITORY = Path(__file__).resolve().parents[2]
CONTAINER_PYTHON = "3.14"
PACKED = ("core", "agi", "ami_listener", "config", "dialplan")
"""The folders that a wheel of Callveil holds."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def source_hash() -> str:
    """Changes when anything does that goes into Callveil's wheel."""
    digest = hashlib.sha256((REPOSITORY / "pyproject.toml").read_bytes())
    for folder in PACKED:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(".pyc"):
                digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def dependencies() -> list[str]:
    """What pyproject.toml asks for, and what records in PostgreSQL need."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]


def callveil_wheel() -> Path:
    """Callveil as it stands in this checkout."""
    folder = fresh(cache_folder() / "wheels" / f"callveil-{source_hash()[:16]}")
    found = sorted(folder.glob("callveil-*.whl"))
    if not found:
        with tempfile.TemporaryDirectory() as copy:
            # Exactly what was hashed, and nothing else of the checkout.
            for part in PACKED:
                shutil.copytree(
                    REPOSITORY / part, Path(copy) / part, ignore=shutil.ignore_patterns("__pycache__")
                )
            for part in ("pyproject.toml", "LICENSE"):
                shutil.copy(REPOSITORY / part, copy)
            (Path(copy) / "README.md").write_text("Callveil, built for its own tests.\n")
            pip("wheel", "--no-deps", "-w", str(folder), copy)
        found = sorted(folder.glob("callveil-*.whl"))
    return found[0]


def dependency_wheels(arch: str) -> list[Path]:
    """Wheels of all dependencies for the containers' Python and processor."""
    machine = MACHINES.get(arch, arch)
    wanted = "\n".join([CONTAINER_PYTHON, machine, *dependencies()])
    folder = fresh(cache_folder() / "wheels" / f"needs-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}")
    if (folder / "complete").exists():
        return sorted(folder.glob("*.whl"))
    with tempfile.TemporaryDirectory() as built:
        # Some come as source only. What is built here is pure Python, or is passed over for one that fits.
        pip("wheel", "--no-deps", "-w", built, *dependencies())
        download = ["download", "--only-binary=:all:", "--python-version", CONTAINER_PYTHON]
        for tag in (f"manylinux2014_{machine}", f"manylinux_2_17_{machine}", f"manylinux_2_28_{machine}"):
            download += ["--platform", tag]
        pip(*download, "--find-links", built, "-d", str(folder), *dependencies())
    (folder / "complete").touch()
    return sorted(folder.glob("*.whl"))


def fresh(folder: Path) -> Path:
    """The folder, with those of earlier versions removed."""
    kind = folder.name.partition("-")[0]
    if folder.parent.exists():
        for old in sorted(folder.parent.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)[:-4]:
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pip(*arguments: str) -> None:
    """Runs this Python's pip."""
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, text=True)
    if done.returncode:
        raise HarnessError(f"pip {arguments[0]} failed:\n{done.stderr[-2000:]}")
