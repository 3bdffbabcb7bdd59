"""What somebody with the application's role inserts or changes of play and money, past the application."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ratingslips.models import RatingSlip, SlipCorrection
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    pause_rating_slip,
    reassign_rating_slip,
    recover_slip_loyalty,
)
from tests.floor import Floor
from tests.ratingslips.corrections import correct, current_play, last_at
from tests.tamperings.kinds import NOTHING, REFUSED, Act, Tampering, again, sql

FORGED: Final = "5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a"
_PLAY: Final = "play_is_what_was_asked_for"
_OPENED: Final = "slip_was_opened_by_a_request"
_MONEY: Final = "money_was_recorded_by_a_request"
_LIVE: Final = "UPDATE ratingslips_ratingslip SET {} WHERE status = 'OPEN'"

# The columns of a segment that goes on.
OPEN: Final[dict[str, Any]] = {
    "ended_at": None,
    "ended_as": "",
    "ended_by_id": None,
    "end_correlation_id": None,
    "held_until": None,
}


def live_slip() -> RatingSlip:
    """The slip in seat 1."""
    return RatingSlip.objects.live().get(seat=1)


def end(
    floor: Floor, slip: RatingSlip, *, ended_as: str, correlation_id: Any = FORGED, at: datetime | None = None
) -> None:
    """End the segment that goes on, an hour ago unless told otherwise."""
    sql(
        "UPDATE ratingslips_playsegment SET ended_at = %s, ended_as = %s, ended_by_id = %s, end_correlation_id = %s"
        " WHERE slip_id = %s AND ended_at IS NULL",
        at or floor.ago(hours=1),
        ended_as,
        floor.boss.pk,
        correlation_id,
        slip.pk,
    )


def bet(floor: Floor, *, correlation_id: Any = FORGED) -> None:
    """End the live segment an hour early, and insert one at 5,000 behind it."""
    segment = live_slip().segments.get(ended_at=None)
    end(floor, live_slip(), ended_as="BET_CHANGED", correlation_id=correlation_id)
    again(
        "ratingslips_playsegment",
        segment.pk,
        id=segment.pk + 1000,
        seq=segment.seq + 1,
        started_at=floor.ago(hours=1).isoformat(),
        started_as="BET_CHANGED",
        average_bet="5000.00",
        start_correlation_id=str(correlation_id),
        **OPEN,
    )


def _request(floor: Floor, **values: Any) -> None:
    """A request for the inserted bet."""
    again(
        "ratingslips_sliprequest",
        live_slip().requests.get(kind="OPEN").pk,
        id=FORGED,
        kind="CHANGE_BET",
        contents={"average_bet": "5000.00"},
        correlation_id=FORGED,
        happened_at=floor.ago(hours=1).isoformat(),
        recorded_at="2001-01-01T00:00:00Z",
        **values,
    )


def _bet_without_request(floor: Floor) -> Iterator[None]:
    yield
    bet(floor)


def _bet_of_the_opening(floor: Floor) -> Iterator[None]:
    yield
    bet(floor, correlation_id=live_slip().correlation_id)


def _bet_with_a_request(floor: Floor) -> Iterator[None]:
    yield
    bet(floor)
    _request(floor)


def _bet_with_a_request_of_before(floor: Floor) -> Iterator[None]:
    yield
    bet(floor)
    _request(floor, mac=None)


def _slip(floor: Floor) -> Iterator[None]:
    player = floor.player()
    yield
    again("ratingslips_ratingslip", live_slip().pk, id=FORGED, slip_number="S99999", seat=3, player_id=player.pk)
    segment = live_slip().segments.get()
    again("ratingslips_playsegment", segment.pk, id=segment.pk + 1000, slip_id=FORGED, seat=3)


def _slip_that_is_paid(floor: Floor) -> Iterator[None]:
    owed, player = floor.owed_slip(floor.open_slip(seat=4)), floor.player()
    yield
    values = {"id": FORGED, "slip_number": "S99998", "seat": 3, "player_id": player.pk}
    again("ratingslips_ratingslip", owed.pk, **values)
    for segment in owed.segments.order_by("seq"):
        again("ratingslips_playsegment", segment.pk, id=segment.pk + 1000, slip_id=FORGED, seat=3)
    recover_slip_loyalty(slip=RatingSlip.objects.get(slip_number="S99998"), actor=floor.supervisor, at=floor.now)


def _closing(floor: Floor) -> Iterator[None]:
    yield
    slip = live_slip()
    end(floor, slip, ended_as="CLOSED", correlation_id=FORGED)
    sql(
        "UPDATE ratingslips_ratingslip SET status = 'CLOSED', closed_at = %s, closed_by_id = %s, theoretical_win = 0,"
        " correlation_id = %s, settled_at = %s WHERE id = %s",
        floor.ago(hours=1),
        floor.boss.pk,
        FORGED,
        floor.now,
        slip.pk,
    )


def _corrected(floor: Floor) -> RatingSlip:
    """A closed slip with an honest correction."""
    old = floor.played_slip(seat=4)
    complete_rating_slip(slip=old, actor=floor.boss, at=floor.now)
    correct(floor, old, last_at(old, 90))
    return RatingSlip.objects.get(pk=old.pk)


def _correct_again(slip: RatingSlip, **values: Any) -> None:
    """Insert a second correction in the name of the request of the honest one."""
    kept = SlipCorrection.objects.get()
    again(
        "ratingslips_slipcorrection",
        kept.pk,
        id=kept.pk + 1000,
        number=2,
        last_seq_before=slip.segments.count(),
        theoretical_win_before=str(slip.theoretical_win),
        points_before=slip.corrected_points,
        entry_id=None,
        **values,
    )


def _void(floor: Floor) -> Iterator[None]:
    """Void a corrected slip in the name of the request of its correction."""
    slip = _corrected(floor)
    yield
    _correct_again(slip, kind="VOIDED", points_after=0, no_entry_because="NOT_COVERED")


def _second_correction(floor: Floor) -> Iterator[None]:
    """A day earlier, by a correction in the name of the request of an honest one."""
    slip = _corrected(floor)
    yield
    _correct_again(slip, points_after=slip.corrected_points, no_entry_because="SAME_POINTS")
    sql(
        "UPDATE ratingslips_ratingslip SET correction_count = 2, gaming_day = gaming_day - 1 WHERE id = %s",
        slip.pk,
    )


def _money(kind: str) -> Act:
    def act(floor: Floor) -> Iterator[None]:
        yield
        slip = live_slip()
        sql(
            "INSERT INTO ratingslips_moneyrow"
            " (slip_id, player_id, kind, means, amount, happened_at, gaming_day, actor_id, reason, request_id)"
            " VALUES (%s, %s, %s, 'CASH', 9000, %s, %s, %s, '', %s)",
            slip.pk,
            slip.player_id,
            kind,
            floor.now,
            slip.gaming_day,
            floor.boss.pk,
            slip.requests.get().pk,
        )

    return act


def _money_of_the_closing(floor: Floor) -> Iterator[None]:
    slip = floor.open_slip(seat=4)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal(300))
    yield
    chips = slip.money_rows.get()
    again("ratingslips_moneyrow", chips.pk, id=chips.pk + 1000, kind="BUY_IN", amount="9000.00")


def _money_of_the_wrong_player(floor: Floor) -> Iterator[None]:
    slip, right = floor.open_slip(seat=4, buy_in=Decimal(500)), floor.player()
    given = reassign_rating_slip(slip=slip, player=right, actor=floor.supervisor, at=floor.now, reason="Another José")
    yield
    row = given.slip.money_rows.get()
    again("ratingslips_moneyrow", row.pk, id=row.pk + 1000)


def _strike(floor: Floor) -> Iterator[None]:
    slip = floor.open_slip(seat=4, buy_in=Decimal(500))
    yield
    row = slip.money_rows.get()
    again("ratingslips_moneyrow", row.pk, id=row.pk + 1000, amount="-500.00", strikes_id=row.pk, reason="Entered twice")


def _pause_by_an_unchanged_bet(floor: Floor) -> Iterator[None]:
    """End the play of a live slip when somebody confirmed its bet."""
    slip = live_slip()
    change_average_bet(slip=slip, average_bet=Decimal(40), actor=floor.boss, at=floor.ago(hours=1))
    yield
    correlation_id = slip.requests.get(kind="CHANGE_BET").correlation_id
    end(floor, slip, ended_as="PAUSED", correlation_id=correlation_id)
    sql("UPDATE ratingslips_ratingslip SET status = 'PAUSED' WHERE id = %s", slip.pk)


def _play_by_a_stretch_without_length(floor: Floor) -> Iterator[None]:
    """Play at the bet of a stretch without length that a correction asked for."""
    slip = floor.played_slip(seat=4)
    first, last = current_play(slip)
    moment = replace(first, average_bet=Decimal(5000), started_at=last.started_at)
    correct(floor, slip, [replace(first, ended_at=floor.ago(hours=1)), moment, last])
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    yield
    again(
        "ratingslips_playsegment",
        slip.segments.current().get(average_bet=5000).pk,
        id=99_999,
        seq=slip.segments.count() + 1,
        started_at=floor.now.isoformat(),
        **OPEN,
    )
    sql("UPDATE ratingslips_ratingslip SET status = 'OPEN' WHERE id = %s", slip.pk)


def _unpaused(floor: Floor) -> Iterator[None]:
    """Go on in a pause, in the name of the request that paused the play."""
    slip = live_slip()
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))
    yield
    segment = slip.segments.get()
    again(
        "ratingslips_playsegment",
        segment.pk,
        id=segment.pk + 1000,
        seq=2,
        started_at=floor.ago(hours=1).isoformat(),
        started_as="RESUMED",
        start_correlation_id=str(segment.end_correlation_id),
        **OPEN,
    )
    sql("UPDATE ratingslips_ratingslip SET status = 'OPEN' WHERE id = %s", slip.pk)


PLAY: Final = (
    Tampering(
        what="a segment at 5,000 inserted into a live slip", before=NOTHING, act=_bet_without_request, found=_PLAY
    ),
    Tampering(
        what="the same under the correlation id of the opening", before=NOTHING, act=_bet_of_the_opening, found=_PLAY
    ),
    Tampering(
        what="the same with a request, and the code of a real one",
        before=NOTHING,
        act=_bet_with_a_request,
        found="requests_are_authentic",
    ),
    Tampering(
        what="the same with a request without code, dated before the release",
        before=NOTHING,
        act=_bet_with_a_request_of_before,
        found="requests_are_authentic",
    ),
    Tampering(what="a pause ended in the name of the request for it", act=_unpaused, found=_PLAY),
    Tampering(
        what="a live slip paused when somebody confirmed its bet",
        before=NOTHING,
        act=_pause_by_an_unchanged_bet,
        found=_PLAY,
    ),
    Tampering(
        what="play at the bet of a stretch without length of a correction",
        before=NOTHING,
        act=_play_by_a_stretch_without_length,
        found=_PLAY,
    ),
    Tampering(what="a live slip inserted", before=NOTHING, act=_slip, found=_OPENED),
    Tampering(
        what="a closed slip of an earlier day inserted, and paid by an honest supervisor",
        before=NOTHING,
        act=_slip_that_is_paid,
        found=_OPENED,
    ),
    Tampering(what="a live slip closed, worth nothing", act=_closing, found="slip_was_closed_by_a_request"),
    Tampering(what="a slip voided in the name of the request for a correction", act=_void, found=REFUSED),
    Tampering(
        what="a slip moved to another day, by a second correction in the name of the request of the first",
        act=_second_correction,
        found=REFUSED,
    ),
    Tampering(what="a live slip moved to another seat", before=NOTHING, act=_LIVE.format("seat = 5"), found=REFUSED),
    Tampering(
        what="a live slip opened earlier", act=_LIVE.format("opened_at = opened_at - interval '1 h'"), found=REFUSED
    ),
    Tampering(what="a live slip of another day", act=_LIVE.format("gaming_day = gaming_day - 1"), found=REFUSED),
    Tampering(what="a buy-in inserted", before=NOTHING, act=_money("BUY_IN"), found=_MONEY),
    Tampering(
        what="chips out inserted under the request of an opening", before=NOTHING, act=_money("CHIPS_OUT"), found=_MONEY
    ),
    Tampering(
        what="a buy-in inserted that the closing of its slip did not state",
        before=NOTHING,
        act=_money_of_the_closing,
        found=_MONEY,
    ),
    Tampering(
        what="a buy-in of a slip that was given to another player, once more",
        before=NOTHING,
        act=_money_of_the_wrong_player,
        found=_MONEY,
    ),
    Tampering(what="a buy-in struck in the name of the request for it", act=_strike, found=_MONEY),
)
