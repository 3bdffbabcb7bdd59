"""Apply the acts of a locked slip, and leave out those that are refused."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.errors import DomainError
from core.permissions import Rights
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.acts import Act
from ratingslips.services.claims import Claim, PlannedPlay, Span, claims_of, recorded_play
from ratingslips.services.draft import Draft
from ratingslips.services.money import right_to_record
from ratingslips.services.opening import require_active, require_free_number, require_slip_number
from ratingslips.services.overlaps import overlaps_of
from ratingslips.services.requests import RequestKind

MAX_ROUNDS: Final = 20


class SlipNotOpened(DomainError):
    """The slip of this act was not opened."""

    code = "SLIP_NOT_OPENED"


class TooManyOverlaps(DomainError):
    """Too many rounds: each time that overlapping acts were left out, further acts overlapped."""

    code = "TOO_MANY_OVERLAPS"


class BlockedBySlip(Exception):
    """The play overlaps a slip of which the caller will record further acts, which may end the overlap."""

    def __init__(self, slip_number: str) -> None:
        super().__init__(slip_number)
        self.slip_number = slip_number


@dataclass(kw_only=True, slots=True)
class Judgement:
    """The acts of one slip: `locked` is the slip before them, `draft` with those that are not refused.

    `rights` are those of the actor for the slip's player; `request_id` gives the id of the request of an act.
    """

    locked: Draft
    acts: Sequence[Act]
    rights: Rights
    taken_numbers: Collection[str]
    request_id: Callable[[int], UUID]
    draft: Draft = field(init=False)
    left_out: dict[int, DomainError] = field(init=False)
    """Acts that were refused before the others are applied."""
    refusals: dict[int, DomainError] = field(init=False)

    def __post_init__(self) -> None:
        """Apply the acts, as if no other slip were in the way."""
        self.left_out = self._refusal_of_opening()
        self._apply()

    @property
    def claims(self) -> list[Claim]:
        """What the draft claims."""
        return claims_of(self.draft)

    def leave_out_overlaps(
        self, recorded: Mapping[Claim, Sequence[Span]], *, plan: PlannedPlay, still_to_come: Collection[str]
    ) -> None:
        """Leave out acts that overlap the play of other slips, and apply the others once more.

        `recorded` is what `recorded_play` says of the claims.

        :raises BlockedBySlip: an act overlaps that of a slip that is still to come, and not in the plan.
        """
        for _ in range(MAX_ROUNDS):
            count = len(self.left_out)
            for overlap in overlaps_of(self.draft, plan=plan, recorded=recorded):
                if overlap.other.upper() in still_to_come and overlap.other not in plan.slip_numbers:
                    raise BlockedBySlip(overlap.other)
                self.left_out[overlap.act] = overlap.error
            if len(self.left_out) == count:
                return
            self._apply()
            recorded = recorded_play(self.claims, plan=plan, own={self.locked.slip_number.upper()})
        too_many = TooManyOverlaps(
            f"Slip {self.locked.slip_number} overlaps the play of other slips again and again. Nothing of it was "
            "recorded."
        )
        self.draft, self.refusals = self.locked.copied(), dict.fromkeys(range(len(self.acts)), too_many)

    def _refusal_of_opening(self) -> dict[int, DomainError]:
        """The refusal of the act that would open the slip, by its position, for its number or its player."""
        opening = next((number for number, act in enumerate(self.acts) if act.kind == RequestKind.OPEN), None)
        if opening is None or self.locked.player is None:
            return {}
        try:
            require_active(self.locked.player)
            require_slip_number(self.locked.slip_number)
            require_free_number(self.locked.slip_number, taken=self.taken_numbers)
        except DomainError as error:
            return {opening: error}
        return {}

    def _apply(self) -> None:
        """Apply the acts that are not left out; without a slip, all are refused."""
        draft = self.locked.copied()
        refusals: dict[int, DomainError] = {}
        not_opened: DomainError | None = None
        for number, act in enumerate(self.acts):
            try:
                if number in self.left_out:
                    raise self.left_out[number]
                if not_opened is not None:
                    raise SlipNotOpened(f"Slip {draft.slip_number} was not opened: {not_opened.message}")
                self._require_permission(draft, act)
                draft.apply(act, number=number, request_id=self.request_id(number))
            except DomainError as error:
                refusals[number] = error
                if act.kind == RequestKind.OPEN and draft.slip is None:
                    not_opened = error
        self.draft, self.refusals = draft, refusals

    def _require_permission(self, draft: Draft, act: Act) -> None:
        """Refuse an act for which the actor has no right.

        :raises NotPermitted: the actor does not operate the pit where the slip is, or where the act puts it, or may
            not change the money of a closed slip.
        :raises OwnPlay: the player account is the actor's own.
        """
        pits = [draft.slip.pit] if draft.slip is not None else []
        pits += [draft.tables[act.table].pit] if act.table is not None else []
        for pit in pits:
            self.rights.require(OPERATE_PIT, pit)
        if act.is_of_money and draft.slip is not None:
            self.rights.require(right_to_record(draft.slip), draft.slip.pit)
