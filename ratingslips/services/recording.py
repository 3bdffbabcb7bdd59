"""Record play that another system recorded: all known acts of one slip, in one commit."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

import structlog
from django.db import transaction

from core.errors import DomainError
from core.leases import HeldLease
from core.locks import lock_name
from core.macs import mac_of
from core.models import Casino, User
from core.permissions import require_permission
from core.retries import call_id, mark_outcome_known, outcome_is_unknown, retried
from core.transactions import operation
from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.acts import Act
from ratingslips.services.completion import CLOSING_FIELDS, PartialCompletion, answer, try_to_settle
from ratingslips.services.draft import Draft
from ratingslips.services.money import right_to_record
from ratingslips.services.opening import checked_number, lock_player, require_active
from ratingslips.services.overlaps import PlannedPlay, overlaps_of
from ratingslips.services.requests import RequestKind
from ratingslips.services.seats import lock_table
from ratingslips.services.segments import SEGMENT_END_FIELDS, SlipChanged, read_segments
from ratingslips.services.settlement import SlipSettlement

log = structlog.get_logger(__name__)

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
class Recording:
    """The outcome of `record_play`: refused acts by their position, and the settlement if an act closed the slip."""

    slip: RatingSlip | None = None
    refusals: dict[int, DomainError] = field(default_factory=dict)
    closes: bool = False
    settlement: SlipSettlement | None = None
    failure: Exception | None = None

    @property
    def is_owed(self) -> bool:
        """Whether an act closed the slip, and its points are owed."""
        return self.closes and self.settlement is None


def record_play(
    *,
    casino: Casino,
    slip_number: str,
    acts: Sequence[Act],
    actor: User,
    lease: HeldLease | None = None,
    expected_version: SlipVersion | None = None,
    long_play_confirmed: bool = False,
    still_to_come: Collection[str] = (),
    plan: PlannedPlay | None = None,
) -> Recording:
    """Record `acts`, in order of time, on the slip of this number, in one commit; the first one may open it.

    An act that is refused is left out; if it would open the slip, all acts are refused. Only real overlap with the play
    of other slips is refused, so a slip may be recorded after play that came later. `lease` is held until the commit.
    `expected_version` is that of the slip as the caller read it, None if there was none. `still_to_come` are the
    numbers, in capitals, of slips that the caller will record later. A closing after play that was longer than the
    casino's limit is refused unless `long_play_confirmed` is set. With a `plan` nothing is written: the play is judged
    together with what the plan holds, and added to it.

    :raises BlockedBySlip: the play overlaps that of a slip that is still to come; nothing was done.
    :raises SlipChanged: the slip is no longer at `expected_version`; nothing was done.
    :raises LeaseLost: see `HeldLease.hold`.
    :raises Busy: a row was locked for too long, or the connection was lost; nothing was done.
    """
    recorder = _Recorder(
        casino=casino,
        slip_number=slip_number,
        acts=acts,
        actor=actor,
        long_play_confirmed=long_play_confirmed,
        still_to_come=still_to_come,
        plan=plan,
    )
    recorder.record(lease=lease, expected_version=expected_version)
    done = recorder.done
    if done.slip is not None and plan is None:
        log.info("ratingslips.play_recorded", slip_id=str(done.slip.pk), actor_id=actor.pk, acts=len(acts))
        if done.closes:
            with suppress(PartialCompletion):
                answer(done.slip, settlement=done.settlement, failure=done.failure, replayed=False, actor=actor)
    return done


@dataclass(kw_only=True, slots=True)
class _Recorder:
    """All attempts to record the acts; `done` is the outcome of the last one."""

    casino: Casino
    slip_number: str
    acts: Sequence[Act]
    actor: User
    long_play_confirmed: bool
    still_to_come: Collection[str]
    plan: PlannedPlay | None
    done: Recording = field(default_factory=Recording)

    @retried
    def record(self, *, lease: HeldLease | None, expected_version: SlipVersion | None) -> None:
        draft: Draft | None = None
        with operation("ratingslips.record_play", actor_id=self.actor.pk):
            if lease is not None:
                lease.hold()
            if not self._is_committed():
                self.done = Recording()
                draft = self._judged(self._locked(expected_version))
                if draft.requests:
                    self._settle_and_save(draft)
            if self.plan is not None:
                transaction.set_rollback(True)  # the points
        if self.plan is not None and draft is not None and draft.requests:
            self.plan.add(draft)

    def _is_committed(self) -> bool:
        """Whether the attempt before, whose COMMIT got no answer, was committed: then `done` is its outcome."""
        lock_name("slip_request", str(call_id()))
        if not outcome_is_unknown():
            return False
        ids = [self._request_id(number) for number in range(len(self.acts)) if number not in self.done.refusals]
        is_committed = SlipRequest.objects.filter(pk__in=ids).exists()
        if not is_committed:
            mark_outcome_known()
        return is_committed

    def _request_id(self, number: int) -> UUID:
        return uuid5(call_id(), str(number))

    def _locked(self, expected_version: SlipVersion | None) -> Draft:
        """Lock the slip and its player, or the player who opens it, and the tables that the acts name, and read them.

        :raises SlipChanged: the slip is no longer at `expected_version`.
        """
        slips = RatingSlip.objects.locked(also=("player",))
        slip = slips.filter(casino=self.casino, slip_number__iexact=self.slip_number).first()
        segments = read_segments(slip) if slip else []
        version = SlipVersion(seq=segments[-1].seq, status=slip.status) if slip else None
        if version != expected_version:
            raise SlipChanged.meanwhile(self.slip_number)
        opened_for = next((act.player for act in self.acts if act.player is not None), None)
        player = lock_player(opened_for) if opened_for is not None and slip is None else None
        table_ids = sorted({act.table for act in self.acts if act.table is not None})
        tables = {table_id: lock_table(table_id=table_id) for table_id in table_ids}
        return Draft(
            slip_number=self.slip_number,
            player=player,
            tables=tables,
            actor=self.actor,
            long_play_confirmed=self.long_play_confirmed,
            slip=slip,
            segments=segments,
            kept=len(segments),
            bought_in=slip.bought_in if slip else Decimal(0),
        )

    def _judged(self, locked: Draft) -> Draft:
        """Apply the acts, and leave out those that are refused; after overlaps, apply the others once more."""
        left_out = self._refusal_of_opening(locked)
        permitted: set[tuple[str, int]] = set()
        for _ in range(MAX_ROUNDS):
            draft, refusals = self._applied(locked, left_out=left_out, permitted=permitted)
            overlaps = overlaps_of(draft, plan=self.plan or PlannedPlay()) if draft.slip is not None else ()
            count = len(left_out)
            for overlap in overlaps:
                if overlap.other.upper() in self.still_to_come:
                    raise BlockedBySlip(overlap.other)
                left_out[overlap.act] = overlap.error
            if len(left_out) == count:
                self.done.slip, self.done.refusals = draft.slip, refusals
                return draft
        too_many = TooManyOverlaps(
            f"Slip {self.slip_number} overlaps the play of other slips again and again. Nothing of it was recorded."
        )
        self.done.slip, self.done.refusals = locked.slip, dict.fromkeys(range(len(self.acts)), too_many)
        return locked.copied()

    def _refusal_of_opening(self, locked: Draft) -> dict[int, DomainError]:
        """The refusal of the act that would open the slip, by its position, for its number or its player."""
        opening = next((number for number, act in enumerate(self.acts) if act.kind == RequestKind.OPEN), None)
        if opening is None or locked.player is None:
            return {}
        try:
            require_active(locked.player)
            checked_number(self.slip_number, casino_id=self.casino.pk)
        except DomainError as error:
            return {opening: error}
        return {}

    def _applied(
        self, locked: Draft, *, left_out: Mapping[int, DomainError], permitted: set[tuple[str, int]]
    ) -> tuple[Draft, dict[int, DomainError]]:
        """A copy of the draft with the acts that are not refused, and the refusals; without a slip, all are refused."""
        draft = locked.copied()
        refusals: dict[int, DomainError] = {}
        not_opened: DomainError | None = None
        for number, act in enumerate(self.acts):
            try:
                if number in left_out:
                    raise left_out[number]
                if not_opened is not None:
                    raise SlipNotOpened(f"Slip {self.slip_number} was not opened: {not_opened.message}")
                self._require_permission(draft, act, permitted=permitted)
                draft.apply(act, number=number, request_id=self._request_id(number))
            except DomainError as error:
                refusals[number] = error
                if act.kind == RequestKind.OPEN and draft.slip is None:
                    not_opened = error
        return draft, refusals

    def _require_permission(self, draft: Draft, act: Act, *, permitted: set[tuple[str, int]]) -> None:
        """Refuse an act for which the actor has no right.

        :raises NotPermitted: the actor does not operate the pit where the slip is, or where the act puts it, or may
            not change the money of a closed slip.
        :raises OwnPlay: the player account is the actor's own.
        """
        player_id = act.player if draft.slip is None else draft.slip.player_id
        pits = [draft.slip.pit] if draft.slip is not None else []
        pits += [draft.tables[act.table].pit] if act.table is not None else []
        rights = [(OPERATE_PIT, pit) for pit in pits]
        if act.is_of_money and draft.slip is not None:
            rights.append((right_to_record(draft.slip), draft.slip.pit))
        for right, pit in rights:
            if (right, pit.pk) not in permitted:
                require_permission(self.actor, right, pit, player_id=player_id)
                permitted.add((right, pit.pk))

    def _settle_and_save(self, draft: Draft) -> None:
        slip, new = draft.slip, draft.segments[draft.kept :]
        assert slip is not None
        self.done.closes = any(request.kind == RequestKind.CLOSE for request in draft.requests)
        if self.done.closes:
            assert slip.closed_at is not None
            self.done.settlement, self.done.failure = try_to_settle(slip, segments=draft.segments, at=slip.closed_at)
            draft.segments[-1].held_until = slip.closed_at
        if self.plan is not None:
            return  # rows of the slip could contradict those that the plan replaces
        if draft.is_new:
            slip.save(force_insert=True)
        elif draft.has_ended_a_kept_segment:
            draft.segments[draft.kept - 1].save(update_fields=SEGMENT_END_FIELDS)
        PlaySegment.objects.bulk_create(new)
        if not draft.is_new and (self.done.closes or not slip.is_closed):
            slip.save(update_fields=["table", "pit", "seat", *(CLOSING_FIELDS if self.done.closes else ["status"])])
        for request in draft.requests:
            request.slip = slip
            request.mac = mac_of(request.claims())
        SlipRequest.objects.bulk_create(draft.requests)
        MoneyRow.objects.bulk_create(draft.money_rows)
