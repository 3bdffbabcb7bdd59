"""`manage.py remove_stale_contenttypes`: Django's, run as the owner of the tables."""

from typing import Any

from django.contrib.contenttypes.management.commands import remove_stale_contenttypes

from config.database.owner import as_owner


class Command(remove_stale_contenttypes.Command):
    def handle(self, **options: Any) -> None:
        with as_owner(using=options["database"]):
            super().handle(**options)
