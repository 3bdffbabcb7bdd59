"""What the house's commands share: one correlation id a run, one sentence for whatever goes wrong, and exit codes.

Results go to standard output, the log and progress to standard error. On a terminal, where progress would drown in it,
the log begins at errors unless `-v 2` asks for all of it. A full disk under either stops no work; where the result is
lost, standard error says so, and the exit code is not 0. Exit codes: 0 done, 1 something failed or was refused, 2 used
wrongly, 130 interrupted.
"""

import logging
import os
import sys
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError, OperationalError

from core import correlation, origins
from core.errors import DomainError
from core.models import Casino

log = structlog.get_logger(__name__)

FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
ALL_OF_THE_LOG: Final = 2
_UNDEFINED_TABLE: Final = "42P01"
_UNDEFINED_COLUMN: Final = "42703"
INSUFFICIENT_PRIVILEGE: Final = "42501"
RIGHTS_ARE_MISSING: Final = (
    "The database refuses this to its role: run “manage.py migrate”, which gives each role its rights."
)


class HouseCommand(BaseCommand):
    """A command of the house. Subclasses write `run`, and tell what was done so far, should it be interrupted.

    A command that may change something leaves one row that says so, for whoever follows its correlation id. One whose
    exit code 1 is a finding of its own ends with another, `could_not_run`, where it could not look. `is_told_whole`
    says whether every line of the result could be written so far.
    """

    may_change: ClassVar[bool] = True
    could_not_run: ClassVar[int] = FAILED
    is_told_whole: bool = True

    @abstractmethod
    def run(self, *args: Any, **options: Any) -> None:
        """Do the work; raise `CommandError` for an exit code other than 0."""

    def done_so_far(self) -> str:
        """One sentence on what an interrupted run has left behind."""
        return "Nothing was changed."

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a shell's command, with the exit code that is due even where standard error takes no sentence."""
        try:
            super().run_from_argv(argv)
        except OSError as error:
            if not isinstance(error.__context__, CommandError):
                raise
            sys.exit(error.__context__.returncode)
        finally:
            for stream in (self.stdout, self.stderr):
                _leave_nothing_in(stream)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run with a correlation id of its own, and say in a sentence what cannot be done.

        :raises CommandError: with that sentence and the exit code.
        """
        with correlation.bound(), _calm_terminal(verbosity=options["verbosity"]):
            try:
                _require_text(options)
                if self.may_change:
                    origins.record_command(type(self).__module__.rpartition(".")[2])
                self.run(**options)
            except KeyboardInterrupt:
                raise CommandError(f"Interrupted. {self.done_so_far()}", returncode=INTERRUPTED) from None
            except DomainError as error:
                raise CommandError(str(error), returncode=self.could_not_run) from error
            except ImproperlyConfigured as error:
                raise CommandError(f"The settings are wrong: {error}", returncode=self.could_not_run) from error
            except DatabaseError as error:
                raise CommandError(
                    f"{_sentence_for(error)} {self.done_so_far()}", returncode=self.could_not_run
                ) from error
            except InterfaceError as error:
                raise CommandError(
                    f"The database hung up. {self.done_so_far()}", returncode=self.could_not_run
                ) from error
            except CommandError:
                raise
            except Exception as error:
                if self.could_not_run == FAILED:
                    raise
                log.exception("core.command_failed")
                raise CommandError(
                    f"The program has a mistake, and the log its traceback. {self.done_so_far()}",
                    returncode=self.could_not_run,
                ) from error
        if not self.is_told_whole:
            raise CommandError("Some of the result may be lost.", returncode=self.could_not_run)

    def say(self, text: str) -> None:
        """Write a line of the result; neither a reader who has gone away nor a full disk stops the work."""
        try:
            _write(self.stdout, text)
        except OSError as error:
            if self.is_told_whole:
                self.tell_progress(f"The result cannot be written: {error.strerror}. The work goes on.")
            self.is_told_whole = False

    def tell_progress(self, text: str, *, ending: str = "\n") -> None:
        """Write a line for whoever watches, apart from the result."""
        with suppress(OSError):
            _write(self.stderr, text, ending=ending)


def _write(stream: OutputWrapper, text: str, *, ending: str = "\n") -> None:
    encoding = stream.encoding or "utf-8"
    # A name for which the terminal has no letters: as Python does on standard error, they are told by number.
    told = text.encode(encoding, errors="backslashreplace").decode(encoding)
    try:
        stream.write(told, style_func=str, ending=ending)
        stream.flush()
    except BrokenPipeError:
        _silence(stream)


def _leave_nothing_in(stream: OutputWrapper) -> None:
    """Write what is left in the stream's buffer or let it go: Python would try again at its end, and exit with 120."""
    try:
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: OutputWrapper) -> None:
    with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


@contextmanager
def _calm_terminal(*, verbosity: int) -> Iterator[None]:
    """Leave the log's lines below an error out where standard error is a terminal and nobody asked for them."""
    root = logging.getLogger()
    before = root.level
    if sys.stderr.isatty() and verbosity < ALL_OF_THE_LOG:
        root.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        root.setLevel(before)


def _require_text(options: Mapping[str, object]) -> None:
    """Refuse an option whose bytes are no text, which the database would not take. A path may be any bytes.

    :raises CommandError: naming the option.
    """
    for name, value in options.items():
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                shown = value.encode(errors="backslashreplace").decode()
                raise CommandError(
                    f"--{name.replace('_', '-')} is no text in UTF-8: “{shown}”.", returncode=WRONG_USE
                ) from None


def casino_with_code(code: str) -> Casino:
    """The casino that an option names.

    :raises CommandError: there is none; says which there are.
    """
    casino = Casino.objects.filter(code=code).first()
    if casino is None:
        known = ", ".join(Casino.objects.values_list("code", flat=True)[:20])
        advice = f"There are: {known}." if known else "Load one with load_casino."
        raise CommandError(f"There is no casino “{code}”. {advice}", returncode=WRONG_USE)
    return casino


def _sentence_for(error: DatabaseError) -> str:
    state = getattr(error.__cause__, "sqlstate", None)
    if state in {_UNDEFINED_TABLE, _UNDEFINED_COLUMN}:
        return "The database is not set up for this version: run “manage.py migrate” first."
    if state == INSUFFICIENT_PRIVILEGE:
        return RIGHTS_ARE_MISSING
    if not isinstance(error, OperationalError):
        log.exception("core.command_failed_in_the_database", sqlstate=state)
    reason = str(error).strip().splitlines()
    return f"The database cannot do this just now: {reason[0] if reason else type(error).__name__}."
