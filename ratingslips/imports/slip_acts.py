"""The lines of a slip as acts of the services, and what became of each line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Final, Self
from uuid import UUID

from core.errors import DomainError
from core.text import shortened
from ratingslips import services
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.lookup import Lookup
from ratingslips.imports.progress import LineOutcome, Outcome, PlannedClosing
from ratingslips.imports.reconcile import LineState, RecordedSlip, contradiction
from ratingslips.imports.slip_lines import SlipLines, with_pauses_in_order
from ratingslips.services import Act, Recording, RequestKind, SlipPlay

_KINDS: Final = {
    EventKind.OPEN: RequestKind.OPEN,
    EventKind.BET: RequestKind.CHANGE_BET,
    EventKind.PAUSE: RequestKind.PAUSE,
    EventKind.RESUME: RequestKind.RESUME,
    EventKind.MOVE: RequestKind.MOVE,
    EventKind.BUY_IN: RequestKind.BUY_IN,
    EventKind.CHIPS_OUT: RequestKind.CHIPS_OUT,
    EventKind.CLOSE: RequestKind.CLOSE,
}


class OtherPlayersSlip(DomainError):
    """The line names another player than the slip does."""

    code = "OTHER_PLAYERS_SLIP"


class LongPlay(DomainError):
    """The line closes a slip that was played for longer than the casino's limit."""

    code = "LONG_PLAY"


@dataclass(kw_only=True, slots=True)
class SlipActs:
    """The acts of the lines of one slip that are not recorded yet, and the refusals, by line.

    `slip` is the slip as `Lookup` read it, None if there is none; `events` are all lines, in order of time. `repeats`
    maps a line that says the same as the one before it, in order of time, to the first of them.
    """

    lines: SlipLines
    slip: RecordedSlip | None
    events: Sequence[RatingEvent]
    repeats: Mapping[int, int]
    acts: dict[int, Act] = field(default_factory=dict)
    refusals: dict[int, DomainError] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: SlipLines, lookup: Lookup) -> Self:
        """Compare the lines with what is recorded, and make acts of the others.

        If the slip's first line is a refused OPEN, all are refused.
        """
        slip, events = lookup.slips.get(lines.slip_number), lines.in_order()
        repeats = _repeats(events)
        prepared = cls(lines=lines, slip=slip, events=events, repeats=repeats)
        once = [event for event in events if event.line not in repeats]
        states = slip.states_of(once) if slip else [LineState(is_recorded=False)] * len(once)
        new = {event.line: state for event, state in zip(once, states, strict=True) if not state.is_recorded}
        added = [event for event in once if event.line in new]
        prepared._make_acts(with_pauses_in_order(added, is_paused=slip is not None and slip.is_paused), new, lookup)
        first = events[0]
        if first.kind == EventKind.OPEN and first.line in prepared.refusals:
            because = services.SlipNotOpened(
                f"The OPEN of slip {first.slip_number} (line {first.line}) was refused: "
                f"{prepared.refusals[first.line].message}"
            )
            prepared.refusals = dict.fromkeys(prepared.acts, because) | prepared.refusals
            prepared.acts = {}
        return prepared

    @property
    def play(self) -> SlipPlay:
        """What the services are to record."""
        return SlipPlay(
            slip_number=self.lines.slip_number,
            acts=list(self.acts.values()),
            expected_version=self.slip.version if self.slip else None,
        )

    def outcomes(self, done: Recording | None, *, is_dry_run: bool = False) -> list[LineOutcome]:
        """The outcomes of the lines; `done` is that of the acts, if there are any."""
        slip_id = self.slip.slip_id if self.slip else None
        refusals = dict(self.refusals)
        if done is not None:
            numbers = list(self.acts)
            refusals |= {numbers[position]: error for position, error in done.refusals.items()}
            slip_id = done.slip.pk if done.slip else None
        outcomes = []
        for event in self.events:
            if error := self._refusal(event, refusals):
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.REJECTED, error=error))
            elif event.line in self.acts and event.line not in refusals:
                outcomes.append(_applied(event, done, slip_id=slip_id, is_dry_run=is_dry_run))
            else:
                outcomes.append(LineOutcome(line=event.line, outcome=Outcome.ALREADY_IMPORTED, slip_id=slip_id))
        return outcomes

    def _refusal(self, event: RatingEvent, refusals: Mapping[int, DomainError]) -> DomainError | None:
        """Why the line is refused, if it is; a second OPEN or CLOSE is not if it says the same as the first."""
        error = refusals.get(self.repeats.get(event.line, event.line))
        if isinstance(error, services.SlipNumberTaken | services.SlipClosed):
            counted = (other for other in self.events if other.line not in {*refusals, *self.repeats})
            alike = (other for other in counted if other.kind == event.kind)
            if event.kind in {EventKind.OPEN, EventKind.CLOSE} and (other := next(alike, None)):
                return contradiction(event, other)
        return _for_a_file(error) if error else None

    def _make_acts(self, events: Sequence[RatingEvent], states: Mapping[int, LineState], lookup: Lookup) -> None:
        card = self.slip.player_card if self.slip else self.lines.card
        for event in events:
            try:
                self.acts[event.line] = self._act(event, states[event.line], card=card, lookup=lookup)
            except DomainError as refusal:
                self.refusals[event.line] = refusal

    def _act(self, event: RatingEvent, state: LineState, *, card: str | None, lookup: Lookup) -> Act:
        """:raises DomainError: the line cannot be an act of its slip."""
        is_opening = event.kind == EventKind.OPEN
        if not is_opening and card is not None and event.player_card not in {None, card}:
            known = "Recorded" if self.slip else "Its OPEN in this file"
            raise OtherPlayersSlip(
                f"Slip {event.slip_number} is that of another player. {known}: card {shortened(card)}; this line: card "
                f"{shortened(str(event.player_card))}.{self.slip.changed_since if self.slip else ''}"
            )
        if state.refusal is not None:
            raise state.refusal
        return Act(
            kind=_KINDS[event.kind],
            at=event.occurred_at,
            player=lookup.player_id(event.player_card) if is_opening else None,
            table=lookup.table_id(event.table) if event.table else None,
            seat=event.seat,
            average_bet=event.average_bet,
            buy_in=event.buy_in,
            chips_out=event.chips_out,
            means=event.means,
        )


def _repeats(events: Sequence[RatingEvent]) -> dict[int, int]:
    """The lines that say the same as the one before them, and which that is; two equal lines of money are two sums."""
    repeats: dict[int, int] = {}
    for before, event in pairwise(events):
        if event == replace(before, line=event.line) and not event.is_of_money:
            repeats[event.line] = repeats.get(before.line, before.line)
    return repeats


def _applied(event: RatingEvent, done: Recording | None, *, slip_id: UUID | None, is_dry_run: bool) -> LineOutcome:
    closed = done if event.kind == EventKind.CLOSE else None
    planned = None
    if closed is not None and closed.slip is not None and is_dry_run:
        planned = PlannedClosing(
            points=closed.settlement.points if closed.settlement else 0,
            theoretical_win=closed.slip.theoretical_win or Decimal(0),
        )
    return LineOutcome(
        line=event.line,
        outcome=Outcome.OWED if closed and closed.is_owed else Outcome.APPLIED,
        slip_id=slip_id,
        planned=planned,
    )


def _for_a_file(error: DomainError) -> DomainError:
    """The refusal of an act, as the command's user can act on it."""
    if isinstance(error, services.LongPlayNotConfirmed):
        return LongPlay(f"{error.because} If that is right, import the line with --allow-long-play.")
    if isinstance(error, services.BeforeLastEvent):
        return services.BeforeLastEvent(f"{error.message} “Correct play” on the slip's page can add it.")
    return error
