"""What somebody with the application's role does to slips of an earlier version, which recorded no requests."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.macs import MIGRATION
from ratingslips.models import RatingSlip
from ratingslips.services import change_average_bet, complete_rating_slip, pause_rating_slip, resume_rating_slip
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.ratingslips.corrections import correct, last_at
from tests.tamperings.kinds import NOTHING, Tampering, sql, unguarded
from tests.tamperings.play import bet, end, live_slip

_CLOSED: Final = """
    UPDATE ratingslips_ratingslip AS slip
    SET status = 'CLOSED', closed_at = segment.ended_at, closed_by_id = segment.ended_by_id,
        correlation_id = segment.end_correlation_id, owed_because = 'BUSY',
        theoretical_win = round(average_bet * house_edge_percent * decisions_per_hour
                                * extract(epoch FROM segment.ended_at - segment.started_at) / (100 * 3600), 2)
    FROM ratingslips_playsegment AS segment WHERE slip_id = slip.id AND slip.id = %s
"""


def _make_earlier(floor: Floor, slip: RatingSlip) -> RatingSlip:
    """Have the slip opened by a version without requests, half an hour before there were codes."""
    with as_owner(), unguarded("ratingslips_sliprequest"):
        sql(
            f"UPDATE django_migrations SET applied = %s WHERE app = 'ratingslips' AND name LIKE '%%{MIGRATION}'",
            floor.ago(minutes=90),
        )
        sql(
            "UPDATE ratingslips_sliprequest SET kind = 'EARLIER', mac = NULL, recorded_at = %s, contents = '{}'"
            " WHERE slip_id = %s AND kind = 'OPEN'",
            floor.ago(hours=2),
            slip.pk,
        )
    return slip


def _bet(floor: Floor) -> Iterator[None]:
    _make_earlier(floor, live_slip())
    yield
    bet(floor)


def _bet_after_honest_acts(floor: Floor) -> Iterator[None]:
    """Of the version with requests, on that slip and on one that was closed and corrected since."""
    for slip in (live_slip(), closed := floor.open_slip(seat=4)):
        _make_earlier(floor, slip)
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.boss, at=floor.ago(minutes=80))
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=75))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=70))
    complete_rating_slip(slip=closed, actor=floor.boss, at=floor.ago(minutes=50))
    correct(floor, closed, last_at(closed, 90))
    yield
    bet(floor)


def _close(floor: Floor, *, at: datetime) -> None:
    end(floor, slip := live_slip(), ended_as="CLOSED", at=at)
    sql(_CLOSED, slip.pk)


def _closing(floor: Floor) -> Iterator[None]:
    _make_earlier(floor, live_slip())
    yield
    _close(floor, at=floor.ago(hours=1))


def _closing_of_before(floor: Floor) -> Iterator[None]:
    _make_earlier(floor, live_slip())
    yield
    _close(floor, at=floor.ago(minutes=100))


def _settled(floor: Floor) -> Iterator[None]:
    """At the lowest multiplier the points are less than half a point."""
    slip = floor.open_slip(seat=4, average_bet=Decimal("0.04"))
    award(floor, slip.player, points=6_000)
    owed = floor.owed_slip(_make_earlier(floor, slip))
    yield
    sql("UPDATE ratingslips_ratingslip SET settled_at = closed_at WHERE id = %s", owed.pk)


EARLIER: Final = (
    Tampering(
        what="a segment at 5,000 inserted into a live slip of a version without requests",
        before=NOTHING,
        act=_bet,
        found="play_is_what_was_asked_for",
    ),
    Tampering(
        what="the same after honest acts on it",
        before=NOTHING,
        act=_bet_after_honest_acts,
        found="play_is_what_was_asked_for",
    ),
    Tampering(
        what="a live slip of a version without requests closed",
        before=NOTHING,
        act=_closing,
        found="slip_was_closed_by_a_request",
    ),
    Tampering(
        what="the same, dated before there were codes of requests",
        before=NOTHING,
        act=_closing_of_before,
        found=NOTHING,
    ),
    Tampering(
        what="an owed slip of a version without requests, of less than half a point, marked as settled",
        before=NOTHING,
        act=_settled,
        found="points_were_paid_by_a_request",
    ),
)
