from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    """The whole product put together: settings, addresses, and the demo."""

    name = "config"

    def ready(self) -> None:
        from config.database import checks  # noqa: F401  (registers the checks)
        from config.database.grants import set_rights
        from config.roles import set_roles

        # The last app: every table and permission exists when its turn comes.
        post_migrate.connect(set_roles, sender=self, dispatch_uid="config.roles.set_roles")
        post_migrate.connect(set_rights, sender=self, dispatch_uid="config.database.set_rights")
