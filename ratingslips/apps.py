from django.apps import AppConfig


class RatingSlipsConfig(AppConfig):
    """Pits, tables and rating slips."""

    name = "ratingslips"
    verbose_name = "Floor"
    default_auto_field = "django.db.models.BigAutoField"
