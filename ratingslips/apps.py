from django.apps import AppConfig


class RatingSlipsConfig(AppConfig):
    """The floor: pits, tables, and the slips that players are rated on."""

    name = "ratingslips"
    verbose_name = "Floor"
    default_auto_field = "django.db.models.BigAutoField"
