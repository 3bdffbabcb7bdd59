"""The players of a casino."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from core.models.casino import NAME_MAX_LENGTH, Casino
from core.querysets import LockingQuerySet
from core.text import isolated


class Player(models.Model):
    """A known player; never deleted, only deactivated or barred."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "Active"
        INACTIVE = "INACTIVE", "Inactive"
        BARRED = "BARRED", "Barred"

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="players")
    card_number = models.CharField(
        max_length=32,
        validators=[RegexValidator(r"\A[0-9A-Za-z-]+\Z", "A card number has only letters, digits and hyphens.")],
    )
    first_name = models.CharField(max_length=NAME_MAX_LENGTH)
    last_name = models.CharField(max_length=NAME_MAX_LENGTH)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    search_text = models.GeneratedField(
        expression=models.Func("card_number", "first_name", "last_name", function="core_search_text"),
        output_field=models.TextField(),
        db_persist=True,
        help_text="Card and name without accents and punctuation, as `core.player_search` compares them.",
    )
    sort_name = models.GeneratedField(
        expression=models.Func("first_name", "last_name", function="core_sort_name"),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
        help_text="Last name and first name without accents and punctuation.",
    )

    objects = LockingQuerySet["Player"].as_manager()

    class Meta:
        ordering = ["sort_name", "card_number"]
        permissions = [("declare_card", "Can declare cards of staff")]
        indexes = [
            models.Index(fields=["casino", "sort_name", "card_number", "id"], name="core_player_by_name"),
            models.Index(fields=["casino", "status", "sort_name", "card_number", "id"], name="core_player_by_status"),
            # For the home page, which looks for them among the seated players.
            models.Index(
                fields=["casino", "id"], condition=Q(status__in=["INACTIVE", "BARRED"]), name="core_player_not_active"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                "casino",
                Upper("card_number"),
                name="core_player_card_unique_in_casino",
                violation_error_message="Another player of this casino has this card number.",
            ),
            models.CheckConstraint(condition=~Q(card_number=""), name="core_player_has_card"),
            models.CheckConstraint(
                condition=Q(status__in=["ACTIVE", "INACTIVE", "BARRED"]), name="core_player_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{isolated(self.full_name)} ({self.card_number})"

    @property
    def full_name(self) -> str:
        """First name, then last name: Ana Lopez."""
        return f"{self.first_name} {self.last_name}"

    @property
    def listed_name(self) -> str:
        """The name as lists show it, last name first: Lopez, Ana."""
        return f"{self.last_name}, {self.first_name}"

    @property
    def short_name(self) -> str:
        """The name where there is little room: Lopez A."""
        return f"{self.last_name} {self.first_name[:1]}."
