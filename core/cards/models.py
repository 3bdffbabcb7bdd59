"""Declared cards of staff, and pairs of a player and a member of staff who have the same name."""

from typing import TYPE_CHECKING, Any, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from core.changes.models import Change
from core.querysets import LockingQuerySet

if TYPE_CHECKING:
    from core.models import Casino, Player, User

NAMES_MAX_LENGTH = 600
NAMES: Final = ("first_name", "last_name")


def _staff(**options: Any) -> Any:
    usual: dict[str, Any] = {"on_delete": models.PROTECT, "related_name": "+", "db_index": False}
    return models.ForeignKey(settings.AUTH_USER_MODEL, **usual | options)


class StaffCardQuerySet(LockingQuerySet["StaffCard"]):
    """Declared cards."""

    def current(self) -> Self:
        """Declarations that were not withdrawn."""
        return self.filter(withdrawn_at=None)


class StaffCard(models.Model):
    """A player account that belongs to a member of staff, who may not act for it; kept after it was withdrawn."""

    casino: "models.ForeignKey[Casino, Casino]" = models.ForeignKey(
        "core.Casino", on_delete=models.PROTECT, related_name="staff_cards"
    )
    player: "models.ForeignKey[Player, Player]" = models.ForeignKey(
        "core.Player", on_delete=models.PROTECT, related_name="staff_cards", db_index=False
    )
    staff = _staff(related_name="cards", db_index=True)
    declared_by = _staff(null=True, help_text="Empty for a link from before declarations were recorded.")
    declared_at = models.DateTimeField()
    correlation_id = models.UUIDField(null=True, db_index=True)
    withdrawn_by = _staff(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_correlation_id = models.UUIDField(null=True)

    objects = StaffCardQuerySet.as_manager()

    class Meta:
        verbose_name = "card of staff"
        verbose_name_plural = "cards of staff"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["player"], condition=Q(withdrawn_at=None), name="core_staff_card_of_one_person"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by=None, withdrawal_correlation_id=None)
                | Q(
                    withdrawn_at__isnull=False,
                    withdrawn_by__isnull=False,
                    withdrawal_correlation_id__isnull=False,
                ),
                name="core_staff_card_withdrawal_is_whole",
            ),
            models.CheckConstraint(
                condition=(Q(declared_by=None) | ~Q(declared_by=F("staff")))
                & (Q(withdrawn_by=None) | ~Q(withdrawn_by=F("staff"))),
                name="core_staff_card_by_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.player}, card of {self.staff.name_and_login}"


class NamesakeQuerySet(LockingQuerySet["Namesake"]):
    """Pairs of a player and a member of staff."""

    def with_named_by(self, actor: "User") -> Self:
        """Each pair with `named_by_actor`: whether `actor` enrolled the player or gave a name, by the change log."""
        namings = Change.objects.filter(
            table_name="core_player", row_id=OuterRef("player_id"), actor=actor, new__has_any_keys=NAMES
        )
        return self.annotate(named_by_actor=Exists(namings))


class Namesake(models.Model):
    """A player and a member of staff who had the same name at some time, and what somebody else decided about it.

    Triggers add the rows at every write of a player or a member of staff. A later name makes another row.
    """

    class Decision(models.TextChoices):
        OWN_CARD = "OWN_CARD", "Card of the member of staff"
        OTHER_PERSON = "OTHER_PERSON", "Another person"

    player: "models.ForeignKey[Player, Player]" = models.ForeignKey(
        "core.Player", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    staff = _staff()
    names = models.CharField(max_length=NAMES_MAX_LENGTH, help_text="Both names, as they were.")
    noticed_at = models.DateTimeField()
    decision = models.CharField(max_length=12, choices=Decision, blank=True, default="", db_default="")
    decided_by = _staff(null=True)
    decided_at = models.DateTimeField(null=True)
    correlation_id = models.UUIDField(null=True, db_index=True, help_text="Of the request that decided.")

    objects = NamesakeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(decision=""), name="core_namesake_undecided")]
        constraints = [
            models.UniqueConstraint(fields=["player", "staff", "names"], name="core_namesake_noticed_once"),
            models.CheckConstraint(
                condition=Q(decision="", decided_by=None, decided_at=None, correlation_id=None)
                | Q(
                    decision__in=["OWN_CARD", "OTHER_PERSON"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                    correlation_id__isnull=False,
                ),
                name="core_namesake_decision_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("staff")), name="core_namesake_by_somebody_else"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.player} and {self.staff.name_and_login}"
