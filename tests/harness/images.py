"""Builds the container images. A tag is a hash of what goes in, so a second run builds nothing."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from harness.daemon import Docker, HarnessError, cache_lock, find_docker, install_missing
from harness.wheels import callveil_wheel, dependency_wheels, source_hash

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPES = REPOSITORY / "tests" / "docker"
RELEASES = {"22": "forky", "16": "bullseye"}
"""The Debian release that packs each version of Asterisk."""

HASH = 16
KEPT = 20
"""Images of one name that are kept; several checkouts of the project may share one Docker."""


@dataclass(frozen=True)
class Images:
    """The tags of everything that a test starts."""

    asterisk: Mapping[str, str]
    """Asterisk without Callveil, by version: the control."""
    pbx: Mapping[str, str]
    """Asterisk with Callveil, by version: in 22 the whole of it, in 16 only the mail guard."""
    callveil: str
    """Callveil without Asterisk, to stand beside 16."""
    tools: str
    databases: str
    """PostgreSQL and MariaDB."""


def build_images(docker: Docker) -> Images:
    """Builds what is missing and returns all tags."""
    with cache_lock("images"):
        builder = Builder(docker)
        with ThreadPoolExecutor(4) as pool:
            # The two big ones at the same time: they wait for a mirror more than for the processor.
            bases = {release: pool.submit(builder.base, release) for release in RELEASES.values()}
            asterisk = {
                version: pool.submit(builder.asterisk, bases[release].result())
                for version, release in RELEASES.items()
            }
            tools = pool.submit(builder.tools, bases["forky"].result())
            python = pool.submit(builder.python, bases["forky"].result())
            databases = pool.submit(builder.databases, bases["forky"].result())
            pbx = {
                "22": pool.submit(builder.callveil, "asterisk", asterisk["22"].result(), "22-callveil-"),
                "16": pool.submit(builder.mail_guard, asterisk["16"].result()),
            }
            callveil = pool.submit(builder.callveil, "callveil", python.result())
            images = Images(
                asterisk={version: tag.result() for version, tag in asterisk.items()},
                pbx={version: tag.result() for version, tag in pbx.items()},
                callveil=callveil.result(),
                tools=tools.result(),
                databases=databases.result(),
            )
        builder.prune()
    return images


class Builder:
    """Makes each kind of image from its inputs."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.wheels = Lock()

    def base(self, release: str) -> str:
        """Debian itself: pulled where a registry can be reached, else put together from packages."""
        tag = f"debian:{release}-slim"
        if self.exists(tag):
            return tag
        try:
            if self.docker.run("pull", "-q", tag, check=False, timeout=40).returncode == 0:
                return tag
        except HarnessError:
            say(f"no answer from a registry; {tag} is put together from packages")
        install_missing({"mmdebstrap": "mmdebstrap"})
        began = time.monotonic()
        make = [
            "mmdebstrap",
            "--variant=minbase",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            release,
            "-",
        ]
        with subprocess.Popen(make, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as mmdebstrap:
            image = subprocess.run(
                self.docker.command("import", "-", tag),
                stdin=mmdebstrap.stdout,
                capture_output=True,
                check=False,
                timeout=300,
            )
            said = mmdebstrap.stderr.read() if mmdebstrap.stderr else b""
        if mmdebstrap.returncode or image.returncode:
            said = (said + image.stderr)[-2000:]
            self.docker.run("rmi", tag, check=False)
            raise HarnessError(f"{tag} could not be made:\n{said.decode('utf-8', 'replace')}")
        say(f"{tag} made in {time.monotonic() - began:.0f} s")
        return tag

    def asterisk(self, base: str) -> str:
        """Asterisk as Debian packages it, with mail and a transcriber."""
        context = {"transcribe-mail": (RECIPES / "transcribe-mail").read_bytes()}
        version = next(number for number, release in RELEASES.items() if release in base)
        return self.build("asterisk", "asterisk.Dockerfile", base, context, prefix=f"{version}-")

    def tools(self, base: str) -> str:
        """SIPp and speech."""
        return self.build("tools", "tools.Dockerfile", base, {})

    def databases(self, base: str) -> str:
        """PostgreSQL and MariaDB."""
        return self.build("databases", "databases.Dockerfile", base, {})

    def python(self, base: str) -> str:
        """Python alone, for Callveil beside an older Asterisk."""
        return self.build("python", "python.Dockerfile", base, {})

    def callveil(self, name: str, base: str, prefix: str = "") -> str:
        """Callveil in a virtual environment on top of another image; its own code is the last layer."""
        inputs = {"source": source_hash().encode()}
        tag = self.tag(name, "callveil.Dockerfile", base, inputs, prefix)
        if self.exists(tag):
            return tag
        with self.wheels:
            arch = self.docker.run("version", "--format", "{{.Server.Arch}}").stdout.decode().strip()
            context = {f"wheels/{wheel.name}": wheel.read_bytes() for wheel in dependency_wheels(arch)}
            wheel = callveil_wheel()
            context[f"callveil/{wheel.name}"] = wheel.read_bytes()
        return self.make(tag, "callveil.Dockerfile", base, context)

    def mail_guard(self, base: str) -> str:
        """The one file of Callveil that has to run inside an old Asterisk's own system."""
        guard = REPOSITORY / "core" / "callveil" / "mailcmd.py"
        context = {"mailcmd.py": guard.read_bytes()} if guard.exists() else {"absent": b""}
        return self.build("asterisk", "mailcmd.Dockerfile", base, context, prefix="16-callveil-")

    def build(self, name: str, recipe: str, base: str, context: Mapping[str, bytes], prefix: str = "") -> str:
        """Builds an image unless one of the same inputs is there."""
        tag = self.tag(name, recipe, base, context, prefix)
        return tag if self.exists(tag) else self.make(tag, recipe, base, context)

    def tag(self, name: str, recipe: str, base: str, inputs: Mapping[str, bytes], prefix: str = "") -> str:
        """A tag that changes when anything does that goes into the image."""
        digest = hashlib.sha256((RECIPES / recipe).read_bytes() + base.encode())
        for path, content in sorted(inputs.items()):
            digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
        return f"callveil-test/{name}:{prefix}{digest.hexdigest()[:HASH]}"

    def make(self, tag: str, recipe: str, base: str, context: Mapping[str, bytes]) -> str:
        """Runs the build with a context that holds nothing but the image's inputs."""
        began = time.monotonic()
        archive = pack({"Dockerfile": (RECIPES / recipe).read_bytes(), **context})
        build = ["build", "--network", "host", "--build-arg", f"BASE={base}", "-t", tag, "-"]
        try:
            self.docker.run(*build, feed=archive, timeout=600)
        except HarnessError as problem:
            raise HarnessError(f"{tag} from {recipe} could not be built: {problem}") from problem
        say(f"{tag} built in {time.monotonic() - began:.0f} s")
        return tag

    def exists(self, tag: str) -> bool:
        """Whether this Docker has the image."""
        return self.docker.run("image", "inspect", tag, check=False).returncode == 0

    def prune(self) -> None:
        """Lets go of old builds. Docker keeps those that a container uses."""
        listed = self.docker.run("images", "--format", "{{.Repository}}:{{.Tag}}", "callveil-test/*").stdout
        kinds: dict[str, list[str]] = {}
        for tag in listed.decode().split():
            # What stands before the hash is the kind. Docker lists the newest first.
            kinds.setdefault(tag[:-HASH], []).append(tag)
        for tags in kinds.values():
            for tag in tags[KEPT:]:
                self.docker.run("rmi", tag, check=False)


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def say(line: str) -> None:
    """Progress, for whoever waits."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Builds all images."""
    began = time.monotonic()
    try:
        images = build_images(find_docker())
    except HarnessError as problem:
        print(problem, file=sys.stderr)
        return 1
    for tag in (
        *images.asterisk.values(),
        *images.pbx.values(),
        images.callveil,
        images.tools,
        images.databases,
    ):
        print(tag)
    say(f"all images are there ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
