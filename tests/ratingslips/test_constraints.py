"""What PostgreSQL itself refuses about the floor, the slips and their segments."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models

from ratingslips.models import (
    DriftCheck,
    GameSettings,
    GameValues,
    GamingTable,
    MoneyRow,
    Pit,
    PlaySegment,
    RatingSlip,
    SlipRequest,
)
from tests.constraints import NAN, Violation, inserted, refused_by, refused_by_trigger, table_of
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.rows import entry
from tests.ratingslips.rows import closed_row, correction_row, ended_row, segment_row, slip_row


def _game(floor: Floor, **changes: Any) -> GameSettings:
    fields = {"code": "baccarat", "name": "Baccarat", "seats": 9}
    return GameSettings(casino=floor.casino, **(fields | changes))


def _values(floor: Floor, **changes: Any) -> GameValues:
    figures = {"decisions_per_hour": Decimal(72), "house_edge_percent": Decimal("1.15")}
    begins = floor.now + timedelta(days=1)
    return GameValues(game=floor.table.game, effective_from=begins, **(figures | changes))


def _table(floor: Floor, **changes: Any) -> GamingTable:
    fields = {"name": "BA-01", "seats": 9}
    return GamingTable(casino=floor.casino, pit=floor.pit, game=floor.table.game, **(fields | changes))


def _drift_check(floor: Floor, **changes: Any) -> DriftCheck:
    fields = {"checked_at": floor.now, "checked_by": floor.supervisor, "accounts": 0, "first_accounts": []}
    return DriftCheck(casino=floor.casino, **(fields | changes))


def _request(floor: Floor, **changes: Any) -> SlipRequest:
    fields = {"kind": "PAUSE", "contents": {}, "fingerprint": "0" * 64, "correlation_id": uuid4()}
    slip = slip_row(floor)
    inserted(slip)
    return SlipRequest(slip=slip, actor=floor.boss, happened_at=floor.now, **(fields | changes))


def _money(floor: Floor, *, slip: RatingSlip | None = None, **changes: Any) -> MoneyRow:
    if slip is None:
        slip = slip_row(floor)
        slip.save()
    day = floor.casino.gaming_day_at(floor.now)
    fields = {
        "player": slip.player,
        "kind": "BUY_IN",
        "means": "CASH",
        "amount": Decimal(500),
        "happened_at": floor.now,
        "gaming_day": day,
    }
    recording = SlipRequest(slip=slip, actor=floor.boss, kind="BUY_IN", contents={}, fingerprint="0" * 64)
    recording.correlation_id, recording.happened_at = uuid4(), floor.now
    recording.save()
    return MoneyRow(slip=slip, request=recording, actor=floor.boss, **(fields | changes))


def _strike(floor: Floor, *, reason: str = "Typed twice", **changes: Any) -> MoneyRow:
    """A row that strikes another one, but for `changes`."""
    struck = _money(floor)
    struck.save()
    opposite = {"amount": -struck.amount, "strikes_id": struck.pk, "reason": reason}
    row = {field.attname: getattr(struck, field.attname) for field in MoneyRow._meta.fields if not field.primary_key}
    return MoneyRow(**(row | opposite | changes))


def _struck_twice(floor: Floor) -> None:
    strike = _strike(floor)
    strike.save()
    strike.pk = None
    inserted(strike)


def _violation(constraint: str, make: Callable[..., models.Model], **changes: Any) -> Violation:
    return Violation(constraint, lambda floor: inserted(make(floor, **changes)))


def _twice(constraint: str, make: Callable[..., models.Model], *shared: str, **changes: Any) -> Violation:
    def attempt(floor: Floor) -> None:
        first = inserted(make(floor))
        inserted(make(floor, **{name: getattr(first, name) for name in shared}, **changes))

    return Violation(constraint, attempt)


FLOOR = (
    Violation(
        "ratingslips_pit_name_unique_in_casino", lambda floor: inserted(Pit(casino=floor.casino, name=floor.pit.name))
    ),
    _twice("ratingslips_game_code_unique_in_casino", _game, "code"),
    _violation("ratingslips_values_decisions_within_limits", _values, decisions_per_hour=Decimal(0)),
    _violation("ratingslips_values_decisions_within_limits", _values, decisions_per_hour=Decimal("1000.01")),
    _violation("ratingslips_values_edge_is_percent", _values, house_edge_percent=Decimal("-0.001")),
    _violation("ratingslips_values_edge_is_percent", _values, house_edge_percent=Decimal("100.001")),
    _twice("ratingslips_values_one_per_instant", _values, decisions_per_hour=Decimal(80)),
    _violation("ratingslips_game_seats_within_limits", _game, seats=0),
    _violation("ratingslips_game_seats_within_limits", _game, seats=21),
    _twice("ratingslips_table_name_unique_in_casino", _table, "name"),
    _violation("ratingslips_table_bets_within_limits", _table, minimum_bet=6, maximum_bet=5),
    _violation("ratingslips_table_bets_within_limits", _table, minimum_bet=0),
    _violation("ratingslips_table_bets_within_limits", _table, maximum_bet=0),
    _violation("ratingslips_table_bets_are_finite", _table, maximum_bet=NAN),
    _violation("ratingslips_table_seats_within_limits", _table, seats=0),
    _violation("ratingslips_table_seats_within_limits", _table, seats=21),
)


def _two_slips_of_one_entry(floor: Floor) -> None:
    credited = {"settled_at": floor.now, "ledger_entry": inserted(entry(floor))}
    inserted(closed_row(floor, **credited))
    inserted(closed_row(floor, **credited))


OWN_ID = uuid4()


def _two_slips_from_one(floor: Floor, column: str) -> None:
    old = inserted(closed_row(floor))
    inserted(slip_row(floor, **{column: old}))
    inserted(slip_row(floor, seat=2, **{column: old}))


SLIPS = (
    _twice("ratingslips_slip_number_unique_in_casino", slip_row, "slip_number", seat=2),
    _twice("ratingslips_slip_one_live_per_player", slip_row, "player", seat=2),
    _twice("ratingslips_slip_one_live_per_player", slip_row, "player", seat=2, status="PAUSED"),
    _twice("ratingslips_slip_one_live_per_seat", slip_row, "seat"),
    _twice("ratingslips_slip_one_live_per_seat", slip_row, "seat", status="PAUSED"),
    _violation("ratingslips_slip_has_number", slip_row, slip_number=""),
    _violation("ratingslips_slip_comes_from_another", slip_row, id=OWN_ID, continues_id=OWN_ID),
    _violation("ratingslips_slip_comes_from_another", slip_row, id=OWN_ID, reassigned_from_id=OWN_ID),
    Violation("ratingslips_ratingslip_continues_id_key", lambda floor: _two_slips_from_one(floor, "continues")),
    Violation(
        "ratingslips_ratingslip_reassigned_from_id_key", lambda floor: _two_slips_from_one(floor, "reassigned_from")
    ),
    _violation("ratingslips_slip_seat_within_limits", slip_row, seat=0),
    _violation("ratingslips_slip_seat_within_limits", slip_row, seat=21),
    _violation("ratingslips_slip_closed_is_whole", slip_row, status="AWAY"),
    _violation("ratingslips_slip_closed_is_whole", slip_row, theoretical_win=Decimal(1)),
    _violation("ratingslips_slip_closed_is_whole", closed_row, closed_at=None),
    _violation("ratingslips_slip_closed_is_whole", closed_row, closed_by=None),
    _violation("ratingslips_slip_closed_is_whole", closed_row, theoretical_win=None),
    Violation(
        "ratingslips_slip_closed_after_opened", lambda floor: inserted(closed_row(floor, closed_at=floor.ago(hours=3)))
    ),
    _violation("ratingslips_slip_theo_not_negative", closed_row, theoretical_win=Decimal("-0.01")),
    _violation("ratingslips_slip_theo_is_finite", closed_row, theoretical_win=NAN),
    Violation("ratingslips_slip_settled_is_closed", lambda floor: inserted(slip_row(floor, settled_at=floor.now))),
    Violation(
        "ratingslips_slip_credited_is_closed",
        lambda floor: inserted(closed_row(floor, ledger_entry=inserted(entry(floor)))),
    ),
    _violation("ratingslips_slip_withheld_is_settled", closed_row, withheld_because="BARRED"),
    Violation(
        "ratingslips_slip_withheld_is_settled",
        lambda floor: inserted(closed_row(floor, settled_at=floor.now, withheld_because="ACTIVE")),
    ),
    Violation(
        "ratingslips_slip_released_was_withheld",
        lambda floor: inserted(closed_row(floor, settled_at=floor.now, released_at=floor.now)),
    ),
    Violation(
        "ratingslips_slip_released_was_withheld",
        lambda floor: inserted(
            closed_row(floor, settled_at=floor.now, withheld_because="BARRED", ledger_entry=inserted(entry(floor)))
        ),
    ),
    Violation(
        "ratingslips_slip_recovered_was_owed",
        lambda floor: inserted(closed_row(floor, settled_at=floor.now, recovered_by=floor.supervisor)),
    ),
    Violation(
        "ratingslips_slip_recovered_was_owed",
        lambda floor: inserted(closed_row(floor, owed_because="BUSY", recovered_by=floor.supervisor)),
    ),
    Violation("ratingslips_ratingslip_ledger_entry_id_key", _two_slips_of_one_entry),
    _violation("ratingslips_slip_void_is_worth_nothing", closed_row, status="VOID", correction_count=1),
    _violation("ratingslips_slip_void_is_worth_nothing", closed_row, status="VOID", theoretical_win=Decimal(0)),
    _violation("ratingslips_slip_uncollected_was_credited", closed_row, uncollected_points=1),
    Violation(
        "ratingslips_slip_uncollected_was_credited",
        lambda floor: inserted(
            closed_row(floor, settled_at=floor.now, ledger_entry=inserted(entry(floor)), uncollected_points=-1)
        ),
    ),
    _violation("ratingslips_ratingslip_correction_count_check", slip_row, correction_count=-1),
)


def _two_slips_of_a_player_at_a_time(floor: Floor) -> None:
    first = closed_row(floor)
    first.save()
    closed_row(floor, player=first.player, seat=2, opened_at=floor.ago(minutes=30)).save()


def _two_players_in_a_seat_at_a_time(floor: Floor) -> None:
    inserted(ended_row(floor))
    another = slip_row(floor, seat=2)
    another.save()
    inserted(
        segment_row(floor, slip=another, started_at=floor.ago(minutes=30))
    )  # the first is away, and keeps the seat


def _overlap(floor: Floor) -> None:
    first = inserted(ended_row(floor))
    assert isinstance(first, PlaySegment)
    inserted(segment_row(floor, slip=first.slip, seq=2, started_at=floor.ago(hours=1, minutes=1)))


def _two_open(floor: Floor) -> None:
    """Two open segments overlap as well, which a new database finds first."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ratingslips_playsegment DROP CONSTRAINT ratingslips_segment_no_overlap")
    first: Any = inserted(segment_row(floor))
    inserted(segment_row(floor, slip=first.slip, seq=3, seat=2))


def _superseded_while_open(floor: Floor) -> None:
    correction = correction_row(floor)
    correction.save()
    inserted(segment_row(floor, slip=correction.slip, superseded_by=correction))


SEGMENTS = (
    Violation(
        "ratingslips_segment_seq_unique_in_slip",
        lambda floor: inserted(
            segment_row(floor, slip=inserted(ended_row(floor)).slip, started_at=floor.ago(hours=1), seat=2)  # type: ignore[attr-defined]
        ),
    ),
    Violation("ratingslips_segment_one_open_per_slip", _two_open),
    Violation("ratingslips_segment_superseded_has_ended", _superseded_while_open),
    _violation("ratingslips_segment_seq_from_one", segment_row, seq=0),
    _violation("ratingslips_segment_bet_positive", segment_row, average_bet=Decimal(0)),
    _violation("ratingslips_segment_figures_are_finite", segment_row, average_bet=NAN),
    _violation("ratingslips_segment_end_is_whole", segment_row, ended_as="PAUSED"),
    _violation("ratingslips_segment_end_is_whole", ended_row, ended_as=""),
    _violation("ratingslips_segment_end_is_whole", ended_row, ended_by=None),
    _violation("ratingslips_segment_end_is_whole", ended_row, end_correlation_id=None),
    Violation(
        "ratingslips_segment_end_is_whole", lambda floor: inserted(ended_row(floor, started_at=floor.ago(minutes=59)))
    ),
    Violation("ratingslips_segment_no_overlap", _overlap),
    Violation("ratingslips_segment_no_overlap_of_seat", _two_players_in_a_seat_at_a_time),
    Violation("ratingslips_slip_no_overlap_of_player", _two_slips_of_a_player_at_a_time),
)

DRIFT = (
    _twice("ratingslips_drift_one_check_per_casino", _drift_check),
    _violation("ratingslips_drift_accounts_not_negative", _drift_check, accounts=-1),
)

REQUESTS = (
    _violation("ratingslips_request_kind_known", _request, kind="DANCE"),
    _violation("ratingslips_request_fingerprint_is_sha256", _request, fingerprint="0" * 63),
)


def _two_corrections_of_one_entry(floor: Floor) -> None:
    made: dict[str, Any] = {"entry": inserted(entry(floor)), "no_entry_because": ""}
    first = correction_row(floor, **made)
    first.save()
    inserted(correction_row(floor, slip=first.slip, number=2, **made))


CORRECTIONS = (
    _twice("ratingslips_correction_number_unique_in_slip", correction_row, "slip"),
    _twice("ratingslips_slipcorrection_request_id_key", correction_row, "slip", "request", number=2),
    Violation("ratingslips_slipcorrection_entry_id_key", _two_corrections_of_one_entry),
    _violation("ratingslips_correction_number_from_one", correction_row, number=0),
    _violation("ratingslips_correction_kind_known", correction_row, kind="MENDED"),
    _violation("ratingslips_correction_has_reason", correction_row, reason=""),
    _violation("ratingslips_correction_has_entry_or_says_why_none", correction_row, no_entry_because=""),
    _violation("ratingslips_correction_has_entry_or_says_why_none", correction_row, no_entry_because="FORGOTTEN"),
    _violation("ratingslips_correction_uncollected_not_negative", correction_row, uncollected_after=-1),
    _violation("ratingslips_correction_theo_is_finite", correction_row, theoretical_win_before=NAN),
)

MONEY = (
    _violation("ratingslips_money_means_known", _money, means="WIRE"),
    _violation("ratingslips_money_amount_fits_kind", _money, amount=Decimal(0)),
    _violation("ratingslips_money_amount_is_finite", _money, amount=NAN),
    _violation("ratingslips_money_amount_fits_kind", _money, kind="CHIPS_OUT", amount=Decimal(-1)),
    _violation("ratingslips_money_amount_fits_kind", _money, kind="TIP"),
    _violation("ratingslips_money_struck_with_reason", _money, reason="Wrong"),
    _violation("ratingslips_money_struck_with_reason", _strike, reason=""),
    Violation("ratingslips_moneyrow_strikes_id_key", lambda floor: _struck_twice(floor)),
)

VIOLATIONS = (*CORRECTIONS, *FLOOR, *SLIPS, *SEGMENTS, *DRIFT, *REQUESTS, *MONEY)


class TestRatingSlipConstraints:
    @table_of(*VIOLATIONS)
    @pytest.mark.shows(6, 15)
    def test_refuse_what_breaks_them(self, floor: Floor, violation: Violation) -> None:
        with refused_by(violation.constraint):
            violation.attempt(floor)

    @pytest.mark.parametrize(
        "changes",
        [{"amount": Decimal(-499)}, {"means": "CHIPS"}, {"kind": "CHIPS_OUT"}, {"gaming_day": date(2020, 1, 1)}],
    )
    def test_let_a_row_strike_only_its_opposite(self, floor: Floor, changes: dict[str, Any]) -> None:
        strike = _strike(floor)
        for name, value in changes.items():
            setattr(strike, name, value)

        with refused_by_trigger("not the opposite of the row that it strikes"):
            inserted(strike)

    def test_give_money_to_the_player_of_the_slip(self, floor: Floor) -> None:
        row = _money(floor, player=floor.player())

        with refused_by_trigger("the player is not the one of the slip"):
            inserted(row)

    @pytest.mark.parametrize("make", [ended_row, _money])
    def test_give_a_void_slip_no_more(self, floor: Floor, make: Callable[..., models.Model]) -> None:
        slip = closed_row(floor, status="VOID", theoretical_win=Decimal(0), correction_count=1)
        slip.save()

        with refused_by_trigger("a void slip gets no more (play|money)"):
            inserted(make(floor, slip=slip))

    @pytest.mark.parametrize(("number", "kind", "seq"), [(2, "CORRECTED", 3), (1, "CORRECTED", 1), (1, "VOIDED", 3)])
    def test_give_a_closed_slip_play_with_its_correction_alone(
        self, floor: Floor, number: int, kind: str, seq: int
    ) -> None:
        slip = closed_row(floor)
        slip.save()
        half = floor.ago(hours=1)
        ended_row(floor, slip=slip, seq=2, held_until=half).save()
        correction_row(floor, slip=slip, last_seq_before=2, number=number, kind=kind).save()

        with refused_by_trigger("a closed slip gets no more play"):
            inserted(ended_row(floor, slip=slip, seq=seq, started_at=half, ended_at=floor.now))

    def test_let_whole_rows_in(self, floor: Floor) -> None:
        inserted(_game(floor))
        inserted(_values(floor))
        inserted(_table(floor))
        inserted(segment_row(floor))
        inserted(closed_row(floor, settled_at=floor.now, owed_because="BUSY", recovered_by=floor.supervisor))
        inserted(ended_row(floor, slip=inserted(slip_row(floor, seat=2, status="PAUSED")), seat=2))

        assert RatingSlip.objects.count() == 3
        assert PlaySegment.objects.count() == 2
