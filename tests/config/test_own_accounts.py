"""No page changes the play, the points or the money of an account that is the sender's own."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from core.cards.models import StaffCard
from core.models import Player
from loyalty.models import CompSlipPrint, LedgerEntry, PlayerLoyalty
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest
from tests.config.matrix.asking import Asking
from tests.config.matrix.house import OWN, TwoCasinos
from tests.config.matrix.posts import post_of, prepare
from tests.config.matrix.table import Question
from tests.config.test_permission_matrix import TABLE

OF_ACCOUNTS: tuple[Any, ...] = (
    Player,
    RatingSlip,
    PlaySegment,
    MoneyRow,
    SlipRequest,
    PlayerLoyalty,
    LedgerEntry,
    CompSlipPrint,
)
# Whoever is enrolled is nobody's card yet.
ENROLMENT = "admin:core_player_add"


def _changes(house: TwoCasinos, asking: Asking, question: Question) -> bool:
    """Whether a superuser changes play, points, money or players by this post."""
    saved = transaction.savepoint()
    prepare(house, question)
    post, before = post_of(house, question, house.staff["root"]), _rows()
    asking.get_or_post(asking.url(question), post, column="root")
    has_changed = _rows() != before
    transaction.savepoint_rollback(saved)
    return has_changed


def _rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in OF_ACCOUNTS]


class TestOwnAccounts:
    def test_stay_as_they_are_whatever_their_owner_posts(self, house: TwoCasinos, asking: Asking) -> None:
        root, colleague = house.staff["root"], house.staff["pits"]
        posts = [
            one for one, cells in TABLE.items() if one.method == "POST" and one.whose == OWN and cells[-1] == "done"
        ]
        as_a_colleague = [
            question for question in posts if question.address != ENROLMENT and _changes(house, asking, question)
        ]

        decided = {"withdrawn_at": timezone.now(), "withdrawal_correlation_id": house.own.open.pk}
        StaffCard.objects.current().update(withdrawn_by=colleague, **decided)
        StaffCard.objects.bulk_create(
            StaffCard(casino_id=player.casino_id, player=player, staff=root, declared_at=timezone.now())
            for player in Player.objects.all()
        )

        assert len(as_a_colleague) > 25
        assert [str(question) for question in as_a_colleague if _changes(house, asking, question)] == []
