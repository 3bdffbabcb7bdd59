from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """The points ledger: who has which points, and why."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from loyalty import enrolment  # noqa: F401  (connects the signal)
