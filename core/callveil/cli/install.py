"""`callveil install`: puts the dialplan and number-free settings where Asterisk reads them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option
from callveil.cli.problems import exit_with_problems
from callveil.data_files import data_dir
from callveil.policy.load import PolicyError, load_policy
from callveil.settings import AgiSettings
from callveil.site import ask_daemon, ask_script, render_site

FOLDER: Final = "callveil"
SITE_FILE: Final = "callveil-site.conf"
MANAGER_FILE: Final = "manager.conf"
PLACEHOLDER: Final = "CHANGE-ME"
"""Stands for the secret in the shipped manager.conf."""

INCLUDED: Final = (
    "extensions.conf",
    "cdr.conf",
    "cdr_custom.conf",
    "cdr_manager.conf",
    "cel.conf",
    "logger.conf",
    "manager.conf",
    "modules.conf",
    "queues.conf",
)
"""Asterisk's files that take the line ``#include callveil/<the same name>``."""


class InstallError(Exception):
    """Something could not be written; the text says what to do."""


@click.command(
    epilog="Example: callveil install --policy /etc/callveil/policy.yaml",
)
@policy_option
@click.option(
    "--asterisk",
    "asterisk_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/etc/asterisk"),
    show_default=True,
    help="Asterisk's configuration folder.",
)
@click.option(
    "--sounds",
    "sounds_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/usr/share/asterisk/sounds"),
    show_default=True,
    help="Asterisk's folder of sounds.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/callveil/ami.secret"),
    show_default=True,
    help="Where the secret of Callveil's AMI user is kept; made where it is missing.",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For a site without the daemon: the path of callveil-agi, started for each call.",
)
def install(
    policy_path: Path, asterisk_dir: Path, sounds_dir: Path, secret_file: Path, script: Path | None
) -> None:
    """Write Callveil's files into Asterisk's folders.

    Writes only files of its own: the folder `callveil` beside Asterisk's configuration, the folder
    `callveil` among the sounds of each language, and the AMI secret. Then says which lines to add to
    Asterisk's own files; running it again refreshes them.
    """
    try:
        policy = load_policy(policy_path)
    except PolicyError as error:
        exit_with_problems(error)
    ask = ask_script(str(script)) if script else ask_daemon(AgiSettings())
    try:
        target = asterisk_dir / FOLDER
        _require_folder(asterisk_dir, "--asterisk")
        _require_folder(sounds_dir, "--sounds")
        secret = _secret(secret_file)
        for source in _shipped("config") + _shipped("dialplan"):
            text = source.read_text(encoding="utf-8")
            if source.name == MANAGER_FILE:
                _write(
                    target / source.name,
                    text.replace(PLACEHOLDER, secret),
                    mode=0o640,
                    like=_manager(asterisk_dir),
                )
            else:
                _write(target / source.name, text)
        _write(target / SITE_FILE, render_site(policy, ask))
        _copy_sounds(sounds_dir)
    except (InstallError, OSError) as error:
        click.echo(f"Not installed: {error}", err=True)
        raise SystemExit(2) from error
    click.echo(f"Callveil's files are in {target}.")
    _say_what_is_missing(asterisk_dir)


def _shipped(folder: str) -> list[Path]:
    return sorted((data_dir() / folder).glob("*.conf"))


def _require_folder(path: Path, option: str) -> None:
    if not path.is_dir():
        raise InstallError(f"there is no folder {path}; name the right one with {option}")


def _secret(path: Path) -> str:
    if path.exists():
        secret = path.read_text(encoding="ascii").strip()
        if not secret:
            raise InstallError(f"{path} is empty; delete it, and a new secret is made")
        return secret
    secret = secrets.token_hex(24)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, secret + "\n", mode=0o640)
    return secret


def _manager(asterisk_dir: Path) -> Path:
    """Return what belongs to the group that Asterisk reads its secrets as."""
    own = asterisk_dir / MANAGER_FILE
    return own if own.exists() else asterisk_dir


def _write(path: Path, content: str | bytes, mode: int = 0o644, like: Path | None = None) -> None:
    """Write a file whole or not at all, for the group of another file or else of its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), 0, (like or path.parent).stat().st_gid)
    draft.replace(path)


def _copy_sounds(sounds_dir: Path) -> None:
    """Copy prompts; one that a program has recorded itself is newer than ours and stays."""
    for language in sorted((data_dir() / "dialplan" / "sounds").iterdir()):
        for prompt in sorted((language / "callveil").glob("*.wav")) if language.is_dir() else []:
            target = sounds_dir / language.name / "callveil" / prompt.name
            if not target.exists():
                _write(target, prompt.read_bytes())


def _say_what_is_missing(asterisk_dir: Path) -> None:
    missing = [name for name in INCLUDED if f"#include callveil/{name}" not in _lines(asterisk_dir / name)]
    if not missing:
        click.echo("Every file of Asterisk's includes its part.")
        return
    click.echo("Add one line at the end of each of these files, then restart Asterisk:")
    for name in missing:
        click.echo(f"  {asterisk_dir / name}: #include callveil/{name}")


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []
