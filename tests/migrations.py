"""`python -m tests.migrations`: lint the migrations that are newer than the release before, which serves meanwhile."""

import os
import re
import sys
from collections.abc import Collection
from typing import Any, Final

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django_migration_linter import MigrationLinter  # noqa: E402
from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType  # noqa: E402
from django_migration_linter.sql_analyser.postgresql import PostgresqlAnalyser  # noqa: E402

from tests.processes import ROOT  # noqa: E402
from tests.released import MISSING, release_before  # noqa: E402

# Their locks last a moment: the table has a row for each member of staff.
_SHORT: Final = ("0041_subjects_at_the_identity_provider",)
_CONSTRAINT: Final = re.compile(r"ALTER TABLE (\S+) ADD CONSTRAINT (?!.*(NOT VALID|USING INDEX))")


def _checks_rows(statements: Collection[str], **_: Any) -> bool:
    """Whether a constraint is added to an older table, all rows of which are checked under the lock."""
    text = " ".join(statements)
    return any(f"CREATE TABLE {found[1]}" not in text for found in map(_CONSTRAINT.match, statements) if found)


def main() -> int:
    """The exit code: 1 if a migration blocks the release before, or takes away what it uses."""
    before = release_before()
    if not before:
        sys.stdout.write(f"Nothing is linted: {MISSING}\n")
        return 0
    added = Check("CONSTRAINT", _checks_rows, "ADD CONSTRAINT locks table", CheckMode.TRANSACTION, CheckType.ERROR)
    PostgresqlAnalyser.migration_checks.append(added)
    linter = MigrationLinter(
        str(ROOT),
        no_cache=True,
        all_warnings_as_errors=True,
        include_apps=["core", "loyalty", "ratingslips"],
        analyser_string="postgresql",
        ignore_name_contains="_squashed_",  # They run only in a new database.
        ignore_name=_SHORT,
    )
    linter.lint_all_migrations(git_commit_id=before)
    linter.print_summary()
    return int(linter.has_errors)


if __name__ == "__main__":
    sys.exit(main())
