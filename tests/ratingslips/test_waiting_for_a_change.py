"""What a service sees that had to wait for a row: the row as it is by then, wherever it refers to by then."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

from core.models import Player
from loyalty.models import LedgerEntry
from loyalty.services import manual_reward
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import change_average_bet, complete_rating_slip, move_rating_slip
from ratingslips.services.requests import Kind, receive
from ratingslips.services.segments import LiveSlip
from tests.concurrency import Elsewhere, held, held_before_commit, wait_until_blocked
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor


def move_without_commit(slip: RatingSlip, *, floor: Floor, to: GamingTable) -> None:
    """Move a slip as `move_rating_slip` does, in a transaction that the caller ends."""
    request_id = uuid4()
    request = receive(Kind.MOVE, request_id=request_id, actor=floor.boss, slip_id=slip.pk, contents={})
    live = LiveSlip.lock(slip.pk, request=request, actor=floor.boss, at=floor.ago(minutes=1), expected_version=None)
    live.end(PlaySegment.End.MOVED)
    live.begin(PlaySegment.Start.MOVED, table=to, seat=2)
    live.slip.table, live.slip.seat = to, 2
    live.save("table", "seat")


class TestCompleteRatingSlip:
    def test_closes_a_slip_that_was_moved_while_it_waited_where_it_is_by_then(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)

        with held(lambda: move_without_commit(slip, floor=floor, to=other)) as mover:
            waiting = Elsewhere(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))
            wait_until_blocked(waiting.backend, by=mover)
        settlement = waiting.result()

        assert settlement.points > 0
        assert RatingSlip.objects.get(pk=slip.pk).table == other
        assert [segment.table for segment in slip.segments.order_by("seq")] == [floor.table, other]

    def test_closes_at_the_instant_of_a_change_that_came_later_and_was_recorded_first(
        self, committed_floor: Floor
    ) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        later = floor.now + timedelta(microseconds=1)
        change = partial(change_average_bet, slip=slip, average_bet=Decimal(75), actor=floor.boss, at=later)

        with held_before_commit(change) as changing:
            waiting = Elsewhere(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))
            wait_until_blocked(waiting.backend, by=changing.backend)

        assert waiting.result().points == 420
        assert RatingSlip.objects.get(pk=slip.pk).closed_at == later

    def test_asks_for_the_right_on_the_pit_that_the_slip_is_in_by_then(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        elsewhere = TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino))

        with held(lambda: move_without_commit(slip, floor=floor, to=elsewhere)) as mover:
            waiting = Elsewhere(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))
            wait_until_blocked(waiting.backend, by=mover)

        assert getattr(waiting.outcome(), "code", None) == "NOT_PERMITTED"


class TestChangeAverageBet:
    def test_goes_on_at_the_table_that_the_slip_is_at_by_then(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)

        with held(lambda: move_without_commit(slip, floor=floor, to=other)) as mover:
            waiting = Elsewhere(
                lambda: change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.now)
            )
            wait_until_blocked(waiting.backend, by=mover)
        waiting.result()

        last = slip.segments.order_by("-seq")[0]
        assert (last.table, last.seat, last.average_bet) == (other, 2, Decimal(75))


class TestMoveRatingSlip:
    def test_waits_for_a_table_whose_pit_changes_and_finds_it(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slip = floor.open_slip()
        other = TableFactory.create(casino=floor.casino, pit=floor.pit)
        elsewhere = PitFactory.create(casino=floor.casino)

        with held(lambda: GamingTable.objects.filter(pk=other.pk).update(pit=elsewhere)) as holder:
            waiting = Elsewhere(
                lambda: move_rating_slip(slip=slip, table=other, seat=1, actor=floor.boss, at=floor.now)
            )
            wait_until_blocked(waiting.backend, by=holder)

        assert getattr(waiting.outcome(), "code", None) == "NOT_PERMITTED"


class TestManualReward:
    def test_counts_from_the_tier_that_the_account_has_by_then(self, committed_floor: Floor) -> None:
        floor = committed_floor
        player = floor.player()
        account = player.loyalty
        silver = floor.program.tiers.get(name="Silver")

        def reach_silver() -> None:
            locked = type(account).objects.locked().get(pk=account.pk)
            type(account).objects.filter(pk=locked.pk).update(tier=silver, updated_at=floor.now + timedelta(0))

        with held(reach_silver) as holder:
            waiting = Elsewhere(
                lambda: manual_reward(
                    player=player, points=10, reason="Birthday present", actor=floor.supervisor, at=floor.now
                )
            )
            wait_until_blocked(waiting.backend, by=holder)
        waiting.result()

        assert LedgerEntry.objects.get().tier_before == silver

    def test_refuses_a_player_who_was_barred_while_it_waited(self, committed_floor: Floor) -> None:
        floor = committed_floor
        player = floor.player()

        def bar() -> None:
            type(player.loyalty).objects.locked().get(player=player)
            Player.objects.filter(pk=player.pk).update(status=Player.Status.BARRED)

        with held(bar) as holder:
            waiting = Elsewhere(
                lambda: manual_reward(
                    player=player, points=10, reason="Birthday present", actor=floor.supervisor, at=floor.now
                )
            )
            wait_until_blocked(waiting.backend, by=holder)

        assert getattr(waiting.outcome(), "code", None) == "PLAYER_NOT_ACTIVE"
