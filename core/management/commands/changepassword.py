"""Django's command, recorded like the project's own: it changes who may do what."""

from typing import Any

from django.contrib.auth.management.commands import changepassword

from core import origins


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> Any:
        """Run under a correlation id that is recorded as this command's."""
        with origins.as_command("changepassword"):
            return super().handle(*args, **options)
