"""Record acts of slips in one transaction: lock all rows, judge slip by slip, credit the points, and write."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import attrgetter
from time import monotonic
from uuid import UUID, uuid5

from django.db import transaction

from core.errors import DomainError
from core.leases import HeldLease
from core.locks import lock_name
from core.models import Casino, Player, User
from core.permissions import rights_by_player
from core.querysets import reading_only
from core.retries import call_id, mark_outcome_known, outcome_is_unknown, retried
from core.transactions import operation
from loyalty.services import PostingBatch, begin_batch
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.acts import Act
from ratingslips.services.chunks import CHUNK_SECONDS, chunk_limits
from ratingslips.services.claims import PlannedPlay, recorded_play
from ratingslips.services.closing import try_to_settle
from ratingslips.services.draft import Draft
from ratingslips.services.draft_rows import save_changed, save_new
from ratingslips.services.judging import BlockedBySlip, Judgement
from ratingslips.services.opening import lock_numbers, lock_players
from ratingslips.services.seats import lock_places
from ratingslips.services.segments import SlipChanged, lock_numbered, read_segments_of
from ratingslips.services.settlement import SlipSettlement


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipPlay:
    """Acts to record on one slip, in order of time; the first one may open it.

    `expected_version` is that of the slip as the caller read it, None if there was none.
    """

    slip_number: str
    acts: Sequence[Act]
    expected_version: SlipVersion | None = None

    @property
    def key(self) -> str:
        """The slip number in capitals: two slips never differ in case alone."""
        return self.slip_number.upper()

    @property
    def opened_for(self) -> int | None:
        """The player of the act that opens the slip."""
        return next((act.player for act in self.acts if act.player is not None), None)


@dataclass(kw_only=True, slots=True)
class Recording:
    """The outcome of recording a slip's acts: the refused ones by position, and the settlement if one closed it."""

    slip: RatingSlip | None = None
    refusals: dict[int, DomainError] = field(default_factory=dict)
    closes: bool = False
    settlement: SlipSettlement | None = None
    failure: Exception | None = None

    @property
    def is_owed(self) -> bool:
        """Whether an act closed the slip, and its points are owed."""
        return self.closes and self.settlement is None


@dataclass(kw_only=True, slots=True)
class Recorder:
    """All attempts to record the acts of slips; `done` is the outcome of the last one, with its drafts."""

    casino: Casino
    plays: Sequence[SlipPlay]
    actor: User
    long_play_confirmed: bool
    still_to_come: Collection[str]
    plan: PlannedPlay | None = None
    is_chunk: bool = False
    drafts: list[Draft] = field(default_factory=list)
    done: list[Recording] = field(default_factory=list)

    @retried
    def record(self, *, lease: HeldLease | None) -> None:
        """Record the acts in one transaction; see `record_play` and `record_plays`."""
        with operation("ratingslips.record_play", actor_id=self.actor.pk):
            if self.plan is not None:
                with reading_only():
                    self._judge_and_settle()
                transaction.set_rollback(True)
                return
            if lease is not None:
                lease.hold()
            if not self._is_committed():
                with chunk_limits() if self.is_chunk else nullcontext():
                    self._judge_and_settle()
                    self._save()

    def _judge_and_settle(self) -> None:
        began = monotonic()
        self._judge(self._lock_and_read(), began=began)
        self._settle()

    def _is_committed(self) -> bool:
        """Whether the attempt before, whose COMMIT got no answer, was committed: then `done` is its outcome."""
        lock_name("slip_request", str(call_id()))
        if not outcome_is_unknown():
            return False
        ids = [request.pk for draft in self.drafts for request in draft.requests]
        is_committed = SlipRequest.objects.filter(pk__in=ids).exists()
        if not is_committed:
            mark_outcome_known()
        return is_committed

    def _lock_and_read(self) -> list[Judgement]:
        """Lock the slips, their players, the tables that the acts name and the numbers of new slips, and read them.

        :raises SlipChanged: a slip is no longer at the version that was expected; in a chunk, that ends the chunk.
        """
        slips = lock_numbered([play.slip_number for play in self.plays], casino_id=self.casino.pk)
        new = [play for play in self.plays if play.key not in slips and play.opened_for is not None]
        opened_for = {play.opened_for for play in new if play.opened_for is not None}
        players = lock_players({slip.player_id for slip in slips.values()} | opened_for)
        tables = lock_places({act.table for play in self.plays for act in play.acts if act.table is not None})
        taken = lock_numbers([play.slip_number for play in new], casino_id=self.casino.pk) if new else set()
        segments = read_segments_of(slips.values())
        rights = rights_by_player(self.casino.pk, self.actor, OPERATE_PIT, CORRECT_SLIP, players=[*players, None])
        locked: list[Judgement] = []
        for play in self.plays:
            slip = slips.get(play.key)
            try:
                draft = self._read(
                    play, slip, segments=segments[slip.pk] if slip else [], players=players, tables=tables
                )
            except SlipChanged:
                if self.is_chunk:
                    return locked
                raise
            judgement = Judgement(
                locked=draft,
                acts=play.acts,
                rights=rights[slip.player_id if slip else play.opened_for],
                taken_numbers=taken,
                request_id=partial(self._request_id, play.key),
            )
            locked.append(judgement)
        return locked

    def _request_id(self, key: str, number: int) -> UUID:
        return uuid5(call_id(), f"{key}:{number}")

    def _read(
        self,
        play: SlipPlay,
        slip: RatingSlip | None,
        *,
        segments: list[PlaySegment],
        players: Mapping[int, Player],
        tables: Mapping[int, GamingTable],
    ) -> Draft:
        """The draft of a locked slip, or of one that an act may open.

        :raises SlipChanged: the slip is no longer at the version that was expected.
        """
        version = SlipVersion(seq=segments[-1].seq, status=slip.status) if slip else None
        if version != play.expected_version:
            raise SlipChanged.meanwhile(play.slip_number)
        if slip:
            slip.player = players[slip.player_id]
        return Draft(
            slip_number=play.slip_number,
            player=players[play.opened_for] if play.opened_for is not None and slip is None else None,
            tables=tables,
            actor=self.actor,
            long_play_confirmed=self.long_play_confirmed,
            slip=slip,
            segments=segments,
            kept=len(segments),
            bought_in=slip.bought_in if slip else Decimal(0),
        )

    def _judge(self, judgements: Sequence[Judgement], *, began: float) -> None:
        """Leave out overlaps, slip by slip: each is compared with what the slips before it would record.

        A chunk ends `CHUNK_SECONDS` after it `began` to lock, but has one slip at least.

        :raises BlockedBySlip: the play overlaps that of a slip that is still to come; in a chunk, that ends the chunk.
        """
        self.drafts, self.done = [], []
        plan = self.plan or PlannedPlay()
        claims = [claim for judgement in judgements for claim in judgement.claims]
        recorded = recorded_play(claims, plan=plan, own={play.key for play in self.plays})
        for judgement in judgements:
            try:
                judgement.leave_out_overlaps(recorded, plan=plan, still_to_come=self.still_to_come)
            except BlockedBySlip:
                if self.is_chunk:
                    return
                raise
            draft = judgement.draft
            self.drafts.append(draft)
            self.done.append(Recording(slip=draft.slip, refusals=judgement.refusals))
            if self.is_chunk and draft.requests:
                plan.add(draft)
            if self.is_chunk and monotonic() - began > CHUNK_SECONDS:
                return

    def _settle(self) -> None:
        """Credit the points of the slips that an act closes; those of a plan are only counted."""
        closing = [(draft, done) for draft, done in zip(self.drafts, self.done, strict=True) if draft.is_closing]
        slips = [draft.slip for draft, _ in closing if draft.slip is not None]
        is_planned = self.plan is not None
        batch = _batch_for(slips, is_forecast=is_planned) if slips and (self.is_chunk or is_planned) else None
        for (draft, done), slip in zip(closing, slips, strict=True):
            assert slip.closed_at is not None
            done.closes = True
            done.settlement, done.failure = try_to_settle(slip, segments=draft.segments, at=slip.closed_at, batch=batch)
        if batch is not None and not is_planned:
            batch.save()

    def _save(self) -> None:
        """Write the changed slips. Those that take no seat come first, because they may leave the seats of others.

        The others follow in order. New slips that follow one another are written together.
        """
        changed = [draft for draft in self.drafts if draft.requests]
        save_changed([draft for draft in changed if not draft.takes_a_seat])
        for is_new, drafts in groupby((draft for draft in changed if draft.takes_a_seat), key=attrgetter("is_new")):
            if is_new:
                save_new(list(drafts))
            else:
                for draft in drafts:
                    save_changed([draft])


def _batch_for(slips: Sequence[RatingSlip], *, is_forecast: bool) -> PostingBatch:
    """A batch for slips that close, with the accounts of their players."""
    at = slips[0].closed_at
    assert at is not None
    return begin_batch(
        player_ids={slip.player_id for slip in slips if slip.theoretical_win},
        idempotency_keys=[str(slip.pk) for slip in slips],
        at=at,
        is_forecast=is_forecast,
    )
