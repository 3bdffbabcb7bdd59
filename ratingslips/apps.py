from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RatingSlipsConfig(AppConfig):
    """The floor: pits, tables, and the slips that players are rated on."""

    name = "ratingslips"
    verbose_name = "Floor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.roles import set_roles

        # The last app of the house: every permission that a role names exists when its turn comes.
        post_migrate.connect(set_roles, sender=self, dispatch_uid="core.roles.set_roles")
