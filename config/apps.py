from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    """The whole product put together: settings, addresses, and the demo."""

    name = "config"

    def ready(self) -> None:
        from config.database import checks  # noqa: F401  (registers the checks)
        from config.database.grants import set_rights

        # The last app: every table stands when its turn comes.
        post_migrate.connect(set_rights, sender=self, dispatch_uid="config.database.set_rights")
