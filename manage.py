#!/usr/bin/env python
"""The command line of the project: `manage.py demo`, `manage.py report`, `manage.py help`."""

import os
import sys
import threading

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError

FAILED = 1
WRONG_USE = 2
DATABASE_AWAY = 3


def main() -> None:
    """Run the command that the arguments name.

    Wrong settings, a database that cannot be reached and rights that are missing end it with one sentence.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    threading.excepthook = _report_thread_error
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # The caller has closed it: otherwise a connection to the database would get its file descriptor.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    try:
        if sys.argv[1:] in (["--version"], ["version"]):
            sys.stdout.write(f"{_version()}\n")  # Django would print its own.
        else:
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"The settings are wrong: {error}\n")
        sys.exit(WRONG_USE)
    except (DatabaseError, InterfaceError) as error:
        sys.exit(_exit_code_of(error))
    finally:
        _discard_unwritable_output()


def _version() -> str:
    from django.conf import settings

    return str(settings.VERSION)


def _discard_unwritable_output() -> None:
    """Flush the output; if that fails, discard it, or Python tries again at exit and replaces the exit code by 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _exit_code_of(error: DatabaseError | InterfaceError) -> int:
    """Report an error of a command that is Django's own in one sentence, and return the exit code; or raise it."""
    from core.commands import sentence_of_lost_database
    from core.retries import is_connection_lost

    if is_connection_lost(error):
        sys.stderr.write(f"{sentence_of_lost_database(error)}\n")
        return DATABASE_AWAY
    if isinstance(error, OperationalError):
        sys.stderr.write(f"The database cannot do this just now: {str(error).strip()}\n")
        return FAILED
    if isinstance(error, ProgrammingError) and _reported_missing_rights(error):
        return FAILED
    raise error


def _reported_missing_rights(error: ProgrammingError) -> bool:
    """Report in one sentence that a right is missing which `migrate` grants; return whether `error` was that.

    An error of `migrate` itself is not reported so.
    """
    from core.commands import INSUFFICIENT_PRIVILEGE, RIGHTS_ARE_MISSING

    if getattr(error.__cause__, "sqlstate", None) != INSUFFICIENT_PRIVILEGE or sys.argv[1:2] == ["migrate"]:
        return False
    sys.stderr.write(f"{str(error).strip().splitlines()[0]}. {RIGHTS_ARE_MISSING}\n")
    return True


def _report_thread_error(ended: threading.ExceptHookArgs) -> None:
    """Report missing rights in the same way for the thread in which `runserver` serves requests."""
    error = ended.exc_value
    if not (isinstance(error, ProgrammingError) and _reported_missing_rights(error)):
        threading.__excepthook__(ended)


if __name__ == "__main__":
    main()
