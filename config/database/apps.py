from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class DatabaseConfig(AppConfig):
    """Roles of the console and rights of the database's roles, set after every migration."""

    name = "config.database"

    def ready(self) -> None:
        from config.database import checks  # noqa: F401  (registers the checks)
        from config.database.grants import set_rights
        from config.roles import set_roles

        # The last app of the product that has models: by its turn, every table and permission exists.
        last = apps.get_app_config("ratingslips")
        post_migrate.connect(set_roles, sender=last, dispatch_uid="config.roles.set_roles")
        post_migrate.connect(set_rights, sender=last, dispatch_uid="config.database.set_rights")
