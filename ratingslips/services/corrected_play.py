"""The new list of segments that a correction gives a slip."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final
from uuid import UUID

from core.clock import checked_event_time
from core.errors import DomainError
from core.models import User
from core.text import isolated
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services.game_values import Figures, figures_in_force
from ratingslips.services.requests import amount_text
from ratingslips.services.seats import TableNotActive, require_seat, require_seat_of
from ratingslips.services.stakes import require_average_bet

MAX_SEGMENTS: Final = 200

Start = PlaySegment.Start
End = PlaySegment.End


class InvalidPlay(DomainError):
    """The stretches of play are not a list that a slip can have."""

    code = "INVALID_PLAY"


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedPlay:
    """A stretch of play at one table (its key), seat and average bet; without `ended_at` it goes on.

    The time between two stretches is a pause.
    """

    table: int
    seat: int
    average_bet: Decimal
    started_at: datetime
    ended_at: datetime | None

    @property
    def place(self) -> tuple[int, int]:
        """The table and the seat."""
        return self.table, self.seat

    @property
    def has_length(self) -> bool:
        """Whether it is more than an instant."""
        return self.started_at != self.ended_at

    @property
    def text(self) -> str:
        """The stretch as the contents of a request have it."""
        since, until = (instant and instant.astimezone(UTC).isoformat() for instant in (self.started_at, self.ended_at))
        return f"table {self.table} seat {self.seat}, {amount_text(self.average_bet)}, from {since} to {until}"

    def follows(self, before: "CorrectedPlay") -> bool:
        """Whether it begins when `before` ends, without a pause."""
        return self.started_at == before.ended_at

    def continues(self, before: "CorrectedPlay") -> bool:
        """Whether it follows `before` at the same place and bet."""
        return self.follows(before) and (self.place, self.average_bet) == (before.place, before.average_bet)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldSeat:
    """The time in which a slip holds a seat of a table (its key), without `until` as long as it has not left."""

    table: int
    seat: int
    since: datetime
    until: datetime | None


def play_of(segments: Iterable[PlaySegment]) -> list[CorrectedPlay]:
    """The play of segments, as a correction would give it: what goes on at the same place and bet is one stretch."""
    return joined(
        CorrectedPlay(
            table=segment.table_id,
            seat=segment.seat,
            average_bet=segment.average_bet,
            started_at=segment.started_at,
            ended_at=segment.ended_at,
        )
        for segment in segments
    )


def joined(play: Iterable[CorrectedPlay]) -> list[CorrectedPlay]:
    """Join each stretch to the same play that it follows."""
    whole: list[CorrectedPlay] = []
    for stretch in play:
        if whole and stretch.continues(whole[-1]):
            whole[-1] = replace(whole[-1], ended_at=stretch.ended_at)
        else:
            whole.append(stretch)
    return whole


def without_instants(play: Iterable[CorrectedPlay]) -> list[CorrectedPlay]:
    """Join each stretch without length, such as a change when a pause ends, to the same play beside it."""
    whole: list[CorrectedPlay] = []
    for stretch in play:
        before = whole[-1] if whole else None
        if before and stretch.continues(before) and not (before.has_length and stretch.has_length):
            whole[-1] = replace(before, ended_at=stretch.ended_at)
        else:
            whole.append(stretch)
    return whole


def require_play(play: Sequence[CorrectedPlay], *, at: datetime, is_live: bool) -> None:
    """Refuse stretches of play that cannot be those of a slip at `at`.

    :raises InvalidPlay: there are none or too many, they overlap or are not in order, a stretch but the last of a live
        slip has no end, or two that follow one another are at the same place and bet.
    :raises InvalidAverageBet: see `require_average_bet`.
    :raises InvalidTime: a time has no zone, or is after `at`.
    """
    if not 1 <= len(play) <= MAX_SEGMENTS:
        raise InvalidPlay(f"Give 1 to {MAX_SEGMENTS} segments. To take all play away, void the slip.")
    for number, stretch in enumerate(play, start=1):
        require_average_bet(stretch.average_bet)
        for instant in filter(None, (stretch.started_at, stretch.ended_at)):
            checked_event_time(instant)
            if instant > at:
                raise InvalidPlay(f"Segment {number} has a time in the future.")
        if stretch.ended_at is None and not (is_live and number == len(play)):
            raise InvalidPlay(f"Segment {number} has no end. Only the last segment of a live slip may go on.")
        if stretch.ended_at is not None and stretch.ended_at < stretch.started_at:
            raise InvalidPlay(f"Segment {number} ends before it begins.")
    for number, (before, stretch) in enumerate(pairwise(play), start=1):
        if before.ended_at is None or stretch.started_at < before.ended_at:
            raise InvalidPlay(f"Segment {number + 1} begins before segment {number} has ended.")
        if stretch.continues(before):
            raise InvalidPlay(f"Segments {number} and {number + 1} are the same play: give them as one.")


def is_same_play(first: Sequence[CorrectedPlay], second: Sequence[CorrectedPlay]) -> bool:
    """Whether two lists are the same play; what was changed during a pause and had no length does not count."""
    return [each for each in first if each.has_length] == [each for each in second if each.has_length]


def require_places(
    slip: RatingSlip, play: Sequence[CorrectedPlay], *, kept: Sequence[PlaySegment], tables: Mapping[int, GamingTable]
) -> None:
    """Refuse new places that the casino does not have; a place where the slip was already may be out of use since.

    :raises TableNotActive: a table is another casino's, or not in use and the live slip is to be there now.
    :raises NoSuchSeat: the table has no such seat.
    """
    held = {(segment.table_id, segment.seat) for segment in kept}
    for number, stretch in enumerate(play, start=1):
        table = tables[stretch.table]
        if table.casino_id != slip.casino_id:
            raise TableNotActive(f"{isolated(table.name)} belongs to another casino.")
        if stretch.place in held:
            continue
        if slip.is_live and number == len(play):
            require_seat(table=table, seat=stretch.seat)
        else:
            require_seat_of(table, stretch.seat)


def new_segments(
    slip: RatingSlip,
    play: Sequence[CorrectedPlay],
    *,
    recorded: Sequence[PlaySegment],
    tables: Mapping[int, GamingTable],
    closed_at: datetime | None,
    actor: User,
    correlation_id: UUID,
) -> list[PlaySegment]:
    """The segments of the new list, not saved; `recorded` are those of all its lists, the current one last.

    Where the slip was played at the table of a stretch before, the stretch keeps the house edge, the decisions per hour
    and the pit of that play: see `_frozen`. If these change within the stretch, it becomes two segments. A stretch at a
    table where the slip was not played takes the values in force when it begins.

    :raises NoGameValues: none were in force.
    """
    play = [part for stretch in _with_changes(play) for part in _parts(recorded, stretch)]
    starts = list(_starts(play))
    segments = []
    for number, (stretch, started_as) in enumerate(zip(play, starts, strict=True)):
        following = play[number + 1] if number + 1 < len(play) else None
        table, frozen = tables[stretch.table], _frozen(recorded, stretch)
        figures: Figures | PlaySegment = frozen or figures_in_force(table, at=stretch.started_at)
        is_now = slip.is_live and following is None
        segment = PlaySegment(
            slip=slip,
            seq=recorded[-1].seq + 1 + number,
            table=table,
            pit_id=frozen.pit_id if frozen and not is_now else table.pit_id,
            seat=stretch.seat,
            average_bet=stretch.average_bet,
            house_edge_percent=figures.house_edge_percent,
            decisions_per_hour=figures.decisions_per_hour,
            started_at=stretch.started_at,
            started_as=started_as,
            started_by=actor,
            start_correlation_id=correlation_id,
            held_until=following.started_at if following else closed_at,
        )
        if stretch.ended_at is not None:
            next_start = starts[number + 1] if following and following.follows(stretch) else None
            segment.ended_at, segment.ended_by, segment.end_correlation_id = stretch.ended_at, actor, correlation_id
            segment.ended_as = _end(next_start, is_closing=following is None and stretch.ended_at == closed_at)
        segments.append(segment)
    return segments


def _with_changes(play: Sequence[CorrectedPlay]) -> Iterator[CorrectedPlay]:
    """The stretches. A change of place or bet in a pause is added as a stretch without length when the pause ends."""
    yield play[0]
    for before, stretch in pairwise(play):
        is_change = (stretch.place, stretch.average_bet) != (before.place, before.average_bet)
        if is_change and stretch.has_length and not stretch.follows(before):
            yield replace(stretch, ended_at=stretch.started_at)
        yield stretch


def _starts(play: Sequence[CorrectedPlay]) -> Iterator[PlaySegment.Start]:
    """How each stretch begins. One without length in a pause is a change of place or bet, and the pause goes on."""
    yield Start.OPENED
    is_away = False
    for before, stretch in pairwise(play):
        is_away = not stretch.follows(before) or (is_away and not before.has_length)
        change = Start.MOVED if stretch.place != before.place else Start.BET_CHANGED
        is_change = (stretch.place, stretch.average_bet) != (before.place, before.average_bet)
        yield Start.RESUMED if is_away and (stretch.has_length or not is_change) else change


def _end(next_start: PlaySegment.Start | None, *, is_closing: bool) -> PlaySegment.End:
    """How a stretch ends; `next_start` is how the next one begins, if that is at the same instant."""
    if is_closing:
        return End.CLOSED
    return {Start.MOVED: End.MOVED, Start.BET_CHANGED: End.BET_CHANGED}.get(next_start or Start.RESUMED, End.PAUSED)


def _parts(recorded: Sequence[PlaySegment], stretch: CorrectedPlay) -> Iterator[CorrectedPlay]:
    """The stretch in parts, each with one set of values to keep: see `_frozen`.

    It is cut at the beginning of each recorded segment at its table whose values or pit differ from those before.
    """
    frozen, part = _frozen(recorded, stretch), stretch
    begun = {segment.started_at for segment in recorded if segment.table_id == stretch.table}
    for instant in sorted(at for at in begun if stretch.started_at < at and _lasted(stretch, at=at)):
        rest = replace(part, started_at=instant)
        following = _frozen(recorded, rest)
        if frozen and following and _kept(frozen) != _kept(following):
            yield replace(part, ended_at=instant)
            part, frozen = rest, following
    yield part


def _kept(segment: PlaySegment) -> tuple[Decimal, Decimal, int]:
    return segment.house_edge_percent, segment.decisions_per_hour, segment.pit_id


def _frozen(recorded: Sequence[PlaySegment], stretch: CorrectedPlay) -> PlaySegment | None:
    """The recorded segment whose values and pit a stretch keeps; None if the slip was never played at its table then.

    It is at the table of the stretch, and the first of these that exists:

    1. the segment of the first list that was being played when the stretch begins
    2. a segment of any list that begins at the same instant
    3. the segment of the current list that was being played when the stretch begins
    4. a segment of any list that begins within the stretch

    So play keeps its worth if it is not corrected, and gets it back if a correction is taken back.
    """
    here = [segment for segment in recorded if segment.table_id == stretch.table]
    lasted = [segment for segment in here if _lasted(segment, at=stretch.started_at)]
    begun = [segment for segment in here if segment.started_at == stretch.started_at]
    entered_first = [segment for segment in lasted if segment.superseded_by_id == recorded[0].superseded_by_id]
    current = [segment for segment in lasted if segment.superseded_by_id is None]
    within = [segment for segment in here if _lasted(stretch, at=segment.started_at)]
    return next(iter([*entered_first, *begun, *current, *within]), None)


def _lasted(play: PlaySegment | CorrectedPlay, *, at: datetime) -> bool:
    return play.started_at <= at and (play.ended_at is None or at < play.ended_at)


def seats_of(play: Sequence[CorrectedPlay], *, until: datetime | None) -> list[HeldSeat]:
    """The seats that a slip holds one after another, pauses included, until it closes, if it does."""
    seats: list[HeldSeat] = []
    for (table, seat), group in groupby(play, key=attrgetter("place")):
        since = next(group).started_at
        if seats:
            seats[-1] = replace(seats[-1], until=since)
        seats.append(HeldSeat(table=table, seat=seat, since=since, until=until))
    return seats


def are_held(seats: Sequence[HeldSeat], *, among: Sequence[HeldSeat]) -> bool:
    """Whether each of `seats` was held, at its times, `among` others."""
    return all(any(_is_within(seat, other) for other in among) for seat in seats)


def _is_within(seat: HeldSeat, other: HeldSeat) -> bool:
    ends_within = other.until is None or (seat.until is not None and seat.until <= other.until)
    return (seat.table, seat.seat) == (other.table, other.seat) and other.since <= seat.since and ends_within
