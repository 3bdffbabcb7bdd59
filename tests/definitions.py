"""`python -m tests.definitions`: write the digests of what the migrations make, for `check_invariants` to compare."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.db import connection  # noqa: E402

from config.database.definitions import FILE, FOUND  # noqa: E402
from tests.databases import connect, empty_database, migrate  # noqa: E402


def main() -> None:
    """Migrate an empty database on the tests' server, and write what is found there."""
    connection.ensure_connection()
    with empty_database("definitions") as name:
        migrate(name).check_returncode()
        with connect(name, role=connection.settings_dict["USER"]) as fresh:
            found = fresh.execute(FOUND).fetchall()
    FILE.write_text("".join(f"{digest} {what}\n" for what, digest in found))


if __name__ == "__main__":
    main()
