"""What the app does when the process starts."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Casino, staff and players, and what every app stands on."""

    name = "core"
    verbose_name = "House"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core import checks  # noqa: F401  (registers the checks)
