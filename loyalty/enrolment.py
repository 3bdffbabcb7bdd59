"""Open a loyalty account for every player who is enrolled."""

from contextlib import suppress
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from core.models import Player
from loyalty.services import NoLoyaltyProgram, open_accounts


@receiver(post_save, sender=Player, dispatch_uid="loyalty.open_account_at_enrolment")
def open_account_at_enrolment(*, instance: Player, created: bool, raw: bool, **_: Any) -> None:
    """Open the account of a new player, in the transaction that enrols them.

    A casino can enrol players before it has a programme with a first tier: their accounts open with their first points.
    """
    if created and not raw:
        with suppress(NoLoyaltyProgram):
            open_accounts(players=[instance], at=timezone.now())
