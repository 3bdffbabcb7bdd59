"""An import beside the floor: the second of two waits, and sees what the first has recorded."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from core.models import Casino, Player
from core.roles import system_account
from loyalty.models import LedgerEntry
from ratingslips.imports.apply import apply_events
from ratingslips.imports.events import RatingEvent, read_rating_events
from ratingslips.imports.progress import LineOutcome
from ratingslips.models import GamingTable, MoneyRow, RatingSlip
from ratingslips.services import SeatTaken, chunks, complete_rating_slip, open_rating_slip
from tests.casino_files import event, write_events
from tests.concurrency import held, in_turn, made_to_wait
from tests.floor import Floor
from tests.interruptions import with_late_commit
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.imports import load_three_files

JOSE, MARA = "100000", "100001"


Importing = Callable[[], list[LineOutcome]]


@pytest.fixture
def casino(transactional_db: None, tmp_path: Path, file: Path) -> Casino:
    """The casino of the three files, which other connections can see, with a visit of the day before."""
    casino = load_three_files(tmp_path / "casino")
    _importing(casino, file, *_visit("D", card=MARA, since=27, until=25))()
    return casino


@pytest.fixture
def late_card(casino: Casino, file: Path) -> Importing:
    """Imports a late card: José in seat 1, from three hours ago to one hour ago."""
    return _importing(casino, file, *_visit("A", card=JOSE, since=3, until=1))


def _ago(hours: float) -> str:
    return (timezone.now() - timedelta(hours=hours)).isoformat()


def _visit(slip: str, *, card: str, since: float, until: float) -> list[str]:
    opening = event(slip, _ago(since), "OPEN", player_card=card, table="BL-01", seat="1", average_bet="25.00")
    return [opening, event(slip, _ago(until), "CLOSE")]


def _importing(casino: Casino, file: Path, *lines: str) -> Importing:
    read = read_rating_events(write_events(file, *lines))
    events = [line for line in read if isinstance(line, RatingEvent)]
    return lambda: list(apply_events(casino=casino, actor=system_account(), events=events))


def _told(outcomes: list[LineOutcome]) -> list[str]:
    return [outcome.error.code if outcome.error else outcome.outcome for outcome in outcomes]


def _opening(*, card: str, seat: int) -> Callable[[], RatingSlip]:
    """Opens a slip on the floor, two hours ago."""
    at = datetime.fromisoformat(_ago(2))
    player, table = Player.objects.get(card_number=card), GamingTable.objects.get(name="BL-01")
    return lambda: open_rating_slip(
        player=player, table=table, seat=seat, average_bet=Decimal(10), actor=system_account(), at=at
    )


class TestALateCardBesideTheFloor:
    @pytest.mark.parametrize(("card", "seat", "code"), [(MARA, 1, "SEAT_TAKEN"), (JOSE, 2, "PLAYER_HAS_LIVE_SLIP")])
    def test_waits_for_an_opening_and_is_refused(self, late_card: Importing, card: str, seat: int, code: str) -> None:
        _, importing = in_turn(_opening(card=card, seat=seat), late_card)

        assert _told(importing.result()) == [code, "SLIP_NOT_OPENED"]

    def test_makes_an_opening_wait_and_be_refused(self, late_card: Importing) -> None:
        importing, opening = in_turn(late_card, _opening(card=MARA, seat=1))

        assert _told(importing.result()) == ["applied", "applied"]
        assert isinstance(opening.outcome(), SeatTaken)

    @pytest.mark.shows(39)
    @pytest.mark.parametrize(
        ("card", "seat", "constraint"),
        [(MARA, 1, "ratingslips_segment_no_overlap_of_seat"), (JOSE, 2, "ratingslips_slip_no_overlap_of_player")],
    )
    def test_would_be_stopped_by_a_constraint_alone_without_the_locks(
        self, late_card: Importing, monkeypatch: pytest.MonkeyPatch, card: str, seat: int, constraint: str
    ) -> None:
        without_locks(monkeypatch)

        _, importing = in_turn(_opening(card=card, seat=seat), late_card)

        assert isinstance(importing.outcome(), IntegrityError)
        assert constraint in str(importing.outcome())


class TestAnImportBesideAClosing:
    @pytest.fixture
    def seated(self, casino: Casino) -> RatingSlip:
        return _opening(card=JOSE, seat=1)()

    @pytest.fixture
    def importing(self, casino: Casino, file: Path, seated: RatingSlip) -> Importing:
        """Imports another closing of the slip, one hour ago."""
        return _importing(casino, file, event(seated.slip_number, _ago(1), "CLOSE"))

    def _close(self, seated: RatingSlip) -> object:
        return complete_rating_slip(slip=seated.pk, actor=system_account(), at=timezone.now())

    def test_waits_and_is_refused_with_what_is_recorded(self, seated: RatingSlip, importing: Importing) -> None:
        _, imported = in_turn(lambda: self._close(seated), importing)

        assert _told(imported.result()) == ["RECORDED_OTHERWISE"]
        assert LedgerEntry.objects.filter(account__player=seated.player).count() == 1

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_database_alone_without_the_locks(
        self, seated: RatingSlip, importing: Importing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        _, imported = in_turn(lambda: self._close(seated), importing)

        assert isinstance(imported.outcome(), IntegrityError)

    def test_waits_for_a_barring_and_withholds(self, seated: RatingSlip, importing: Importing) -> None:
        imported = made_to_wait(importing, by=_bar)

        assert _told(imported.result()) == ["applied"]
        assert RatingSlip.objects.get(pk=seated.pk).withheld_because == "BARRED"

    @pytest.mark.shows(39)
    def test_would_pay_a_barred_player_without_the_lock(
        self, seated: RatingSlip, importing: Importing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        with held(_bar):
            importing()

        assert LedgerEntry.objects.filter(account__player=seated.player).count() == 1


def _bar() -> None:
    Player.objects.filter(card_number=JOSE).update(status="BARRED")


class TestAChunkWhoseCommitComesLate:
    def _is_waited_for_with_a_row(self, backend: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND %s = ANY(pg_blocking_pids(pid))",
                [backend],
            )
            return cursor.fetchone() is not None

    @pytest.mark.shows(26)
    def test_records_no_money_twice(self, committed_floor: Floor, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        floor = committed_floor
        monkeypatch.setattr(chunks, "CHUNK_SECONDS", 60)  # one slip by itself, then the others together
        options = connection.settings_dict["OPTIONS"]
        monkeypatch.setitem(options, "options", f"{options['options']} -c lock_timeout=300")
        slips = [floor.open_slip(seat=seat, at=floor.ago(hours=3)) for seat in (1, 2, 3)]
        lines = [event(slip.slip_number, _ago(2), "BUY_IN", buy_in="50.00") for slip in slips]
        importing = _importing(floor.casino, file, *lines)

        imported = with_late_commit(2, importing, once=self._is_waited_for_with_a_row)

        assert _told(imported) == ["applied", "OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"]
        assert _told(importing()) == ["already_imported"] * 3
        assert [slip.money_rows.filter(kind=MoneyRow.Kind.BUY_IN, amount=50).count() for slip in slips] == [1, 1, 1]
