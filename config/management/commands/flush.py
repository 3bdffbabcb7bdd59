"""`manage.py flush`: Django's, run as the owner of the tables; the ledger's triggers refuse it to the owner as well."""

from typing import Any

from django.core.management.commands import flush

from config.database.owner import as_owner


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        with as_owner(using=options["database"]):
            super().handle(**options)
