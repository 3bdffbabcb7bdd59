"""What a correction makes of a slip: the new segments, and the slip as their summary, before anything is saved."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from core.errors import DomainError
from core.models import User
from core.permissions import Rights, require_permission, rights_in
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.corrected_play import (
    CorrectedPlay,
    are_held,
    is_same_play,
    new_segments,
    play_of,
    require_places,
    require_play,
    seats_of,
    without_instants,
)
from ratingslips.services.draft import Stay
from ratingslips.services.overlaps import require_no_overlap
from ratingslips.services.seats import lock_tables, read_tables
from ratingslips.services.segments import (
    lock_slip,
    read_lists,
    require_not_void,
    require_version,
)
from ratingslips.services.times import ChosenTime, earliest_instant, require_within_reach
from ratingslips.theo import theoretical_win


class NothingCorrected(DomainError):
    """The play is recorded so already."""

    code = "NOTHING_CORRECTED"


@dataclass(kw_only=True, slots=True)
class CorrectionPlan:
    """A slip with its current segments, the play that it is to have, and the tables of both by key."""

    slip: RatingSlip
    kept: Sequence[PlaySegment]
    superseded: Sequence[PlaySegment]
    play: Sequence[CorrectedPlay]
    tables: Mapping[int, GamingTable]
    closed_at: datetime | None
    rights: Rights
    """What the actor may do with the slip's player, on all pits of the casino."""
    is_held: bool = True
    """Whether the slip held all of the seats already, at these times."""

    @classmethod
    def lock(
        cls,
        slip_id: UUID,
        play: Sequence[CorrectedPlay],
        *,
        actor: User,
        at: datetime,
        expected_version: SlipVersion | None,
    ) -> Self:
        """Lock the slip, its player and, if it is to hold other seats or times, the tables of the new play.

        :raises SlipIsVoid: the slip is void.
        :raises SlipChanged: the slip is no longer at `expected_version`.
        :raises InvalidPlay, InvalidAverageBet, InvalidTime: see `require_play`.
        """
        locked = lock_slip(slip_id, with_player=True)
        assert locked is not None
        plan = cls._begun(locked, actor=actor)
        require_version(locked, last=plan.kept[-1], expected=expected_version)
        plan._take(play, at=at, tables=lock_tables)
        return plan

    @classmethod
    def read(cls, slip: RatingSlip, play: Sequence[CorrectedPlay], *, actor: User, at: datetime) -> Self:
        """The same without locks."""
        plan = cls._begun(slip, actor=actor)
        plan._take(play, at=at, tables=read_tables)
        return plan

    @classmethod
    def _begun(cls, slip: RatingSlip, *, actor: User) -> Self:
        """A plan without changes, for an actor who may correct the slip where it is now."""
        superseded, kept = read_lists(slip)
        rights = rights_in(slip.casino_id, actor, OPERATE_PIT, CORRECT_SLIP, player_id=slip.player_id)
        tables = {segment.table_id: segment.table for segment in kept}
        plan = cls(
            slip=slip,
            kept=kept,
            superseded=superseded,
            play=play_of(kept),
            tables=tables,
            closed_at=slip.closed_at,
            rights=rights,
        )
        plan.require_permitted(actor, kept)
        require_not_void(slip)
        return plan

    def _take(
        self,
        play: Sequence[CorrectedPlay],
        *,
        at: datetime,
        tables: Callable[[Collection[int]], Mapping[int, GamingTable]],
    ) -> None:
        """Take the new play, and read its tables if they are held at other times than before."""
        slip, last, play = self.slip, self.play[-1], without_instants(play)
        held = seats_of(self.play, until=slip.closed_at)
        require_play(play, at=at, is_live=slip.is_live)
        if not slip.is_live and play[-1].ended_at != last.ended_at:
            self.closed_at = play[-1].ended_at
        self.play, self.is_held = play, are_held(seats_of(play, until=self.closed_at), among=held)
        if not self.is_held:
            self.tables = tables({stretch.table for stretch in play})

    def applied(self, *, actor: User, correlation_id: UUID) -> list[PlaySegment]:
        """The new segments, not saved; the slip becomes their summary.

        :raises NothingCorrected: the play is recorded so already.
        :raises TableNotActive, NoSuchSeat: see `require_places`.
        :raises NoGameValues: see `new_segments`.
        """
        slip = self.slip
        if is_same_play(self.play, play_of(self.kept)) and self.closed_at == slip.closed_at:
            raise NothingCorrected(f"The play of slip {slip.slip_number} is recorded so already. Nothing was done.")
        require_places(slip, self.play, kept=self.kept, tables=self.tables)
        new = new_segments(
            slip,
            self.play,
            recorded=[*self.superseded, *self.kept],
            tables=self.tables,
            closed_at=self.closed_at,
            actor=actor,
            correlation_id=correlation_id,
        )
        last = new[-1]
        slip.opened_at, slip.closed_at = new[0].started_at, self.closed_at
        slip.gaming_day = slip.casino.gaming_day_at(slip.opened_at)
        slip.table, slip.pit_id, slip.seat = last.table, last.pit_id, last.seat
        if slip.is_live:
            slip.status = RatingSlip.Status.OPEN if last.ended_at is None else RatingSlip.Status.PAUSED
        else:
            slip.theoretical_win = theoretical_win(segment.play for segment in new)
        return new

    def require_permitted(self, actor: User, segments: Iterable[PlaySegment]) -> None:
        """Refuse an actor who may not correct the slip on the pits of `segments`; see `correct_rating_slip`."""
        enough = {CORRECT_SLIP, OPERATE_PIT} if self.slip.is_live else {CORRECT_SLIP}
        for segment in segments:
            if not enough & self.rights.on(segment.pit_id):
                require_permission(actor, CORRECT_SLIP, segment.pit, player_id=self.slip.player_id)

    def require_within_reach(self, actor: User, *, at: datetime) -> None:
        """Refuse a beginning further back than `actor`, who may only operate the pit, may record an opening.

        :raises TooLongAgo: see `require_within_reach`; a beginning that is as before, or later, is within reach.
        """
        slip, pit = self.slip, self.kept[0].pit
        is_earlier = self.play[0].started_at < self.kept[0].started_at
        if slip.is_live and is_earlier and CORRECT_SLIP not in self.rights.on(pit.pk):
            earliest = earliest_instant(actor=actor, pit=pit, casino=slip.casino, at=at)
            chosen = ChosenTime(text="", earliest=earliest)
            require_within_reach(self.play[0].started_at, chosen_time=chosen, casino=slip.casino)

    def require_free(self) -> None:
        """Refuse seats and times that are taken by other play; see `require_no_overlap`."""
        if not self.is_held:
            held = enumerate(seats_of(self.play, until=self.closed_at))
            stays = [
                Stay(table=self.tables[each.table], seat=each.seat, since=each.since, until=each.until, act=number)
                for number, each in held
            ]
            require_no_overlap(self.slip, stays)
