"""The machine's clock was an hour fast and is set back: the order stays, and nobody waits until it has caught up."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from core.console.links import page_url
from core.models import Player, ReplayCount
from core.roles import LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from loyalty.services import AwardRateExceeded, balance_at
from ratingslips.admin.players.visits import read_visits
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import (
    BeforeLastEvent,
    DriftJustChecked,
    PlayerStillPlayed,
    SeatTaken,
    change_average_bet,
    check_drift,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)
from tests.console import signed_in
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.refusals import refused

HOUR = timedelta(hours=1)
CHANGES: dict[str, Callable[[Floor, RatingSlip, datetime], Any]] = {
    "pause": lambda floor, slip, at: pause_rating_slip(slip=slip, actor=floor.boss, at=at),
    "bet": lambda floor, slip, at: change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.boss, at=at),
    "move": lambda floor, slip, at: move_rating_slip(slip=slip, seat=5, actor=floor.boss, at=at),
}


@pytest.fixture
def right(floor: Floor) -> Iterator[datetime]:
    """The right time; `floor.now`, at which all that a test does first is done, was an hour fast."""
    now = floor.now - HOUR
    yield now
    assert broken_invariants() == {}


@pytest.fixture
def set_back(right: datetime, monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """Set the clock back, and read it."""

    def set_it() -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: right)
        return right

    return set_it


class TestClockSetBack:
    @pytest.mark.shows(38)
    def test_leaves_the_ledger_in_the_order_of_its_numbers(
        self, floor: Floor, player: Player, set_back: Callable[[], datetime]
    ) -> None:
        first = award(floor, player, points=500)

        second = award(floor, player, points=7, at=set_back())

        entries = list(LedgerEntry.objects.order_by("seq").values_list("seq", "balance_after", "created_at"))
        account = account_of(player)
        assert entries == [(1, 500, floor.now), (2, 507, floor.now - HOUR)]
        assert (second.balance_before, account.balance, account.entry_count) == (first.balance_after, 507, 2)
        assert [balance_at(account=account, at=at).balance for at in (floor.now - HOUR, floor.now)] == [7, 507]

    def test_shows_the_player_the_newest_entry_first(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        player = floor.player()
        award(floor, player, points=500)
        award(floor, player, points=7, at=set_back())

        page = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR).get(page_url(player))

        assert [entry.balance_after for entry, *_ in page.context["entries"].rows] == [507, 500]

    @pytest.mark.shows(38)
    def test_lets_a_slip_close_at_once_at_its_last_event(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip = floor.played_slip()
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        with capture_logs() as lines:
            settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=set_back())

        assert settlement.theoretical_win == Decimal("57.75")
        assert RatingSlip.objects.get(pk=slip.pk).closed_at == floor.now
        assert {"core.clock_was_set_back", "ratingslips.slip_completed"} <= {line["event"] for line in lines}

    def test_gives_all_rows_of_a_completion_one_instant(self, floor: Floor) -> None:
        floor.casino.gaming_day_starts_at = floor.now.astimezone(floor.casino.zone).time()
        floor.casino.save()
        slip, at = floor.played_slip(), floor.ago(seconds=5)
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        complete_rating_slip(slip=slip, actor=floor.boss, at=at)
        complete_rating_slip(slip=slip, actor=floor.boss, at=at)

        closed = RatingSlip.objects.select_related("ledger_entry").get(pk=slip.pk)
        request = closed.requests.get(kind="CLOSE")
        assert closed.ledger_entry
        assert {closed.closed_at, closed.settled_at, closed.ledger_entry.created_at, request.happened_at} == {floor.now}
        assert ReplayCount.objects.get().gaming_day == closed.ledger_entry.gaming_day

    def test_gives_all_rows_of_a_recovery_one_instant(self, floor: Floor) -> None:
        slip = floor.owed_slip()

        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.ago(seconds=5))

        settled = RatingSlip.objects.select_related("ledger_entry").get(pk=slip.pk)
        request = settled.requests.get(kind="RECOVER")
        assert settled.ledger_entry
        assert {settled.settled_at, settled.ledger_entry.created_at, request.happened_at} == {floor.now}

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
    def test_lets_a_slip_be_changed_and_closed(
        self, floor: Floor, set_back: Callable[[], datetime], change: Callable[[Floor, RatingSlip, datetime], Any]
    ) -> None:
        slip = floor.open_slip(at=floor.now)
        now = set_back()

        change(floor, slip, now)
        complete_rating_slip(slip=slip, actor=floor.boss, at=now)

        ends = set(PlaySegment.objects.filter(slip=slip).values_list("started_at", "ended_at"))
        assert ends == {(floor.now, floor.now)}

    @pytest.mark.shows(38)
    def test_lets_the_same_player_sit_in_the_same_seat(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip = floor.played_slip(seat=1)
        elsewhere = floor.played_slip(seat=2)
        for each in (slip, elsewhere):
            complete_rating_slip(slip=each, actor=floor.boss, at=floor.now)
        now = set_back()

        again = floor.open_slip(player=slip.player, seat=3, at=now)
        another = floor.open_slip(seat=2, at=now)

        assert (again.opened_at, another.opened_at) == (floor.now, floor.now)

    def test_lets_a_player_move_to_a_seat_left_later(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        left = floor.played_slip(seat=2)
        complete_rating_slip(slip=left, actor=floor.boss, at=floor.now)
        slip = floor.open_slip(seat=1)

        moved = move_rating_slip(slip=slip, seat=2, actor=floor.boss, at=set_back())

        assert moved.seat == 2

    @pytest.mark.shows(38)
    def test_does_not_keep_staff_from_awarding_for_an_hour(
        self, floor: Floor, player: Player, set_back: Callable[[], datetime]
    ) -> None:
        for points in range(1, 11):
            award(floor, player, points=points)
        with refused(AwardRateExceeded):
            award(floor, player, points=11)

        assert not award(floor, player, points=11, at=set_back()).replayed

    def test_knows_an_award_again(self, floor: Floor, player: Player) -> None:
        noon = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=1)))[0] + 6 * HOUR
        award(floor, player, at=noon)

        assert award(floor, player, at=noon - HOUR).replayed

    def test_lets_owed_points_be_paid(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip = floor.owed_slip()

        assert recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=set_back()).points == 578

    def test_lets_drift_be_looked_for(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        signed_in(floor.supervisor, LOYALTY_SUPERVISOR)
        check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.now)
        with refused(DriftJustChecked):
            check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.now)

        assert check_drift(casino=floor.casino, actor=floor.supervisor, at=set_back()).accounts == 0

    def test_counts_no_time_at_play_below_nothing(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip = floor.open_slip(at=floor.now)
        now = set_back()

        (live,) = RatingSlip.objects.with_play(now=now)
        (visit,) = read_visits(slip.player, now=now).days

        assert (live.played, visit.played) == (timedelta(0), timedelta(0))


class TestAnEventOfThePast:
    """One that is brought in from elsewhere, and was not read from the clock just now, is refused as ever."""

    def test_comes_before_a_last_event_in_the_future(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip = floor.open_slip(at=floor.now)
        at = set_back() - timedelta(seconds=61)

        with refused(BeforeLastEvent, "is before the last event"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=at)

    def test_finds_the_player_and_the_seat_taken(self, floor: Floor, set_back: Callable[[], datetime]) -> None:
        slip, other = floor.played_slip(seat=1), floor.player()
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        at = set_back() - timedelta(seconds=61)

        with refused(PlayerStillPlayed):
            floor.open_slip(player=slip.player, seat=2, at=at)
        with refused(SeatTaken):
            floor.open_slip(player=other, seat=1, at=at)
