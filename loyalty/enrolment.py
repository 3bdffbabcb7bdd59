"""A player has a loyalty account from enrolment on, whoever enrols them and wherever."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from core.models import Player
from loyalty.models import LoyaltyProgram
from loyalty.services import open_accounts


@receiver(post_save, sender=Player, dispatch_uid="loyalty.open_account_at_enrolment")
def open_account_at_enrolment(*, instance: Player, created: bool, raw: bool, **_: Any) -> None:
    """Open the account of a player who was just enrolled, in the same transaction.

    A casino without a programme, or with one that has no first tier yet, enrols players all the same; their accounts
    open with their first points.
    """
    if (
        created
        and not raw
        and LoyaltyProgram.objects.filter(casino=instance.casino_id, tiers__threshold_points=0).exists()
    ):
        open_accounts(players=[instance], at=timezone.now())
