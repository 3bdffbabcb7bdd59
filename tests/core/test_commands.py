"""What every command does when something is wrong: one sentence, an exit code, no traceback."""

import io
import logging
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.db import InterfaceError, OperationalError, connection
from psycopg import errors
from structlog.testing import capture_logs

from core import correlation
from core.commands import ProjectCommand
from core.errors import Busy, DatabaseAway
from core.models import RequestOrigin
from tests.commands import FullDisk
from tests.databases import database_url, empty_database


class Trouble(ProjectCommand):
    """A command that runs a given function."""

    may_change = False

    def __init__(self, work: Callable[[ProjectCommand], object]) -> None:
        super().__init__(stdout=io.StringIO(), stderr=io.StringIO())
        self.work = work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--time-zone")
        parser.add_argument("--folder", type=Path)

    def describe_work_done(self) -> str:
        return "Nothing was changed."

    def run(self, *_: Any, **__: Any) -> None:
        self.work(self)


def _raise(error: BaseException) -> Callable[[ProjectCommand], object]:
    def work(_: ProjectCommand) -> None:
        raise error

    return work


def _missing_table() -> OperationalError:
    error = OperationalError("relation “core_casino” does not exist")
    error.__cause__ = errors.UndefinedTable("relation does not exist")
    return error


NOWHERE = "postgres://nobody@127.0.0.1:1/nothing"
READING = [
    ("report",),
    ("player_balance", "--casino", "a", "--card", "1"),
    ("verify_ledger",),
    ("check_invariants",),
    ("prove_entry", "1"),
]
WRITING = [
    ("recover_slip_loyalty",),
    ("import_rating_events", "none.csv", "--casino", "a"),
    ("load_casino", ".", "--code", "a"),
    ("checkpoint",),
    ("clearsessions",),
    ("rebuild_balances", "--dry-run"),
    ("reset_second_factor", "--username", "a"),
]
NEED_NO_DATABASE = {"new_request_key", "compare_checkpoints"}
OF_DJANGO = {"createsuperuser", "changepassword"}
OWN_COMMANDS = {
    name: app
    for name, app in get_commands().items()
    if app in {"core", "loyalty", "ratingslips"} and name not in OF_DJANGO
}


class TestEveryCommand:
    @pytest.mark.parametrize("name", sorted(OWN_COMMANDS))
    def test_is_a_house_command_with_a_help_text(self, name: str) -> None:
        command = load_command_class(str(OWN_COMMANDS[name]), name)

        assert isinstance(command, ProjectCommand)
        assert command.help


class TestCommandOfDjango:
    @pytest.mark.parametrize("name", sorted(OF_DJANGO))
    def test_is_recorded_like_the_others(self, name: str, db: None) -> None:
        with suppress(CommandError):
            call_command(name, "nobody" if name == "changepassword" else "--noinput")

        assert RequestOrigin.objects.get().origin == name


class TestProjectCommand:
    @pytest.mark.parametrize(
        ("error", "code", "words"),
        [
            (Busy(), 1, "Somebody else is working on this just now."),
            (KeyboardInterrupt(), 130, "Interrupted. Nothing was changed."),
            (ImproperlyConfigured("SECRET_KEY is empty."), 1, "The settings are wrong: SECRET_KEY is empty."),
            (
                OperationalError("connection refused\nIs it up?"),
                3,
                "The database cannot be reached: connection refused. Nothing was changed.",
            ),
            (
                InterfaceError("connection already closed"),
                3,
                "The database cannot be reached: connection already closed. Nothing was changed.",
            ),
            (DatabaseAway(), 3, "The database is away for a moment."),
            (_missing_table(), 1, "The database is not set up for this version: run “manage.py migrate” first."),
            (CommandError("So not.", returncode=2), 2, "So not."),
        ],
    )
    def test_turns_trouble_into_a_sentence_and_an_exit_code(self, error: BaseException, code: int, words: str) -> None:
        with pytest.raises(CommandError) as refusal:
            call_command(Trouble(_raise(error)))

        assert (refusal.value.returncode, str(refusal.value).startswith(words)) == (code, True)

    def test_leaves_a_mistake_of_our_own_its_traceback(self) -> None:
        with pytest.raises(ZeroDivisionError):
            call_command(Trouble(lambda _: 1 / 0))

    def test_binds_one_correlation_id_for_the_run(self) -> None:
        found: list[object] = []

        call_command(Trouble(lambda _: found.extend([correlation.current(), correlation.current()])))
        call_command(Trouble(lambda _: found.append(correlation.current())))

        assert found[0] == found[1] != found[2]

    @pytest.mark.parametrize("text", ["\udcff", "harbour\udce9"])
    def test_refuses_an_option_whose_bytes_are_no_text(self, text: str) -> None:
        done: list[object] = []

        with pytest.raises(CommandError) as refusal:
            call_command(Trouble(done.append), time_zone=text)

        assert (refusal.value.returncode, done) == (2, [])
        assert str(refusal.value).startswith("--time-zone is not valid UTF-8: “")
        assert str(refusal.value).isprintable()

    def test_takes_a_path_of_any_bytes(self) -> None:
        done: list[object] = []

        call_command(Trouble(done.append), folder=Path("\udcff"))

        assert len(done) == 1

    def test_goes_on_when_its_reader_has_gone_away(self) -> None:
        class GoneAway(io.StringIO):
            def flush(self) -> None:
                raise BrokenPipeError

        def work(command: ProjectCommand) -> None:
            command.say("one")
            command.say("two")

        call_command(Trouble(work), stdout=GoneAway())

    @pytest.mark.parametrize("end", [None, CommandError("3 of them failed.", returncode=3)])
    def test_goes_on_to_its_end_where_the_disk_is_full(self, end: CommandError | None) -> None:
        done: list[str] = []

        def work(command: ProjectCommand) -> None:
            for what in ("one", "two"):
                command.write_progress(what)
                command.say(what)
                done.append(what)
            if end:
                raise end

        command = Trouble(work)
        with pytest.raises(CommandError) as error:
            call_command(command, stdout=FullDisk(), stderr=FullDisk())

        told = (str(error.value), error.value.returncode)
        assert done == ["one", "two"]
        assert told == (("3 of them failed.", 3) if end else ("Some of the result may be lost.", 1))

    def test_finishes_its_work_where_the_terminal_lacks_a_letter(self) -> None:
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

        def work(command: ProjectCommand) -> None:
            command.say("José")
            command.say("all of it")

        with pytest.raises(CommandError, match="Some of the result may be lost"):
            call_command(Trouble(work), stdout=terminal)

        assert terminal.buffer.getvalue() == b"all of it\n"

    def test_keeps_its_findings_apart_from_a_mistake_of_our_own(self) -> None:
        command = Trouble(_raise(ZeroDivisionError()))
        command.could_not_run = 2  # type: ignore[misc]

        with capture_logs() as lines, pytest.raises(CommandError, match="An unexpected error") as error:
            call_command(command)

        assert error.value.returncode == 2
        assert [(line["event"], line["exc_info"]) for line in lines] == [("core.command_failed", True)]

    @pytest.mark.parametrize(("verbosity", "level"), [(1, logging.ERROR), (2, logging.INFO)])
    def test_keeps_the_log_calm_on_a_terminal_unless_asked(
        self, monkeypatch: pytest.MonkeyPatch, verbosity: int, level: int
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        found: list[int] = []

        call_command(Trouble(lambda _: found.append(logging.getLogger().level)), verbosity=verbosity)

        assert found == [level]
        assert logging.getLogger().level == logging.INFO

    def test_keeps_the_whole_log_where_nobody_watches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
        found: list[int] = []

        call_command(Trouble(lambda _: found.append(logging.getLogger().level)))

        assert found == [logging.INFO]


def _manage(
    *arguments: str | bytes, database: str, line: str = '"$@"', **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py` with the arguments as `"$@"` in a line of the shell."""
    return subprocess.run(
        ["/bin/sh", "-c", line, "sh", sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "DATABASE_URL": database,
            "LOCAL_SERVER": "test",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.django_db
@pytest.mark.slow
class TestACommandInAShell:
    def test_says_that_the_database_is_not_set_up(self) -> None:
        assert connection.is_usable()
        with empty_database("commands") as name:
            ran = _manage("report", database=database_url(name))

        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == (
            "CommandError: The database is not set up for this version: run “manage.py migrate” first. "
            "A report changes nothing.\n"
        )

    @pytest.mark.shows(48)
    @pytest.mark.parametrize(
        ("is_there", "words", "commands"),
        [
            (False, "The database cannot be reached: connection failed", [*WRITING, *READING]),
            (True, "The database is read-only: it is a standby", WRITING),
        ],
        ids=["away", "read-only"],
    )
    def test_says_in_one_line_that_the_database_is(
        self, is_there: bool, words: str, commands: Sequence[Sequence[str]]
    ) -> None:
        assert {name for name, *_ in (*WRITING, *READING)} >= OWN_COMMANDS.keys() - NEED_NO_DATABASE
        each = f"""
from django.core.management import CommandError, call_command
for arguments in {commands}:
    try:
        call_command(*arguments)
    except CommandError as error:
        print(arguments[0], error.returncode, error)
"""
        address = f"{database_url()}?options=-c+default_transaction_read_only%3Don" if is_there else NOWHERE

        ran = _manage("shell", "--no-imports", "-c", each, database=address, DATABASE_WAIT_SECONDS="0")

        told = [line.split(maxsplit=2) for line in ran.stdout.splitlines()]
        assert [(name, code) for name, code, _ in told] == [(name, "3") for name, *_ in commands]
        assert all(sentence.startswith(words) for *_, sentence in told)
        assert "Nothing is owed" not in ran.stdout
        assert "Traceback" not in ran.stderr

    @pytest.mark.parametrize("name", ["migrate", "createsuperuser"])
    def test_of_django_says_it_too(self, name: str) -> None:
        ran = _manage(name, database=NOWHERE, DATABASE_WAIT_SECONDS="0")

        assert ran.returncode == 3
        assert ran.stderr.startswith("The database cannot be reached: connection failed")
        assert len(ran.stderr.splitlines()) == 1

    def test_ends_with_2_where_it_is_used_wrongly(self) -> None:
        ran = _manage("report", "--day", "yesterday", database="postgres://nobody@127.0.0.1:1/nothing")

        assert ran.returncode == 2
        assert "“yesterday” is not a day" in ran.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ("report", "--casino", b"\xff"),
            ("recover_slip_loyalty", "--slip", b"\xff"),
            ("load_casino", ".", "--code", "a", "--name", b"\xff"),
            ("import_rating_events", "none.csv", "--casino", b"caf\xe9"),
        ],
        ids=lambda arguments: arguments[0],
    )
    def test_ends_with_2_if_an_option_is_no_text(self, arguments: tuple[str | bytes, ...]) -> None:
        ran = _manage(*arguments, database="postgres://nobody@127.0.0.1:1/nothing")

        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("CommandError: --")
        assert "is not valid UTF-8" in ran.stderr

    def test_does_not_mind_a_reader_that_leaves_early(self) -> None:
        ran = _manage("report", "--json", database=database_url(), line='"$@" | true')

        assert ran.stderr == ""

    @pytest.mark.django_db(transaction=True)
    def test_ends_with_its_code_if_the_disk_is_full(self) -> None:
        database = database_url()

        told = _manage("verify_ledger", database=database, line='"$@" >/dev/full')
        untold = _manage("verify_ledger", database=database, line='"$@" >/dev/full 2>&1')
        unwatched = _manage("verify_ledger", database=database, line='"$@" 2>/dev/full')

        assert told.stderr.endswith("CommandError: Some of the result may be lost.\n")
        assert (told.returncode, untold.returncode, unwatched.returncode) == (2, 2, 0)

    @pytest.mark.parametrize(
        ("line", "arguments", "code"),
        [('"$@" 2>/dev/full', ("report", "--day", "yesterday"), 2), ('"$@" >&- 2>&-', ("verify_ledger",), 3)],
    )
    def test_ends_with_its_code_where_nobody_can_be_told_so(
        self, line: str, arguments: tuple[str, ...], code: int
    ) -> None:
        ran = _manage(*arguments, database=NOWHERE, line=line, DATABASE_WAIT_SECONDS="0")

        assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")
