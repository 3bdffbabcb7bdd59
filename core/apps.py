"""The configuration of the app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CoreConfig(AppConfig):
    """Casinos, staff and players, and what all apps share."""

    name = "core"
    verbose_name = "Casino"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core import backends, checks  # noqa: F401  (registers the checks, and what records sign-ins)
        from core.changes.author import install
        from core.metrics import count_errors
        from core.reasons import defaults  # noqa: F401  (gives each new casino its codes)

        connection_created.connect(install, dispatch_uid="core.changes.author.install")
        connection_created.connect(count_errors, dispatch_uid="core.metrics.count_errors")
