"""A live slip under its lock, and the changes of its play."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from core.kept_queries import KeptQuery
from core.models import User
from core.permissions import require_permission
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.requests import record
from ratingslips.services.segments import (
    SEGMENT_END_FIELDS,
    begin_segment,
    end_segment,
    lock_slip,
    require_live,
    require_version,
    table_of,
    with_tables,
)
from ratingslips.services.times import ChosenTime, checked_act_time

_last_segments: KeptQuery[Any] = KeptQuery(
    lambda slip_id: with_tables(PlaySegment.objects.filter(slip=slip_id)).order_by("-seq")[:1]
)


@dataclass(kw_only=True, slots=True)
class LiveSlip:
    """A live slip, locked, that `actor` may change at `at`; `last` is its newest segment, open unless it is paused."""

    slip: RatingSlip
    last: PlaySegment
    request: SlipRequest
    actor: User
    at: datetime
    chosen_time: ChosenTime | None

    @classmethod
    def lock(
        cls,
        slip_id: UUID,
        *,
        request: SlipRequest,
        actor: User,
        at: datetime,
        chosen_time: ChosenTime | None = None,
        expected_version: SlipVersion | None,
    ) -> Self:
        """Lock the slip and read its last segment; `expected_version` is the version that the page showed, if any.

        `chosen_time` is given if `at` is a time that the actor chose, and not the time at which they acted.

        :raises NotFound: there is no such slip.
        :raises NotPermitted: the actor does not operate the pit that the slip is in.
        :raises OwnPlay: the player account is the actor's own.
        :raises SlipIsVoid: the slip is void.
        :raises SlipClosed: play has ended.
        :raises SlipChanged: the slip is no longer at `expected_version`.
        :raises TooLongAgo: `at` is before the earliest time that the actor may choose.
        :raises BeforeLastEvent: `at` is before the slip's last event.
        :raises InvalidTime: `at` is in the future.
        """
        locked = lock_slip(slip_id)
        assert locked is not None
        (last,) = _last_segments(slip_id)
        last.slip = locked
        locked.table, locked.pit = table_of(last), last.pit
        require_permission(actor, OPERATE_PIT, locked.pit, player_id=locked.player_id)
        require_live(locked)
        require_version(locked, last=last, expected=expected_version)
        at = checked_act_time(at, last=last, chosen_time=chosen_time)
        return cls(slip=locked, last=last, request=request, actor=actor, at=at, chosen_time=chosen_time)

    @property
    def is_paused(self) -> bool:
        """Whether the player is away from the table and keeps the seat."""
        return self.slip.status == RatingSlip.Status.PAUSED

    def end(self, ended_as: PlaySegment.End) -> None:
        """End the open segment."""
        end_segment(
            self.last, at=self.at, ended_as=ended_as, actor=self.actor, correlation_id=self.request.correlation_id
        )
        self.last.save(update_fields=SEGMENT_END_FIELDS)

    def begin(
        self,
        started_as: PlaySegment.Start,
        *,
        table: GamingTable | None = None,
        seat: int | None = None,
        average_bet: Decimal | None = None,
        stays_paused: bool = False,
    ) -> None:
        """Begin the next segment, by default where the slip is and at its last bet.

        With `stays_paused` the segment has no length: it ends when it begins, and records a change during the pause.
        """
        segment = begin_segment(
            slip=self.slip,
            seq=self.last.seq + 1,
            table=table or self.slip.table,
            seat=seat or self.slip.seat,
            average_bet=average_bet or self.last.average_bet,
            at=self.at,
            started_as=started_as,
            actor=self.actor,
            correlation_id=self.request.correlation_id,
        )
        if stays_paused:
            end_segment(
                segment,
                at=self.at,
                ended_as=PlaySegment.End.PAUSED,
                actor=self.actor,
                correlation_id=self.request.correlation_id,
            )
        segment.save()
        self.last = segment

    def save(self, *fields: str) -> None:
        """Save `fields` of the slip, if any, and the request that changed it."""
        if fields:
            self.slip.save(update_fields=fields)
        self.request.happened_at = self.at
        record(self.request, slip=self.slip)
