from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from callveil.cli.main import cli
from callveil.contacts import change
from callveil.contacts.book import ContactBook
from callveil.contacts.model import Contact
from click.testing import CliRunner, Result
from unit.policy_texts import GOOD

NUMBER = "+12065550142"
TYPED = ["+12065550142", "2065550142", "(206) 555-0142", "1-206-555-0142", "011 1 206 555 0142"]
IN_VIEW = "A number must not stand on the command line."
UTC = ("--zone", "UTC")


class Program:
    """The command, with files of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "contacts.sqlite3"
        self.key = folder / "contacts.key"
        (folder / "policy.yaml").write_text(GOOD, encoding="utf-8")
        (folder / "settings.yaml").write_text(
            f"contacts: {self.path}\ncontacts_key: {self.key}\n", encoding="utf-8"
        )
        self.files = ["--policy", f"{folder}/policy.yaml", "--settings", f"{folder}/settings.yaml"]

    def run(self, *words: str, stdin: str | bytes = f"{NUMBER}\n") -> Result:
        result = CliRunner().invoke(cli, ["contact", *words, *self.files], input=stdin)
        assert "5550142" not in re.sub(r"[^0-9]", "", result.output)
        return result

    def kept(self) -> Contact | None:
        book = ContactBook(self.path, self.key)
        try:
            return book.contact(NUMBER, date.today())
        finally:
            book.close()

    def refuses(self, *words: str, stdin: str | bytes = f"{NUMBER}\n") -> str:
        result = self.run(*words, stdin=stdin)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert not self.path.exists()
        assert not self.key.exists()
        return result.stderr


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


# What is agreed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outbound", "hide"], "Calls to this person are hidden."),
        (
            ["--outbound", "neutral"],
            "Calls to this person show the neutral number, because hidden calls do not get through.",
        ),
        (["--outbound", "clinic"], "Calls to this person show +12065550177 (Westside Clinic)."),
        (
            ["--hours", "mon-fri 9:00-17:00", "--zone", "America/Los_Angeles"],
            "May be called Monday to Friday 09:00 to 17:00 (America/Los_Angeles); at other times staff must "
            "press 1 first.",
        ),
        (
            ["--outbound", "hide", "--hours", "sat,sun 10:00-12:00", "--hours", "mon 22:00-06:00", *UTC],
            "Calls to this person are hidden. May be called Saturday and Sunday 10:00 to 12:00; Monday 22:00 "
            "to 06:00 of the next day (UTC); at other times staff must press 1 first.",
        ),
        (
            ["--outbound", "hide", "--expires", "2099-01-31"],
            "Calls to this person are hidden. Forgotten after 31 January 2099.",
        ),
    ],
)
def test_add_and_show_say_the_same(program: Program, words: list[str], said: str) -> None:
    first = program.run("add", *words)
    assert (first.exit_code, first.output) == (0, f"Kept. {said}\n")
    assert program.run("show").output == f"{said}\n"
    again = program.run("add", *words)
    assert (again.exit_code, again.output) == (0, f"Kept, in place of what was agreed before. {said}\n")


@pytest.mark.parametrize("typed", TYPED)
def test_every_spelling_is_the_same_person(program: Program, typed: str) -> None:
    assert program.run("add", "--outbound", "hide", stdin=f"{typed}\nmore\n").exit_code == 0
    assert program.kept() == Contact("hide")
    assert program.run("remove").output == "Forgotten.\n"


def test_nothing_agreed_and_nothing_to_remove(program: Program) -> None:
    for word in ("show", "remove"):
        result = program.run(word)
        assert (result.exit_code, result.output) == (0, "Nothing is agreed with this number.\n")
    assert not program.path.exists()
    assert not program.key.exists()


def test_days_are_counted_from_today(program: Program) -> None:
    program.run("add", "--outbound", "hide", "--expires", "90d")
    assert program.kept() == Contact("hide", expires=date.today() + timedelta(days=90))
    program.run("add", "--outbound", "hide", "--expires", date.today().isoformat())
    assert program.kept() == Contact("hide", expires=date.today())


def test_json(program: Program) -> None:
    assert json.loads(program.run("show", "--json").output) == {"agreed": False}
    words = ["--hours", "mon-fri 09:00-17:00", "--zone", "America/Los_Angeles", "--expires", "2099-01-31"]
    program.run("add", "--outbound", "clinic", *words)
    assert json.loads(program.run("show", "--json").output) == {
        "agreed": True,
        "outbound": "clinic",
        "hours": ["mon-fri 09:00-17:00"],
        "zone": "America/Los_Angeles",
        "expires": "2099-01-31",
    }
    program.run("add", "--outbound", "hide")
    assert json.loads(program.run("show", "--json").output) == {
        "agreed": True,
        "outbound": "hide",
        "hours": [],
        "zone": None,
        "expires": None,
    }


def test_a_rule_whose_identity_is_gone_is_said_to_hide(program: Program) -> None:
    program.run("add", "--outbound", "clinic")
    (program.folder / "policy.yaml").write_text(GOOD.replace("clinic", "branch"), encoding="utf-8")
    said = program.run("show").output
    assert said == 'Calls to this person are hidden, because the policy no longer has "clinic".\n'


def test_the_machines_zone_is_used_where_it_is_known(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callveil.contacts.zone.machine_zone", lambda: "Europe/Berlin")
    assert "(Europe/Berlin)" in program.run("add", "--hours", "daily 09:00-17:00").output


@pytest.mark.parametrize("word", ["show", "remove", "add"])
def test_every_command_forgets_what_has_expired(program: Program, word: str) -> None:
    over = Contact("hide", expires=date.today() - timedelta(days=1))
    change.keep(program.path, program.key, NUMBER, over)
    options = ["--outbound", "clinic"] if word == "add" else []
    result = program.run(word, *options, stdin="+12065550143\n")
    assert result.exit_code == 0
    assert change.forget_expired(program.path, date.today()) == 0
    assert program.kept() is None


# What is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say what is agreed: --outbound, --hours, or both."),
        (["--expires", "90d"], "Say what is agreed: --outbound, --hours, or both."),
        (["--outbound", ""], "Say what is agreed: --outbound, --hours, or both."),
        (["--outbound", "hide", *UTC], "--zone belongs to --hours."),
        (["--outbound", "Hide"], "--outbound must be one of these: hide, neutral, office, clinic."),
        (["--outbound", NUMBER], "--outbound must be one of these: hide, neutral, office, clinic."),
        (["--hours", NUMBER, *UTC], "These hours must be days and then times."),
        (["--hours", "mon 9-17", *UTC], "Times are two of the 24-hour clock"),
        (["--hours", "mon 09:00-17:00", "--zone", NUMBER], "No time zone has this name."),
        (["--hours", "mon 09:00-17:00", "--zone", "Los Angeles"], "No time zone has this name."),
        (["--hours", "mon 09:00-17:00"] * 21 + [*UTC], "More than 20 hours"),
        (["--outbound", "hide", "--expires", NUMBER], "--expires takes a number of days"),
        (["--outbound", "hide", "--expires", "0d"], "--expires takes a number of days"),
        (["--outbound", "hide", "--expires", "3651d"], "--expires takes 1 to 3650 days."),
        (["--outbound", "hide", "--expires", "2020-01-31"], "The last day is over already."),
        (["--outbound", "hide", "--expires", "2099-02-30"], "--expires takes a number of days"),
    ],
)
def test_a_rule_that_is_none(program: Program, words: list[str], said: str) -> None:
    assert said in program.refuses("add", *words)


def test_hours_without_a_zone_that_is_known(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callveil.contacts.zone.machine_zone", lambda: "")
    assert "The time zone of this machine is not known." in program.refuses(
        "add", "--hours", "mon 09:00-17:00"
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("911", "This is an emergency number."),
        ("*67911", "This is an emergency number."),
        ("9 1 1", "This is an emergency number."),
        ("988", "This is an emergency number."),
        ("411", "This is a service number"),
        ("*67 2065550142", "This is no telephone number"),
        ("5550142", "This is no telephone number"),
        ("20655501420", "This is no telephone number"),
        ("+1206555014", "This is no telephone number"),
        ("somebody", "This is no telephone number"),
        ("٢٠٦٥٥٥٠١٤٢", "This is no telephone number"),
        ("", "This is no telephone number"),
        (b"\xff\xfe\n", "This is no telephone number"),
        (b"9" * 100_000, "This is no telephone number"),
    ],
)
@pytest.mark.parametrize("words", [["add", "--outbound", "hide"], ["show"], ["remove"]])
def test_what_is_no_persons_number(program: Program, typed: str | bytes, said: str, words: list[str]) -> None:
    told = program.refuses(*words, stdin=typed)
    assert said in told
    assert told.endswith("Nothing was changed.\n")


@pytest.mark.parametrize(
    "word", ["12065550142", NUMBER, "206-555-0142", "--12065550142", "-2065550142", "x20655501"]
)
@pytest.mark.parametrize("words", [["add", "--outbound", "hide"], ["show"], ["remove"], []])
def test_a_number_on_the_command_line_is_refused_and_not_repeated(
    program: Program, words: list[str], word: str
) -> None:
    told = program.refuses(*words, word)
    assert IN_VIEW in told
    assert "history of your shell" in told
    assert "5501" not in told


def test_other_words_are_refused_too(program: Program) -> None:
    assert '"--outbond" has no meaning here.' in program.refuses("add", "--outbond", "hide")
    assert '"hide" has no meaning here.' in program.refuses("add", "hide")
    assert "No such command 'forget'" in program.refuses("forget")


def test_a_bad_policy_or_settings_change_nothing(program: Program) -> None:
    (program.folder / "settings.yaml").write_text("contacts: here\n", encoding="utf-8")
    result = program.run("add", "--outbound", "hide")
    assert result.exit_code == 2 or "Write a full path" in str(result.exception)
    (program.folder / "policy.yaml").write_text("version: 1\n", encoding="utf-8")
    assert "policy.yaml" in program.refuses("add", "--outbound", "hide")
    result = program.run("show", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["problems"]


def test_contacts_that_cannot_be_read_or_changed(program: Program) -> None:
    program.run("add", "--outbound", "hide")
    program.key.unlink()
    for words, said in (
        (["show"], "Could not check. The contacts' key "),
        (["show", "--json"], "Could not check. The contacts' key "),
        (["remove"], "Nothing was changed. The contacts' key "),
        (["add", "--outbound", "clinic"], "Nothing was changed. The contacts' key "),
    ):
        result = program.run(*words)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith(said)


# At a terminal


class Terminal:
    """The command at a terminal of its own, where somebody types when asked."""

    def __init__(self, program: Program, *words: str) -> None:
        self.shown = b""
        self.process, self._master = pty.fork()
        if self.process == 0:
            command = [sys.executable, "-c", "from callveil.cli.main import main; main()", "contact"]
            os.execv(sys.executable, [*command, *words, *program.files])  # noqa: S606

    def answer(self, question: str, typed: str) -> None:
        deadline = time.monotonic() + 20
        while not self.shown.endswith(question.encode()):
            assert time.monotonic() < deadline, self.shown
            self._read(0.5)
        self.shown += b"<here>"
        # A prompt may be seen a moment before the terminal has stopped to echo.
        time.sleep(0.2)
        os.write(self._master, typed.encode() + b"\r")

    def end(self) -> tuple[int, str]:
        while self._read(20):
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self._master)
        return os.waitstatus_to_exitcode(status), self.shown.decode()

    def _read(self, timeout: float) -> bool:
        if not select.select([self._master], [], [], timeout)[0]:
            return False
        try:
            more = os.read(self._master, 4096)
        except OSError:  # the other end is closed
            return False
        self.shown += more
        return bool(more)


def test_at_a_terminal_the_number_is_asked_twice_and_never_shown(program: Program) -> None:
    terminal = Terminal(program, "add", "--outbound", "hide")
    terminal.answer("Number (not shown): ", "2065550142")
    with open(f"/proc/{terminal.process}/cmdline", "rb") as file:
        assert b"5550142" not in file.read()
    terminal.answer("Once more: ", "+1 206 555 0142")
    code, shown = terminal.end()
    assert code == 0
    assert "Kept. Calls to this person are hidden." in shown
    assert "555" not in shown
    assert program.kept() == Contact("hide")


def test_two_different_numbers_keep_nothing(program: Program) -> None:
    terminal = Terminal(program, "add", "--outbound", "hide")
    terminal.answer("Number (not shown): ", "2065550142")
    terminal.answer("Once more: ", "2065550143")
    code, shown = terminal.end()
    assert code == 2
    assert "These were two different numbers. Nothing was changed." in shown
    assert "555" not in shown
    assert not program.path.exists()


@pytest.mark.parametrize(("word", "said"), [("show", "are hidden."), ("remove", "Forgotten.")])
def test_other_commands_ask_once(program: Program, word: str, said: str) -> None:
    program.run("add", "--outbound", "hide")
    terminal = Terminal(program, word)
    terminal.answer("Number (not shown): ", "2065550142")
    code, shown = terminal.end()
    assert code == 0
    assert said in shown
    assert "555" not in shown


def test_the_terminals_test_would_see_an_echo() -> None:
    shown = subprocess.run(
        ["script", "-qec", "cat", "/dev/null"],
        input=b"5550142\n",
        capture_output=True,
        check=False,
        timeout=20,
    ).stdout
    assert b"5550142" in shown
