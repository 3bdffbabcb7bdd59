"""Closing a slip: the theo frozen, the points in the ledger, once."""

from decimal import Decimal

from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.floor import Floor


class TestCompleteRatingSlip:
    def test_freezes_the_theo_and_posts_the_points_in_one_go(self, floor: Floor) -> None:
        slip = floor.played_slip()

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        closed = RatingSlip.objects.get(pk=slip.pk)
        entry = LedgerEntry.objects.get()
        assert (closed.status, closed.theoretical_win) == ("CLOSED", Decimal("57.75"))
        assert (closed.ledger_entry, entry.points, entry.kind) == (entry, 578, "GAMEPLAY")
        assert PlayerLoyalty.objects.get(player=slip.player).balance == settlement.points == 578
