"""`manage.py migrate`: Django's command, run as the owner of the tables and without a statement timeout.

`post_migrate` then sets the rights of the other roles (`config.database.apps`).
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
