from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """The programme, the accounts and the ledger of points."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from loyalty import enrolment  # noqa: F401  (connects the signal)
