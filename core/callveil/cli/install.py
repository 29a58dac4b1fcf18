"""`callveil install`: puts the dialplan and number-free settings where Asterisk reads them."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option, settings_option
from callveil.cli.problems import BAD_INPUT, exit_with_problems
from callveil.contacts.change import prepare_key
from callveil.contacts.model import ContactsError
from callveil.data_files import data_dir
from callveil.policy.compiled import compile_policy
from callveil.policy.load import load_policy_file
from callveil.policy.problems import ConfigError
from callveil.settings import SECRET_PATH, SETTINGS_PATH, AgiSettings
from callveil.settings_file import SettingsPart, read_settings_part
from callveil.site import ask_daemon, ask_script, render_site

FOLDER: Final = "callveil"
SITE_FILE: Final = "callveil-site.conf"
MANAGER_FILE: Final = "manager.conf"
LOGGER_FILE: Final = "logger.conf"
PLACEHOLDER: Final = "CHANGE-ME"
"""Stands for the secret in the shipped manager.conf."""

SHIPPED_USER: Final = "[callveil"
"""How the sections of both manager users begin there."""

DRAFT: Final = ".new"
"""What the name of a file ends in until all are written."""

INCLUDED: Final = (
    "extensions.conf",
    "cdr.conf",
    "cdr_custom.conf",
    "cdr_manager.conf",
    "cel.conf",
    LOGGER_FILE,
    MANAGER_FILE,
    "modules.conf",
    "queues.conf",
)
"""Asterisk's files that take the line ``#include callveil/<the same name>``."""

_PLACES: Final = {
    LOGGER_FILE: "  (and take everything else out of it)",
    "queues.conf": "  (as its first line)",  # a queue can only take a template that stands above it
}
"""Where in a file the line belongs, if not at the end."""

# In Asterisk's files a ";" begins a comment, and a "," or a line break would be a setting of its own.
_WORD: Final = re.compile(r"[A-Za-z0-9_.+/=-]{1,200}")


class InstallError(Exception):
    """Something could not be installed; the text says what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file to write.

    Attributes:
        path: where to.
        data: what it holds.
        mode: who may read it.
        like: what belongs to the group that it is for; else its folder says it.
    """

    path: Path
    data: bytes
    mode: int = 0o644
    like: Path | None = None


@click.command(
    epilog="Example: callveil install --policy /etc/callveil/policy.yaml",
)
@policy_option
@settings_option
@click.option(
    "--asterisk",
    "asterisk_dir",
    type=click.Path(path_type=Path),
    default=Path("/etc/asterisk"),
    show_default=True,
    help="Asterisk's configuration folder.",
)
@click.option(
    "--sounds",
    "sounds_dir",
    type=click.Path(path_type=Path),
    default=Path("/usr/share/asterisk/sounds"),
    show_default=True,
    help="Asterisk's folder of sounds; /var/lib/asterisk/sounds where Asterisk was built from source.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="Where the secret of Callveil's AMI user is kept; made where it is missing.  "
    f"[default: the file that the settings name, else {SECRET_PATH}]",
)
@click.option(
    "--script",
    type=click.Path(path_type=Path),
    help="For a site without the daemon: the path of callveil-agi, started for each call.",
)
def install(
    *,
    policy_path: Path,
    settings_path: Path | None,
    asterisk_dir: Path,
    sounds_dir: Path,
    secret_file: Path | None,
    script: Path | None,
) -> None:
    """Write Callveil's files into Asterisk's folders.

    Writes only files of its own: the folder `callveil` beside Asterisk's configuration, the folder
    `callveil` among the sounds of each language, and the AMI secret. Then says which lines to add to
    Asterisk's own files; running it again refreshes them.
    """
    try:
        loaded = load_policy_file(policy_path)
        settings = read_settings_part(settings_path or SETTINGS_PATH, required=settings_path is not None)
    except ConfigError as error:
        exit_with_problems(error)
    try:
        _require_folder(asterisk_dir, "--asterisk")
        _require_folder(sounds_dir, "--sounds")
        agi = AgiSettings(host=settings.agi.host, port=settings.agi.port)
        ask = ask_script(_program(script)) if script else ask_daemon(agi)
        files = _secret_files(settings, secret_file, asterisk_dir)
        for source in _shipped("config") + _shipped("dialplan"):
            if source.name != MANAGER_FILE:
                files.append(_File(asterisk_dir / FOLDER / source.name, source.read_bytes()))
        files.append(_File(asterisk_dir / FOLDER / SITE_FILE, render_site(loaded.policy, ask).encode()))
        files += _prompts(sounds_dir)
        if script and Path(settings.compiled).parent.is_dir():
            # Without it, each call would check the whole policy first, and many at once would be too slow.
            compiled = compile_policy(loaded.policy, loaded.sha256).encode()
            files.append(_File(Path(settings.compiled), compiled, mode=0o640))
        if script and loaded.policy.pools and Path(settings.contacts_key).parent.is_dir():
            # A key made later would change which number of a pool people are shown.
            prepare_key(Path(settings.contacts), Path(settings.contacts_key))
        _write_all(files)
    except (InstallError, ContactsError, OSError) as error:
        said = _explain(error, Path(error.filename or asterisk_dir)) if isinstance(error, OSError) else error
        click.echo(f"Not installed: {said}", err=True)
        raise SystemExit(BAD_INPUT) from error
    click.echo(f"Callveil's files are in {asterisk_dir / FOLDER}.")
    _say_what_is_missing(asterisk_dir)


def _shipped(folder: str) -> list[Path]:
    return sorted((data_dir() / folder).glob("*.conf"))


def _require_folder(path: Path, option: str) -> None:
    if not path.is_dir():
        raise InstallError(f"there is no folder {path}. Name the right one with {option}.")


def _program(path: Path) -> str:
    text = str(path)
    if not path.is_absolute() or not _WORD.fullmatch(text):
        raise InstallError("write the full path of callveil-agi after --script, without spaces in it.")
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise InstallError(f"{path} is no program that can be started. Name callveil-agi with --script.")
    return text


def _secret_files(settings: SettingsPart, secret_file: Path | None, asterisk_dir: Path) -> list[_File]:
    """Return the manager users of Callveil and, where it is new, their secret."""
    files: list[_File] = []
    secret = "" if secret_file else settings.ami.secret
    if not secret:
        path = secret_file or Path(settings.ami.secret_file or SECRET_PATH)
        secret = _read_secret(path)
        if not secret:
            secret = secrets.token_hex(24)
            files.append(_File(path, f"{secret}\n".encode(), mode=0o640))
    for word in (secret, settings.ami.username):
        if not _WORD.fullmatch(word):
            raise InstallError(
                "the name and the secret of the AMI user may hold letters, digits and _.+/=- only."
                " Delete the secret, and a new one is made."
            )
    text = (data_dir() / "config" / MANAGER_FILE).read_text(encoding="utf-8")
    text = text.replace(PLACEHOLDER, secret).replace(SHIPPED_USER, f"[{settings.ami.username}")
    # Asterisk reads its secrets as the group that its own manager.conf has.
    own = asterisk_dir / MANAGER_FILE
    like = own if own.exists() else asterisk_dir
    files.append(_File(asterisk_dir / FOLDER / MANAGER_FILE, text.encode(), mode=0o640, like=like))
    return files


def _read_secret(path: Path) -> str:
    """Return the secret in a file; empty where there is no such file.

    Raises:
        InstallError: it holds none.
        OSError: it cannot be read.
    """
    _require_folder(path.parent, "--secret-file")
    try:
        secret = path.read_bytes().decode("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    if not secret:
        raise InstallError(f"{path} is empty. Delete it, and a new secret is made.")
    return secret


def _prompts(sounds_dir: Path) -> Iterator[_File]:
    """Return the prompts that are not there; one that a program has recorded itself stays."""
    for language in sorted((data_dir() / "dialplan" / "sounds").iterdir()):
        folder = sounds_dir / language.name
        if language.is_dir() and folder.is_symlink() and not folder.exists():
            raise InstallError(
                f"{folder} is a link to {folder.readlink()}, which is not there."
                " Mend it, or name another folder with --sounds."
            )
        for prompt in sorted((language / FOLDER).glob("*.wav")):
            target = folder / FOLDER / prompt.name
            if not target.exists():
                yield _File(target, prompt.read_bytes())


def _write_all(files: list[_File]) -> None:
    """Write every file, or none.

    Raises:
        OSError: one cannot be written; all that was there before still is, and nothing more.
    """
    with contextlib.ExitStack() as undo:
        for file in files:
            _make_folder(file.path.parent, undo)
            _write_draft(file, undo)
        for file in files:
            _draft(file.path).replace(file.path)
        undo.pop_all()


def _draft(path: Path) -> Path:
    return path.with_name(path.name + DRAFT)


def _make_folder(path: Path, undo: contextlib.ExitStack) -> None:
    """Make a folder that Asterisk's user can read whatever the umask is."""
    if path.is_dir():
        return
    _make_folder(path.parent, undo)
    path.mkdir()
    undo.callback(_quietly, path.rmdir)
    path.chmod(0o755)


def _write_draft(file: _File, undo: contextlib.ExitStack) -> None:
    """Write a file under another name, for the group of another file or else of its folder."""
    draft = _draft(file.path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    undo.callback(_quietly, draft.unlink)
    with os.fdopen(descriptor, "wb") as target:
        target.write(file.data)
        target.flush()
        os.fchmod(target.fileno(), file.mode)
        if os.geteuid() == 0:
            os.fchown(target.fileno(), 0, (file.like or file.path.parent).stat().st_gid)
        os.fsync(target.fileno())


def _quietly(remove: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        remove()


def _explain(error: OSError, path: Path) -> InstallError:
    path = path.with_suffix("") if path.suffix == DRAFT else path
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        return InstallError(f"this user may not use {path}. Run it as root.")
    return InstallError(f"{path} cannot be used ({error.strerror}).")


def _say_what_is_missing(asterisk_dir: Path) -> None:
    missing = [name for name in INCLUDED if not _is_included(asterisk_dir / name)]
    if not missing:
        click.echo("Every file of Asterisk's includes its part.")
        click.echo("If the policy has changed, run: asterisk -rx 'dialplan reload'")
        return
    click.echo(
        "Add one line to each of these files, at its end if nothing else is said, then restart Asterisk:"
    )
    for name in missing:
        click.echo(f"  {asterisk_dir / name}: #include callveil/{name}{_PLACES.get(name, '')}")


def _is_included(path: Path) -> bool:
    """Return whether a file of Asterisk's includes Callveil's; logger.conf must hold nothing else."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = [line.partition(";")[0].strip().replace('"', "") for line in text.splitlines()]
    wanted = f"#include callveil/{path.name}"
    return wanted in lines and (path.name != LOGGER_FILE or all(line in ("", wanted) for line in lines))
