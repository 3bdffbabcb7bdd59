"""Comparing the lines of a file with the events that their slips have: an import that runs again changes nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import Enum, auto
from typing import Final, Self
from uuid import UUID

from django.db.models import Prefetch
from django.db.models.functions import Upper

from core.errors import DomainError
from core.models import Casino
from core.text import shortened
from ratingslips.events import Event, SlipEventKind, SlipVersion
from ratingslips.history import entered_events
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.recorded_money import MONEY_OF_SLIPS, RecordedMoney, RecordedRow
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection
from ratingslips.services import BeforeLastEvent

_KIND_IN_FILE: Final[Mapping[SlipEventKind, EventKind]] = {
    SlipEventKind.OPENED: EventKind.OPEN,
    SlipEventKind.BET_CHANGED: EventKind.BET,
    SlipEventKind.PAUSED: EventKind.PAUSE,
    SlipEventKind.RESUMED: EventKind.RESUME,
    SlipEventKind.MOVED: EventKind.MOVE,
    SlipEventKind.CLOSED: EventKind.CLOSE,
}


Known = Event | RecordedRow
# Of a line, with their names for people.
_FIELDS: Final = {
    "occurred_at": "time",
    "player_card": "card",
    "table": "table",
    "seat": "seat",
    "average_bet": "average bet",
    "amount": "amount",
    "means": "means",
    "buy_in": "buy-in",
    "chips_out": "chips out",
}


class RecordedOtherwise(DomainError):
    """The slip has the event of the line with other values."""

    code = "RECORDED_OTHERWISE"


class Recorded(Enum):
    """How the slip of a line has the line's event already."""

    NOT = auto()
    EVENT = auto()
    NO_CHANGE = auto()  # a BET line with the bet that counts at its instant, which is no event


@dataclass(frozen=True, kw_only=True, slots=True)
class LineState:
    """Whether the slip of a line has the line's event already; else why the line cannot be added, if it cannot."""

    is_recorded: bool
    refusal: DomainError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedSlip:
    """A slip as an import needs it: its player's card, when it closed, its events when it was read, and its money.

    The events are those that were entered: lines are not compared with what a correction made of them. `changed_since`
    is a sentence about that, empty without any.
    """

    slip_id: UUID
    player_card: str
    closed_at: datetime | None
    money: RecordedMoney
    version: SlipVersion
    events: Sequence[Event]
    changed_since: str

    @classmethod
    def of(cls, slip: RatingSlip) -> Self:
        """Read a slip that `recorded_slips` fetched."""
        segments = list(slip.segments.all())
        return cls(
            slip_id=slip.pk,
            player_card=slip.player.card_number.upper(),
            closed_at=slip.closed_at,
            money=RecordedMoney.of(slip),
            version=SlipVersion(seq=segments[-1].seq, status=slip.status),
            events=entered_events(slip, segments, corrections=list(slip.corrections.all())),
            changed_since=_changed_since(slip),
        )

    @property
    def is_paused(self) -> bool:
        """Whether the slip was paused when it was read."""
        return self.version.status == RatingSlip.Status.PAUSED

    def states_of(self, lines: Sequence[RatingEvent]) -> list[LineState]:
        """Classify each line of the slip; `lines` are all that the file has, in order of time."""
        recorded, unmatched = self._are_recorded(lines)
        is_whole_slip = lines[0].kind == EventKind.OPEN
        states: list[LineState] = []
        recorded_instants: set[datetime] = set()
        for line, how in zip(reversed(lines), reversed(recorded), strict=True):
            refusal: DomainError | None = None
            moved = self._same_bet(line, unmatched) if how == Recorded.NO_CHANGE and is_whole_slip else None
            is_recorded = how != Recorded.NOT and moved is None
            if is_recorded:
                if not line.is_of_money:
                    recorded_instants.add(line.occurred_at)
            elif other := moved or self._contradicted(line, unmatched, is_whole_slip=is_whole_slip):
                refusal = RecordedOtherwise(self._difference(line, other))
            elif line.occurred_at in recorded_instants and self.closed_at is None and not line.is_of_money:
                at = line.occurred_at.isoformat()
                refusal = BeforeLastEvent(
                    f"Events of slip {line.slip_number} at {at} come after this line and are recorded already."
                )
            states.append(LineState(is_recorded=is_recorded, refusal=refusal))
        return states[::-1]

    def _same_bet(self, line: RatingEvent, unmatched: Mapping[EventKind, list[Known]]) -> Event | None:
        """A recorded change to the same bet at another time, if no line of the file describes it."""
        changes = (event for event in unmatched[line.kind] if isinstance(event, Event))
        return next((event for event in changes if event.average_bet == line.average_bet), None)

    def _contradicted(
        self, line: RatingEvent, unmatched: Mapping[EventKind, list[Known]], *, is_whole_slip: bool
    ) -> Known | None:
        """The recorded event that the line means, but with other values; None if there is none.

        It is of the line's kind, and no line of the file matches it. A slip has one OPEN and one CLOSE. Of the other
        kinds it is the event of the same instant or, if the file has all lines of the slip, the only one that is left.
        """
        candidates = unmatched[line.kind]
        if line.kind in {EventKind.OPEN, EventKind.CLOSE}:
            return candidates[0] if candidates else None
        if same := [event for event in candidates if event.at == line.occurred_at]:
            return same[0]
        is_past = self.closed_at is not None or line.occurred_at < self.events[-1].at
        return candidates[0] if is_whole_slip and is_past and len(candidates) == 1 else None

    def _difference(self, line: RatingEvent, event: Known) -> str:
        """What is recorded, and what the line says instead, for people."""
        recorded: dict[str, object] = {"occurred_at": event.at, "player_card": self.player_card}
        if isinstance(event, RecordedRow):
            recorded |= {"amount": event.amount, "means": event.means}
        else:
            recorded |= {"table": event.table_name, "seat": event.seat, "average_bet": event.average_bet}
        if line.kind == EventKind.OPEN:
            recorded |= {"buy_in": self.money.opening_buy_in}
        if line.kind == EventKind.CLOSE:
            recorded |= {"buy_in": self.money.buy_in, "chips_out": self.money.chips_out}
        return f"{_sentence(line, _differing(line, recorded), source='Recorded')}{self.changed_since}"

    def _are_recorded(self, lines: Sequence[RatingEvent]) -> tuple[list[Recorded], Mapping[EventKind, list[Known]]]:
        """Whether the slip has the event of each line, and the events that no line matches, by kind.

        One event matches one line, in order.
        """
        unmatched: dict[tuple[EventKind, datetime], list[Known]] = defaultdict(list)
        for event in self.events:
            unmatched[_KIND_IN_FILE[event.kind], event.at].append(event)
        for row in self.money.rows:
            unmatched[row.kind, row.at].append(row)
        recorded: list[Recorded] = []
        newest: RatingEvent | None = None  # the last line that is not recorded and names a bet
        for line in lines:
            candidates = unmatched[line.kind, line.occurred_at]
            match = next((index for index, event in enumerate(candidates) if self._matches(event, line)), None)
            if match is not None:
                del candidates[match]
                recorded.append(Recorded.EVENT)
            else:
                repeats = self._repeats_the_bet(line, newest=newest)
                recorded.append(Recorded.NO_CHANGE if repeats else Recorded.NOT)
            if recorded[-1] == Recorded.NOT and line.average_bet is not None:
                newest = line
        left: dict[EventKind, list[Known]] = defaultdict(list)
        for (kind, _), events in unmatched.items():
            left[kind] += events
        return recorded, left

    def _repeats_the_bet(self, line: RatingEvent, *, newest: RatingEvent | None) -> bool:
        """Whether a BET line has the bet that counts at its instant, by the events and by `newest`."""
        if line.kind != EventKind.BET or line.player_card not in {None, self.player_card}:
            return False
        before = [event for event in self.events if event.at <= line.occurred_at]
        if newest is not None and (not before or newest.occurred_at >= before[-1].at):
            return newest.occurred_at <= line.occurred_at and newest.average_bet == line.average_bet
        return bool(before) and before[-1].average_bet == line.average_bet

    def _matches(self, event: Known, line: RatingEvent) -> bool:
        """Whether an event of the line's kind and instant has the line's fields.

        An empty field matches any value, except chips out: an empty one means that none was recorded.
        """
        if line.player_card not in {None, self.player_card}:
            return False
        if isinstance(event, RecordedRow):
            return (line.amount, line.means) == (event.amount, event.means)
        if event.kind == SlipEventKind.OPENED and line.buy_in not in {None, self.money.opening_buy_in}:
            return False
        if event.kind == SlipEventKind.CLOSED:
            return line.buy_in in {None, self.money.buy_in} and line.chips_out == self.money.chips_out
        return (
            line.average_bet in {None, event.average_bet}
            and line.table in {None, event.table_name}
            and line.seat in {None, event.seat}
        )


def contradiction(line: RatingEvent, other: RatingEvent) -> RecordedOtherwise | None:
    """What `other`, a line of the file that was applied, says differently; None if they agree."""
    differing = _differing(line, {name: getattr(other, name) for name in _FIELDS})
    return RecordedOtherwise(_sentence(line, differing, source=f"Line {other.line}")) if differing else None


def _differing(line: RatingEvent, other: Mapping[str, object]) -> list[tuple[str, object, object]]:
    """The fields in which the line differs: the name, the value of `other`, and that of the line.

    Where the line says nothing it does not differ, but for chips out: then there were none.
    """
    fields = [(name, was, getattr(line, name)) for name, was in other.items()]
    said = [field for field in fields if field[0] == "chips_out" or field[2] is not None]
    return [(_FIELDS[name], was, now) for name, was, now in said if was != now]


def _sentence(line: RatingEvent, differing: Sequence[tuple[str, object, object]], *, source: str) -> str:
    """What `source` says, and what the line says instead; each field that differs by name."""
    zone = line.occurred_at.tzinfo
    was = ", ".join(f"{name} {_words(was, zone=zone)}" for name, was, _ in differing)
    told = [(name, _words(now, zone=zone)) for name, _, now in differing]
    now = told[0][1] if len(told) == 1 else ", ".join(f"{name} {words}" for name, words in told)
    return f"Slip {line.slip_number} has another {line.kind}. {source}: {was}; this line: {now}."


def _words(value: object, *, zone: tzinfo | None) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    return "none" if value is None else shortened(str(value))


def _changed_since(slip: RatingSlip) -> str:
    """What became of a slip after its play was entered, to follow a sentence about what was entered."""
    if hasattr(slip, "reassigned_to"):
        return f" The slip is void since: its play is on slip {slip.reassigned_to.slip_number}."
    if slip.is_corrected:
        return f" The slip {'is void' if slip.is_void else 'was corrected'} since."
    if hasattr(slip, "continued_by"):
        return f" Slip {slip.continued_by.slip_number} continues it since."
    return ""


def recorded_slips(*, casino: Casino, slip_numbers: Collection[str]) -> dict[str, RecordedSlip]:
    """Read the slips of these numbers with all their segments, by number as given, in four statements."""
    given = {number.upper(): number for number in slip_numbers}
    segments = PlaySegment.objects.select_related("table", "started_by", "ended_by").order_by("slip", "seq")
    slips = (
        RatingSlip.objects.alias(number=Upper("slip_number"))
        .filter(casino=casino, number__in=given)
        .select_related("player", "closed_by", "reassigned_to", "continued_by")
        .prefetch_related(
            Prefetch("segments", segments),
            Prefetch("corrections", SlipCorrection.objects.select_related("request").order_by("number")),
            *MONEY_OF_SLIPS,
        )
        .order_by()
    )
    return {given[slip.slip_number.upper()]: RecordedSlip.of(slip) for slip in slips}
