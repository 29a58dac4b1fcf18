"""``callveil check``: is the policy file right, and what does it mean?"""

from __future__ import annotations

from pathlib import Path

import click

from callveil.cli.options import policy_option
from callveil.cli.problems import as_data, echo_json, exit_with_problems
from callveil.policy.compiled import write_compiled
from callveil.policy.describe import describe_line
from callveil.policy.load import load_policy_file
from callveil.policy.problems import PolicyError, Problem


@click.command(epilog="Example: callveil check --policy /etc/callveil/policy.yaml")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--compile",
    "compiled_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Also write the compiled policy there, which scripts started for each call read.",
)
def check(policy_path: Path, *, as_json: bool, compiled_path: Path | None) -> None:
    """Check the policy file: print every mistake with its place, or what each line does.

    Nothing that runs takes notice of it: a changed policy is in force after a reload.
    """
    try:
        loaded = load_policy_file(policy_path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)
    if compiled_path is not None:
        try:
            write_compiled(compiled_path, loaded.policy, loaded.sha256)
        except OSError as error:
            problem = Problem(str(compiled_path), 0, 0, f"This cannot be written ({error.strerror}).")
            exit_with_problems(PolicyError([problem]), as_json=as_json)
    summaries = {line.key: describe_line(line, loaded.policy) for line in loaded.policy.lines}
    if as_json:
        echo_json({"ok": True, "problems": [], "notes": as_data(loaded.notes), "lines": summaries})
        return
    click.echo(f"{policy_path}: fine.")
    for key, summary in summaries.items():
        click.echo(f"{key}: {summary}")
    for note in loaded.notes:
        click.echo(str(note))
