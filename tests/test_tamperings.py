"""What somebody with the database role of the application can write past the application, and what is found then.

docs/security.md names what nothing finds.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core.macs import MIGRATION
from core.models import Player
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    pause_rating_slip,
    reassign_rating_slip,
    recover_slip_loyalty,
)
from tests.databases import act_as_owner_from_here_on
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.ratingslips.corrections import correct, current_play

# A row of a table that is there, inserted once more with other values.
_AGAIN = "INSERT INTO {0} SELECT (jsonb_populate_record(one, %s)).* FROM {0} AS one WHERE one.id = %s"

# The columns of a segment that goes on.
_OPEN: dict[str, Any] = {
    "ended_at": None,
    "ended_as": "",
    "ended_by_id": None,
    "end_correlation_id": None,
    "held_until": None,
}


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """With an award and a live slip, as the application recorded them."""
    slip = floor.open_slip(seat=1)
    award(floor, slip.player, points=500, reward_id="first")
    assert broken_invariants() == {}
    return floor


def _sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        assert cursor.rowcount == 1


def _again(table: str, key: Any, **values: Any) -> None:
    _sql(_AGAIN.format(table), connection.ops.adapt_json_value(values, None), key)


def _award_in_another_name(floor: Floor, **values: Any) -> None:
    entry = LedgerEntry.objects.get()
    account = entry.account
    _again(
        "loyalty_ledger",
        entry.pk,
        id=entry.pk + 1,
        seq=2,
        idempotency_key="reward:second",
        staff_id=floor.boss.pk,
        balance_before=500,
        balance_after=1000,
        lifetime_points_before=500,
        lifetime_points_after=1000,
        **values,
    )
    second = LedgerEntry.objects.get(seq=2)
    _sql(
        "UPDATE loyalty_playerloyalty SET balance = 1000, lifetime_points = 1000, entry_count = 2, head_hash = %s,"
        " tier_id = %s WHERE id = %s",
        bytes(second.entry_hash),
        second.tier_after_id,
        account.pk,
    )


def _promotion_of_nobody(floor: Floor) -> None:
    _award_in_another_name(floor, kind="PROMOTION", mac=None)


def _live() -> RatingSlip:
    return RatingSlip.objects.live().get()


def _segment(floor: Floor, **values: Any) -> None:
    """End the live segment an hour early, and insert one at 5,000 behind it."""
    slip = _live()
    segment = slip.segments.get()
    _sql(
        "UPDATE ratingslips_playsegment SET ended_at = %s, ended_as = 'BET_CHANGED', ended_by_id = %s,"
        " end_correlation_id = %s WHERE id = %s",
        floor.ago(hours=1),
        floor.boss.pk,
        values.get("start_correlation_id", "5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a"),
        segment.pk,
    )
    _again(
        "ratingslips_playsegment",
        segment.pk,
        id=segment.pk + 1000,
        seq=2,
        started_at=floor.ago(hours=1).isoformat(),
        started_as="BET_CHANGED",
        average_bet="5000.00",
        **{"start_correlation_id": "5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a", **values, **_OPEN},
    )


def _segment_of_the_opening(floor: Floor) -> None:
    _segment(floor, start_correlation_id=str(_live().correlation_id))


def _segment_with_a_request(floor: Floor, **values: Any) -> None:
    _segment(floor)
    opening = SlipRequest.objects.get(kind="OPEN")
    _again(
        "ratingslips_sliprequest",
        opening.pk,
        id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a",
        kind="CHANGE_BET",
        contents={"average_bet": "5000.00"},
        correlation_id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a",
        happened_at=floor.ago(hours=1).isoformat(),
        recorded_at="2001-01-01T00:00:00Z",
        **values,
    )


def _segment_with_a_request_of_before(floor: Floor) -> None:
    _segment_with_a_request(floor, mac=None)


def _slip(floor: Floor) -> None:
    slip = _live()
    _again(
        "ratingslips_ratingslip",
        slip.pk,
        id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a",
        slip_number="S99999",
        player_id=floor.player().pk,
        seat=2,
    )
    segment = slip.segments.get()
    _again(
        "ratingslips_playsegment", segment.pk, id=segment.pk + 1, slip_id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a", seat=2
    )


def _slip_that_is_paid_later(floor: Floor) -> None:
    """A slip that was closed long ago, as it seems, and whose points an honest supervisor pays."""
    owed = floor.owed_slip(floor.open_slip(seat=4))
    _again(
        "ratingslips_ratingslip",
        owed.pk,
        id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a",
        slip_number="S99998",
        seat=3,
        player_id=floor.player().pk,
    )
    for segment in owed.segments.order_by("seq"):
        _again(
            "ratingslips_playsegment",
            segment.pk,
            id=segment.pk + 1000,
            slip_id="5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a",
            seat=3,
        )
    recover_slip_loyalty(slip=RatingSlip.objects.get(slip_number="S99998"), actor=floor.supervisor, at=floor.now)


def _balance(floor: Floor) -> None:
    _sql("UPDATE loyalty_playerloyalty SET balance = balance + 500 WHERE id = %s", account_of(_live().player).pk)


def _money(floor: Floor) -> None:
    slip = _live()
    _sql(
        "INSERT INTO ratingslips_moneyrow"
        " (slip_id, player_id, kind, means, amount, happened_at, gaming_day, actor_id, reason, request_id)"
        " VALUES (%s, %s, 'BUY_IN', 'CASH', 9000, %s, %s, %s, '', %s)",
        slip.pk,
        slip.player_id,
        floor.now,
        slip.gaming_day,
        floor.boss.pk,
        slip.requests.get().pk,
    )


def _money_of_the_closing(floor: Floor) -> None:
    """A buy-in that the closing of a slip did not state."""
    slip = floor.open_slip(seat=4)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal(300))
    chips = slip.money_rows.get()
    _again("ratingslips_moneyrow", chips.pk, id=chips.pk + 1000, kind="BUY_IN", amount="9000.00")


def _chips_of_the_opening(floor: Floor) -> None:
    row = floor.open_slip(seat=4, buy_in=Decimal(500)).money_rows.get()
    _again("ratingslips_moneyrow", row.pk, id=row.pk + 1000, kind="CHIPS_OUT")


def _money_of_the_wrong_player(floor: Floor) -> None:
    """A buy-in once more, when the slip is given to another player."""
    slip = floor.open_slip(seat=4, buy_in=Decimal(500))
    right = floor.player()
    given = reassign_rating_slip(slip=slip, player=right, actor=floor.supervisor, at=floor.now, reason="Another José")
    row = given.slip.money_rows.get()
    _again("ratingslips_moneyrow", row.pk, id=row.pk + 1000)


def _pause_by_an_unchanged_bet(floor: Floor) -> None:
    """End the play of a live slip when somebody confirmed its bet."""
    slip = _live()
    change_average_bet(slip=slip, average_bet=Decimal(40), actor=floor.boss, at=floor.ago(hours=1))
    _sql(
        "UPDATE ratingslips_playsegment SET ended_at = %s, ended_as = 'PAUSED', ended_by_id = %s,"
        " end_correlation_id = %s WHERE slip_id = %s",
        floor.ago(hours=1),
        floor.boss.pk,
        slip.requests.get(kind="CHANGE_BET").correlation_id,
        slip.pk,
    )
    _sql("UPDATE ratingslips_ratingslip SET status = 'PAUSED' WHERE id = %s", slip.pk)


def _play_by_a_stretch_without_length(floor: Floor) -> None:
    """Play at the bet of a stretch without length that a correction asked for."""
    slip = floor.played_slip(seat=4)
    first, last = current_play(slip)
    moment = replace(first, average_bet=Decimal(5000), started_at=last.started_at)
    correct(floor, slip, [replace(first, ended_at=floor.ago(hours=1)), moment, last])
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    _again(
        "ratingslips_playsegment",
        slip.segments.current().get(average_bet=5000).pk,
        id=99_999,
        seq=slip.segments.count() + 1,
        started_at=floor.now.isoformat(),
        **_OPEN,
    )
    _sql("UPDATE ratingslips_ratingslip SET status = 'OPEN' WHERE id = %s", slip.pk)


def _release(floor: Floor) -> None:
    """Let withheld points seem to be released, which takes them from the player for good."""
    slip = floor.played_slip(seat=4)
    Player.objects.filter(pk=slip.player_id).update(status="BARRED")
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    _sql("UPDATE ratingslips_ratingslip SET released_at = settled_at WHERE id = %s", slip.pk)


def _points_of_little_worth(floor: Floor) -> None:
    """Let a slip seem to be settled whose points at the lowest multiplier are less than half a point."""
    slip = floor.open_slip(seat=4, average_bet=Decimal("0.04"))
    award(floor, slip.player, points=6_000)
    owed = floor.owed_slip(slip)
    _sql("UPDATE ratingslips_ratingslip SET settled_at = closed_at WHERE id = %s", owed.pk)


def _tier_of_a_new_account(floor: Floor) -> None:
    """Let the first points of a player be counted with the multiplier of another tier."""
    slip = floor.played_slip(seat=4)
    gold = "UPDATE loyalty_playerloyalty SET tier_id = (SELECT id FROM loyalty_tier WHERE name = 'Gold') WHERE id = %s"
    _sql(gold, account_of(slip.player).pk)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


TAMPERINGS: dict[Callable[[Floor], None], set[str]] = {
    _award_in_another_name: {"entries_are_authentic"},
    _promotion_of_nobody: {"entries_are_authentic"},
    _segment: {"play_is_what_was_asked_for"},
    _segment_of_the_opening: {"play_is_what_was_asked_for", "request_begins_one_segment"},
    _segment_with_a_request: {"requests_are_authentic"},
    _segment_with_a_request_of_before: {"requests_are_authentic"},
    _slip: {"slip_was_opened_by_a_request"},
    _slip_that_is_paid_later: {"slip_was_opened_by_a_request"},
    _balance: {"account_is_its_entries", "sums_agree"},
    _money: {"money_was_recorded_by_a_request"},
    _money_of_the_closing: {"money_was_recorded_by_a_request"},
    _chips_of_the_opening: {"money_was_recorded_by_a_request"},
    _money_of_the_wrong_player: {"money_was_recorded_by_a_request"},
    _pause_by_an_unchanged_bet: {"play_is_what_was_asked_for"},
    _play_by_a_stretch_without_length: {"play_is_what_was_asked_for", "request_begins_one_segment"},
    _release: {"points_were_paid_by_a_request"},
    _points_of_little_worth: {"points_were_paid_by_a_request"},
    _tier_of_a_new_account: {"tier_of_lifetime_points"},
}


@pytest.mark.django_db
class TestApplicationsRole:
    @pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__.strip("_"))
    @pytest.mark.shows(47)
    def test_writes_nothing_of_points_and_play_unseen(self, floor: Floor, tamper: Callable[[Floor], None]) -> None:
        tamper(floor)

        assert TAMPERINGS[tamper] <= broken_invariants().keys()

    @pytest.mark.shows(47)
    def test_is_seen_where_nothing_says_since_when_there_are_codes(self, floor: Floor) -> None:
        _promotion_of_nobody(floor)
        _segment_with_a_request_of_before(floor)
        act_as_owner_from_here_on()

        MigrationRecorder.Migration.objects.filter(name__endswith=MIGRATION).delete()

        assert {"entries_are_authentic", "requests_are_authentic"} <= broken_invariants().keys()
