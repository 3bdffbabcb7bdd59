"""Slips and segments written past the services, to see what PostgreSQL alone refuses."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from core.idempotency import fingerprint
from core.macs import mac_of
from core.models import Player
from ratingslips.models import GamingTable, PlaySegment, RatingSlip, SlipCorrection, SlipRequest
from tests.floor import Floor

_numbers = count(1)


def slip_row(floor: Floor, **changes: Any) -> RatingSlip:
    """A whole live slip of a new player in seat 1, not saved, but for `changes`."""
    fields: dict[str, Any] = {
        "casino": floor.casino,
        "slip_number": f"TEST-{next(_numbers)}",
        "player": changes.get("player") or floor.player(),
        "table": floor.table,
        "pit": changes.get("table", floor.table).pit,
        "seat": 1,
        "status": "OPEN",
        "opened_at": floor.ago(hours=2),
        "opened_by": floor.boss,
        "gaming_day": floor.casino.gaming_day_at(floor.now),
        "correlation_id": uuid4(),
    }
    return RatingSlip(**(fields | changes))


def closed_row(floor: Floor, **changes: Any) -> RatingSlip:
    """A whole closed slip whose points are owed, not saved, but for `changes`."""
    closing = {"status": "CLOSED", "closed_at": floor.now, "closed_by": floor.boss, "theoretical_win": Decimal("57.75")}
    return slip_row(floor, **(closing | changes))


def segment_row(floor: Floor, **changes: Any) -> PlaySegment:
    """A whole open first segment of a new live slip, not saved, but for `changes`."""
    slip = changes.get("slip")
    if slip is None:
        slip = slip_row(floor)
        slip.save()
    fields: dict[str, Any] = {
        "slip": slip,
        "seq": 1,
        "table": floor.table,
        "pit": changes.get("table", floor.table).pit,
        "seat": 1,
        "average_bet": Decimal("40.00"),
        "house_edge_percent": Decimal("0.75"),
        "decisions_per_hour": Decimal(70),
        "started_at": floor.ago(hours=2),
        "started_as": "OPENED",
        "started_by": floor.boss,
        "start_correlation_id": uuid4(),
        "held_until": slip.closed_at,
    }
    return PlaySegment(**(fields | changes))


def ended_row(floor: Floor, **changes: Any) -> PlaySegment:
    """A whole first segment that ended an hour ago, not saved, but for `changes`."""
    ending = {
        "ended_at": floor.ago(hours=1),
        "ended_as": "PAUSED",
        "ended_by": floor.boss,
        "end_correlation_id": uuid4(),
    }
    return segment_row(floor, **(ending | changes))


def correction_row(floor: Floor, *, slip: RatingSlip | None = None, **changes: Any) -> SlipCorrection:
    """A whole first correction of `slip` (a new live one) that keeps what it is now, not saved, but for `changes`."""
    if slip is None:
        slip = slip_row(floor)
        slip.save()
    correlation_id = uuid4()
    request = SlipRequest.objects.create(
        slip=slip,
        kind="CORRECT",
        actor=floor.boss,
        contents={},
        fingerprint="0" * 64,
        correlation_id=correlation_id,
        happened_at=floor.now,
    )
    kept = ("status", "opened_at", "closed_at", "gaming_day", "theoretical_win", "table", "pit", "seat")
    fields: dict[str, Any] = {
        "number": 1,
        "kind": "CORRECTED",
        "request": request,
        "reason": "Wrong bet since nine",
        "last_seq_before": 1,
        **{f"{name}_before": getattr(slip, name) for name in kept},
        "uncollected_before": slip.uncollected_points,
        "uncollected_after": 0,
        "no_entry_because": "LIVE",
    }
    return SlipCorrection(slip=slip, **(fields | changes))


def write_owed(
    floor: Floor, player: Player, *, seat: int, number: int, table: GamingTable | None = None
) -> list[RatingSlip]:
    """As many closed slips of a player as are asked for, one after the other in one seat, each owed for theo 0.35.

    A minute each at 40.00, the last of which ended an hour ago; all written at once.
    """
    ends = [floor.ago(hours=1, minutes=number - each) for each in range(1, number + 1)]
    slips = [
        closed_row(
            floor,
            player=player,
            table=table or floor.table,
            seat=seat,
            opened_at=end - timedelta(minutes=1),
            closed_at=end,
            theoretical_win=Decimal("0.35"),
            owed_because="PROGRAM_PAUSED",
        )
        for end in ends
    ]
    RatingSlip.objects.bulk_create(slips)
    play = [
        ended_row(
            floor,
            slip=slip,
            table=slip.table,
            seat=seat,
            started_at=slip.opened_at,
            ended_at=slip.closed_at,
            ended_as="CLOSED",
            end_correlation_id=slip.correlation_id,
        )
        for slip in slips
    ]
    PlaySegment.objects.bulk_create(play)
    SlipRequest.objects.bulk_create(request for segment in play for request in _asked(segment))
    return slips


def _asked(segment: PlaySegment) -> Iterator[SlipRequest]:
    """The requests that opened and closed a slip of one segment, as the application records them."""
    beginning = ("OPEN", segment.started_by, segment.start_correlation_id, segment.started_at)
    end = ("CLOSE", segment.ended_by, segment.end_correlation_id, segment.ended_at)
    for kind, actor, correlation_id, at in (beginning, end):
        assert correlation_id is not None
        assert at is not None
        contents = {"average_bet": f"{segment.average_bet}", "buy_in": None} if kind == "OPEN" else {}
        request = SlipRequest(
            slip=segment.slip,
            kind=kind,
            actor=actor,
            contents=contents,
            fingerprint=fingerprint(contents),
            correlation_id=correlation_id,
            happened_at=at,
        )
        request.mac = mac_of(request.claims())
        yield request
