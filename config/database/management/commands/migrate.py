"""`manage.py migrate`: Django's, run as the owner of the tables, which then gives the other roles their rights.

A migration may rewrite a table for longer than any request of the floor may take.
"""

from typing import Any

from django.core.management.commands import migrate

from config.database.grants import require_roles
from config.database.owner import as_owner


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner(using=options["database"], may_take_long=True):
            require_roles(using=options["database"])
            super().handle(*args, **options)
