"""Databases of earlier versions, and the migrations that the squashed ones replace.

`python -m tests.older STEP …` migrates the database of the environment in one process. A step is an app, an app with
a migration such as `core=0018`, `all` for every app, or `copy=NAME`, which copies the database as it is then.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.databases import connect, copy_database, database_environment, empty_database, made_once, product_digest
from tests.processes import run_program

ALL: Final = "all"
_OLDER: Final = "older_for_tests_"

# What the tests of migrations begin with, in an order in which each follows the one before.
_STATES: Final = ("loyalty=0002", "ratingslips=0008", "core=0011", "ratingslips=0015", "core=0018")


@contextmanager
def older_database(suffix: str, state: str) -> Iterator[str]:
    """A database that an earlier version migrated as far as `state`, for as long as the block lasts; gives its name.

    All states are made once, in one walk through the migrations, and copied.
    """
    names = {state: f"{_OLDER}{product_digest()}_{state}" for state in _STATES}
    with made_once(_OLDER, names[state]) as unfinished:
        if unfinished:
            steps = [step for state, name in names.items() for step in (state, f"copy={name}")]
            migrate_older(unfinished, *steps).check_returncode()
            with connect("postgres") as server:
                server.execute(f"DROP DATABASE {unfinished}")
    with empty_database(suffix, copied_from=names[state]) as name:
        yield name


def migrate_older(name: str, *steps: str) -> "subprocess.CompletedProcess[str]":
    """Migrate a database as its owner, in a process of its own."""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return run_program("-m", "tests.older", *steps, **settings, **database_environment(name))


def _without_rendering(change: Callable[..., None]) -> Callable[..., None]:
    """Leave the historical models as they are when a constraint or an index comes or goes, which they do not have.

    Django makes each model again that is related to one that changes: nearly half of the time of these migrations.
    """

    def changed(state: ProjectState, *arguments: Any) -> None:
        apps = state.__dict__.pop("apps", None)
        change(state, *arguments)
        if apps is not None:
            state.__dict__["apps"] = apps

    return changed


def main(*steps: str) -> None:
    """Take each step, with the squashed migrations left out."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    load = MigrationLoader.load_disk

    def load_replaced(loader: MigrationLoader) -> None:
        load(loader)
        kept = {key: migration for key, migration in loader.disk_migrations.items() if not migration.replaces}
        loader.disk_migrations = kept

    MigrationLoader.load_disk = load_replaced  # type: ignore[assignment, method-assign]
    for change in ("add_constraint", "remove_constraint", "add_index", "remove_index"):
        setattr(ProjectState, change, _without_rendering(getattr(ProjectState, change)))
    for step in steps:
        app, _, target = step.partition("=")
        if app == "copy":
            connection.close()
            copy_database(connection.settings_dict["NAME"], target)
        else:
            where = [] if app == ALL else filter(None, [app, target])
            call_command("migrate", *where, verbosity=0, interactive=False)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main(*sys.argv[1:])
