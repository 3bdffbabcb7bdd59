"""The base of the project's commands: one correlation id for each run, one sentence for each error, and exit codes.

Results go to standard output, progress and the log to standard error. On a terminal the log shows only errors, unless
`-v 2` asks for all of it. Exit codes: 0 done, 1 something failed or was refused, 2 wrong use, 3 the database is away
or cannot be written, 130 interrupted by Ctrl-C or SIGTERM.

Output that cannot be written, on a full disk or on a terminal that lacks a letter, follows two rules: the work is
finished, and the exit code is not 0 if part of the result is lost.
"""

import logging
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Final, TextIO

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError, OperationalError

from core import correlation, origins
from core.errors import DatabaseAway, DomainError
from core.jobs import record_success
from core.models import Casino, User
from core.retries import is_connection_lost, is_database_away, is_read_only
from core.run_counts import RunCounts
from core.standby import writing
from core.stopping import sigterm_as_interrupt

log = structlog.get_logger(__name__)

FAILED: Final = 1
WRONG_USE: Final = 2
DATABASE_AWAY: Final = 3
INTERRUPTED: Final = 130
ALL_OF_THE_LOG: Final = 2
_UNDEFINED_TABLE: Final = "42P01"
_UNDEFINED_COLUMN: Final = "42703"
INSUFFICIENT_PRIVILEGE: Final = "42501"
RIGHTS_ARE_MISSING: Final = (
    "The database refuses this to its role: run “manage.py migrate”, which gives each role its rights."
)


class Output(OutputWrapper):
    """Output that never ends a command: what cannot be written is lost, and `is_complete` is false from then on."""

    _out: TextIO
    is_complete: bool = True

    def write(  # type: ignore[override]
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        """Write and flush. A reader that has closed the pipe wants no more: then nothing is lost."""
        try:
            super().write(msg, style_func, ending)
            self.flush()
        except (OSError, UnicodeError) as error:
            self.is_complete = self.is_complete and isinstance(error, BrokenPipeError)


class ProjectCommand(BaseCommand):
    """Base class of the project's commands. Subclasses write `run` and `describe_work_done`.

    A command that may change something records one row with its correlation id and the person whom `--by` names, and
    needs a database that it can write. If exit code 1 means that the command found something, `could_not_run` is
    the exit code for a check that could not be made.
    """

    stdout: Output
    stderr: Output
    run_counts: RunCounts
    may_change: ClassVar[bool] = True
    could_not_run: ClassVar[int] = FAILED

    @abstractmethod
    def run(self, *args: Any, **options: Any) -> None:
        """Do the work; raise `CommandError` for an exit code other than 0."""

    @abstractmethod
    def describe_work_done(self) -> str:
        """Return one sentence about what an interrupted run has done."""

    @property
    def name(self) -> str:
        """The name by which `manage.py` calls it."""
        return type(self).__module__.rpartition(".")[2]

    def get_version(self) -> str:
        """The version of the product, for `--version`."""
        return str(settings.VERSION)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the shell. Wrong options end with 2, also where argparse of Python 3.11.2 cannot write why."""
        try:
            super().run_from_argv(argv)
        except OSError:
            if isinstance(self.stdout, Output):  # The options were right, and the command has begun.
                raise
            sys.exit(WRONG_USE)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Write to `Output`, also the sentence of an error."""
        self.stdout = Output(options.pop("stdout", None) or self.stdout._out)
        self.stderr = Output(options.pop("stderr", None) or self.stderr._out)
        return super().execute(*args, **options)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run under a new correlation id and turn each error into a sentence and an exit code.

        :raises CommandError: something failed, or part of the result is lost.
        """
        needs_writing = writing() if self.may_change else nullcontext()
        log_level = _errors_only_on_terminal(verbosity=options["verbosity"])
        with correlation.bound(), sigterm_as_interrupt(), log_level, needs_writing:
            try:
                _require_text(options)
                if self.may_change:
                    origins.record_command(self.name, actor=_person(options))
                self.run_counts = RunCounts(self.name)
                with self.run_counts.kept_at_end():
                    self.run(**options)
            except KeyboardInterrupt:
                raise CommandError(f"Interrupted. {self.describe_work_done()}", returncode=INTERRUPTED) from None
            except CommandError:
                raise
            except Exception as error:
                sentence = sentence_for(error)
                if sentence is None:
                    if self.could_not_run == FAILED:
                        raise
                    log.exception("core.command_failed")
                    sentence = "An unexpected error; its traceback is in the log."
                if is_database_away(error) or not isinstance(error, (DomainError, ImproperlyConfigured)):
                    sentence = f"{sentence} {self.describe_work_done()}"
                code = DATABASE_AWAY if is_database_away(error) else self.could_not_run
                raise CommandError(sentence, returncode=code) from error
        if not self.stdout.is_complete:
            raise CommandError("Some of the result may be lost.", returncode=self.could_not_run)

    def record_success(self, options: str = "", *, read_up_to: Mapping[str, Any] | None = None) -> None:
        """Record that all work of this job was done just now; if the database is read-only, only say so."""
        try:
            record_success(f"{self.name} {options}".strip(), read_up_to=read_up_to)
        except DatabaseError as error:
            self.write_progress(f"The time of this run could not be recorded: {str(error).splitlines()[0]}.")

    def say(self, text: str) -> None:
        """Write a line of the result."""
        self.stdout.write(text)

    def write_progress(self, text: str, *, ending: str = "\n") -> None:
        """Write a line about the run to standard error."""
        self.stderr.write(text, style_func=str, ending=ending)


@contextmanager
def _errors_only_on_terminal(*, verbosity: int) -> Iterator[None]:
    """Log only errors if standard error is a terminal, unless `verbosity` asks for the whole log."""
    root = logging.getLogger()
    before = root.level
    if sys.stderr.isatty() and verbosity < ALL_OF_THE_LOG:
        root.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        root.setLevel(before)


def _require_text(options: Mapping[str, object]) -> None:
    """Refuse an option that is not valid UTF-8, which the database would not take. A path may be any bytes.

    :raises CommandError: naming the option.
    """
    for name, value in options.items():
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                shown = value.encode(errors="backslashreplace").decode()
                raise CommandError(
                    f"--{name.replace('_', '-')} is not valid UTF-8: “{shown}”.", returncode=WRONG_USE
                ) from None


def _person(options: Mapping[str, object]) -> User | None:
    """For whom a command acts; nobody too if there is no such login, which `staff_with_login` then refuses."""
    by = options.get("by")
    return User.objects.filter(username=by).first() if by else None


def casino_with_code(code: str) -> Casino:
    """Find the casino that an option names.

    :raises CommandError: there is no casino with this code.
    """
    casino = Casino.objects.filter(code=code).first()
    if casino is None:
        known = ", ".join(Casino.objects.values_list("code", flat=True)[:20])
        advice = f"There are: {known}." if known else "Load one with load_casino."
        raise CommandError(f"There is no casino “{code}”. {advice}", returncode=WRONG_USE)
    return casino


def staff_with_login(username: str | None) -> User:
    """The member of staff that an option names.

    :raises CommandError: there is none.
    """
    staff: User | None = User.objects.filter(username=username).first()
    if staff is None:
        raise CommandError(f"There is nobody with the login “{username}”.", returncode=WRONG_USE)
    return staff


def sentence_of_lost_database(error: DatabaseError | InterfaceError) -> str:
    """What to tell a person about the loss of the database, in one line."""
    if is_read_only(error):
        return (
            "The database is read-only: it is a standby, or about to become one. Run this with the DATABASE_URL of the "
            "primary, or again in a minute."
        )
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"The database cannot be reached: {reason}."


def sentence_for(error: Exception) -> str | None:
    """Return what to tell a person; None for an error that nobody foresaw."""
    if isinstance(error, DatabaseAway) and isinstance(error.__cause__, DatabaseError):
        error = error.__cause__
    if isinstance(error, DomainError | DatabaseAway):
        return str(error)
    if isinstance(error, ImproperlyConfigured):
        return f"The settings are wrong: {error}"
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    if is_connection_lost(error):
        return sentence_of_lost_database(error)
    state = getattr(error.__cause__, "sqlstate", None)
    if state in {_UNDEFINED_TABLE, _UNDEFINED_COLUMN}:
        return "The database is not set up for this version: run “manage.py migrate” first."
    if state == INSUFFICIENT_PRIVILEGE:
        return RIGHTS_ARE_MISSING
    if not isinstance(error, OperationalError):
        log.exception("core.command_failed_in_the_database", sqlstate=state)
    reason = str(error).strip().splitlines()
    return f"The database cannot do this just now: {reason[0] if reason else type(error).__name__}."
