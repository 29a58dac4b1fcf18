"""`callveil status`: says whether all is well now, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from callveil.cli.options import policy_option, read_settings, settings_option
from callveil.cli.problems import COULD_NOT_CHECK, FINDING, FINE, echo_json, exit_with_problems
from callveil.policy.load import PolicyError, load_policy
from callveil.policy.model import Policy
from callveil.troubles_file import read_troubles
from callveil.trunk_report import Outcome, TrunkReport, in_local_time, report_on
from callveil.trunk_state import read_state

NONE_LEFT: Final = (
    "No trunk is left for hidden calls. Each call that must be hidden is refused, and staff hear why."
)


@click.command(epilog="Example: callveil status --json")
@policy_option
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(policy_path: Path, settings_path: Path | None, *, as_json: bool) -> None:
    """Say what is wrong now, and by which trunks hidden calls leave, and why not by others.

    Callveil sees this while it runs; the command tells what it has seen. Nothing is changed.
    """
    try:
        policy = load_policy(policy_path)
    except PolicyError as error:
        exit_with_problems(error, as_json=as_json)
    settings = read_settings(settings_path)
    reports = _trunks(policy, settings.trunks, datetime.now(UTC))
    troubles, unknown = _troubles(settings.troubles, datetime.now(UTC))
    code = _worst(exit_code(reports), FINDING if troubles else FINE, COULD_NOT_CHECK if unknown else FINE)
    if as_json:
        said = {"troubles": troubles, "unknown": unknown}
        echo_json({"ok": code == FINE, **said, "trunks": [_as_data(report) for report in reports]})
    else:
        for line in _lines(reports):
            click.echo(line)
        for text in troubles.values():
            click.echo(f"Wrong now: {text}")
        if unknown:
            click.echo(unknown)
    raise SystemExit(code)


def exit_code(reports: list[TrunkReport]) -> int:
    """Return what the command ends with: a finding weighs more than what could not be checked."""
    outcomes = {report.outcome for report in reports}
    if Outcome.NOT_USED in outcomes:
        return FINDING
    return COULD_NOT_CHECK if Outcome.UNKNOWN in outcomes else FINE


def _worst(*codes: int) -> int:
    return next((code for code in (FINDING, COULD_NOT_CHECK) if code in codes), FINE)


def _troubles(path: Path, now: datetime) -> tuple[dict[str, str], str]:
    """Return what the daemon says is wrong, or why that is not known."""
    try:
        said = read_troubles(path)
    except FileNotFoundError:
        return {}, f"Could not check: Callveil does not run, or cannot write {path}."
    except (OSError, ValueError):
        return {}, f"Could not check: {path} cannot be read. Run this as root."
    if said.is_old(now):
        return {}, f"Could not check: Callveil does not run. It last did {in_local_time(said.written)}."
    return dict(said.troubles), ""


def _trunks(policy: Policy, path: Path, now: datetime) -> list[TrunkReport]:
    try:
        path.open("rb").close()
    except FileNotFoundError:
        pass  # nothing is known yet, which each report says
    except OSError as error:
        click.echo(f"Could not check. {path} cannot be read ({error.strerror}). Run it as root.", err=True)
        raise SystemExit(COULD_NOT_CHECK) from error
    states = read_state(path)
    return [report_on(trunk, states.get(trunk.key), now) for trunk in policy.trunks]


def _lines(reports: list[TrunkReport]) -> list[str]:
    lines: list[str] = []
    for report in reports:
        lines.append(report.text)
        lines += [f"  Worth a look: {remark}" for remark in report.remarks]
        if report.looked:
            lines.append(f"  Last checked {in_local_time(report.looked)}.")
    if all(report.outcome is Outcome.NOT_USED for report in reports):
        lines.append(NONE_LEFT)
    return lines


def _as_data(report: TrunkReport) -> dict[str, object]:
    return {
        "trunk": report.trunk,
        "outcome": report.outcome.value,
        "text": report.text,
        "faults": report.faults,
        "risks": report.risks,
        "checked": report.looked.isoformat(timespec="minutes") if report.looked else None,
    }
