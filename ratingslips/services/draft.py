"""A slip in memory, to which acts are applied in order of time before anything is saved."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from core import correlation
from core.clock import checked_event_time
from core.errors import NotFound
from core.idempotency import fingerprint
from core.models import Player, User
from ratingslips.models import GamingTable, MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.services.acts import Act
from ratingslips.services.closing import close_play
from ratingslips.services.game_values import figures_in_force
from ratingslips.services.long_play import require_long_play_confirmed
from ratingslips.services.money import new_row, require_before_closing, require_buy_in
from ratingslips.services.opening import SlipNumberTaken, first_segment
from ratingslips.services.requests import RequestKind
from ratingslips.services.seats import require_other_place, require_seat
from ratingslips.services.segments import begin_segment, end_segment, require_live, require_not_void, require_state_for
from ratingslips.services.stakes import require_amount, require_average_bet
from ratingslips.services.times import checked_act_time

Start = PlaySegment.Start
End = PlaySegment.End


class UnknownSlip(NotFound):
    """The casino has no slip of this number."""

    code = "UNKNOWN_SLIP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """The time in which a slip holds a seat; without an end if `until` is None. The act at position `act` took it."""

    table: GamingTable
    seat: int
    since: datetime
    until: datetime | None
    act: int


@dataclass(kw_only=True, slots=True)
class Draft:
    """A slip and its segments, with `acts` applied; the first `kept` segments are in the database."""

    slip_number: str
    player: Player | None
    tables: Mapping[int, GamingTable]
    actor: User
    long_play_confirmed: bool
    slip: RatingSlip | None = None
    segments: list[PlaySegment] = field(default_factory=list)
    kept: int = 0
    kept_is_open: bool = False
    requests: list[SlipRequest] = field(default_factory=list)
    seated_by: dict[int, int] = field(default_factory=dict)  # act, by the position of the segment that it began
    bought_in: Decimal = Decimal(0)
    """The sum of the buy-ins, those of the acts among them; read only if an act has one."""
    money_rows: list[MoneyRow] = field(default_factory=list)

    def copied(self) -> "Draft":
        """A draft of the same slip, to which other acts can be applied."""
        slip = copy(self.slip)
        return Draft(
            slip_number=self.slip_number,
            player=self.player,
            tables=self.tables,
            actor=self.actor,
            long_play_confirmed=self.long_play_confirmed,
            slip=slip,
            segments=[copy(segment) for segment in self.segments],
            kept=self.kept,
            kept_is_open=bool(self.segments) and self.segments[-1].ended_at is None,
            bought_in=self.bought_in,
        )

    @property
    def is_new(self) -> bool:
        """Whether an act opened the slip."""
        return self.slip is not None and self.kept == 0

    @property
    def takes_a_seat(self) -> bool:
        """Whether an act opened or moved the slip."""
        return bool(self.seated_by)

    @property
    def is_closing(self) -> bool:
        """Whether an act closes the slip."""
        return any(request.kind == RequestKind.CLOSE for request in self.requests)

    @property
    def has_ended_a_kept_segment(self) -> bool:
        """Whether the acts ended a segment that is open in the database."""
        return self.kept_is_open and self.segments[self.kept - 1].ended_at is not None

    def stays(self) -> list[Stay]:
        """The seats that the acts took."""
        assert self.slip is not None
        found = []
        begun = sorted(self.seated_by)
        for position, following in pairwise([*begun, None]):
            assert position is not None
            segment = self.segments[position]
            until = self.slip.closed_at if following is None else self.segments[following].started_at
            found.append(
                Stay(
                    table=segment.table,
                    seat=segment.seat,
                    since=segment.started_at,
                    until=until,
                    act=self.seated_by[position],
                )
            )
        return found

    def apply(self, act: Act, *, number: int, request_id: UUID) -> None:
        """Apply the act of this number.

        :raises DomainError: the act is refused; the draft is as it was.
        """
        if act.average_bet is not None:
            require_average_bet(act.average_bet)
        require_amount(act.buy_in, name="buy-in")
        require_amount(act.chips_out, name="chips-out amount")
        contents = act.contents(slip_number=self.slip_number)
        request = SlipRequest(
            pk=request_id,
            kind=act.kind,
            actor=self.actor,
            contents=contents,
            fingerprint=fingerprint(contents),
            correlation_id=correlation.current(),
        )
        if act.kind == RequestKind.OPEN:
            self._open(act, request, number=number)
        elif act.is_of_money:
            self._add_money(act, request)
        else:
            self._change(act, request, number=number)
        self.requests.append(request)

    def _open(self, act: Act, request: SlipRequest, *, number: int) -> None:
        if self.slip is not None:
            raise SlipNumberTaken(f"Slip number {self.slip_number} is already used in this casino.")
        assert self.player is not None
        assert act.average_bet is not None
        request.happened_at = checked_event_time(act.at)
        table, seat = self._place(act, at=request.happened_at)
        casino = table.pit.casino
        self.slip = RatingSlip(
            casino=casino,
            slip_number=self.slip_number,
            player=self.player,
            table=table,
            pit=table.pit,
            seat=seat,
            opened_at=request.happened_at,
            opened_by=self.actor,
            gaming_day=casino.gaming_day_at(request.happened_at),
            correlation_id=request.correlation_id,
        )
        self.seated_by[0] = number
        self.segments.append(first_segment(self.slip, average_bet=act.average_bet))
        if act.buy_in:
            self._add_row(MoneyRow.Kind.BUY_IN, act.buy_in, act, request)

    def _opened(self) -> RatingSlip:
        if self.slip is None:
            raise UnknownSlip(f"There is no slip {self.slip_number} in this casino: its OPEN was not imported.")
        return self.slip

    def _add_money(self, act: Act, request: SlipRequest) -> None:
        if act.kind == RequestKind.BUY_IN:
            require_buy_in(act.amount)
        slip = self._opened()
        require_not_void(slip)
        request.happened_at = checked_event_time(act.at, not_before=slip.opened_at)
        require_before_closing(slip, request.happened_at)
        self._add_row(MoneyRow.Kind(act.kind.value), act.amount, act, request)

    def _add_row(self, kind: MoneyRow.Kind, amount: Decimal, act: Act, request: SlipRequest) -> None:
        assert self.slip is not None
        self._keep(new_row(kind, slip=self.slip, amount=amount, means=act.means, request=request))

    def _keep(self, *rows: MoneyRow) -> None:
        self.money_rows += rows
        self.bought_in += sum((row.amount for row in rows if row.kind == MoneyRow.Kind.BUY_IN), Decimal(0))

    def _change(self, act: Act, request: SlipRequest, *, number: int) -> None:
        slip = self._opened()
        require_live(slip)
        last = self.segments[-1]
        is_closing = act.kind == RequestKind.CLOSE
        at = checked_act_time(act.at, last=last, last_money_at=slip.last_money_at if is_closing else None)
        request.happened_at = at
        require_state_for(act.kind, slip=slip)
        if act.kind in {RequestKind.RESUME, RequestKind.CHANGE_BET}:
            figures_in_force(slip.table, at=at)  # refused before the draft is changed
        match act.kind:
            case RequestKind.PAUSE:
                self._end(End.PAUSED, request)
                slip.status = RatingSlip.Status.PAUSED
            case RequestKind.RESUME:
                slip.status = RatingSlip.Status.OPEN
                self._begin(Start.RESUMED, request)
            case RequestKind.CHANGE_BET:
                if act.average_bet != last.average_bet:
                    self._end(End.BET_CHANGED, request)
                    self._begin(Start.BET_CHANGED, request, average_bet=act.average_bet)
            case RequestKind.MOVE:
                self._move(act, request, number=number)
            case _:
                self._require_no_long_play(at)
                rows = act.closing_money.rows(slip, request=request, recorded=self.bought_in)
                close_play(slip, segments=self.segments, request=request, at=at)
                self.segments[-1].held_until = at
                self._keep(*rows)

    def _require_no_long_play(self, at: datetime) -> None:
        assert self.slip is not None
        last = self.segments[-1]
        played = sum((segment.played for segment in self.segments if segment.ended_at is not None), timedelta())
        if not self.long_play_confirmed:
            played += at - last.started_at if last.ended_at is None else timedelta()
            require_long_play_confirmed(self.slip, played=played)

    def _move(self, act: Act, request: SlipRequest, *, number: int) -> None:
        assert self.slip is not None
        table, seat = self._place(act, at=request.happened_at)
        require_other_place(self.slip, table=table, seat=seat)
        self._end(End.MOVED, request)
        self.slip.table, self.slip.pit, self.slip.seat = table, table.pit, seat
        self.seated_by[len(self.segments)] = number
        self._begin(Start.MOVED, request, average_bet=act.average_bet)

    def _place(self, act: Act, *, at: datetime) -> tuple[GamingTable, int]:
        assert act.table is not None
        assert act.seat is not None
        table = self.tables[act.table]
        require_seat(table=table, seat=act.seat)
        figures_in_force(table, at=at)  # refused before the draft is changed
        return table, act.seat

    def _end(self, ended_as: PlaySegment.End, request: SlipRequest) -> None:
        """End the last segment, unless it ended when the slip was paused."""
        if self.segments[-1].ended_at is None:
            end_segment(
                self.segments[-1],
                at=request.happened_at,
                ended_as=ended_as,
                actor=self.actor,
                correlation_id=request.correlation_id,
            )

    def _begin(
        self, started_as: PlaySegment.Start, request: SlipRequest, *, average_bet: Decimal | None = None
    ) -> None:
        """Begin the next segment; during a pause it has no length."""
        assert self.slip is not None
        last = self.segments[-1]
        last.held_until = request.happened_at
        segment = begin_segment(
            slip=self.slip,
            seq=last.seq + 1,
            table=self.slip.table,
            seat=self.slip.seat,
            average_bet=average_bet or last.average_bet,
            at=request.happened_at,
            started_as=started_as,
            actor=self.actor,
            correlation_id=request.correlation_id,
        )
        self.segments.append(segment)
        if self.slip.status == RatingSlip.Status.PAUSED:
            self._end(End.PAUSED, request)
