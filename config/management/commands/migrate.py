"""`manage.py migrate`: Django's, run as the owner of the tables, which then gives the other roles their rights."""

from typing import Any

from django.core.management.commands import migrate

from config.database.grants import require_roles
from config.database.owner import as_owner


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner(using=options["database"]):
            require_roles(using=options["database"])
            super().handle(*args, **options)
