"""Record play that another system recorded: all known acts of a slip in one commit, or of several slips."""

from collections.abc import Collection, Sequence
from contextlib import suppress

import structlog

from core.leases import HeldLease
from core.models import Casino, User
from ratingslips.events import SlipVersion
from ratingslips.services.acts import Act
from ratingslips.services.claims import PlannedPlay
from ratingslips.services.completion import PartialCompletion, answer
from ratingslips.services.recorder import Recorder, Recording, SlipPlay

log = structlog.get_logger(__name__)


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
    casino's limit is refused unless `long_play_confirmed` is set. With a `plan` nothing is written and no row is
    locked: the play is judged together with what the plan holds, and added to it; each closing is credited as if there
    were no other.

    :raises BlockedBySlip: the play overlaps that of a slip that is still to come; nothing was done.
    :raises SlipChanged: the slip is no longer at `expected_version`; nothing was done.
    :raises LeaseLost: see `HeldLease.hold`.
    :raises Busy: a row was locked for too long, or the connection was lost; nothing was done.
    :raises OutcomeUnknown: the acts may have been committed, or may still be. Money does not change the version: do not
        record it again before what was committed can be read.
    """
    play = SlipPlay(slip_number=slip_number, acts=acts, expected_version=expected_version)
    recorder = Recorder(
        casino=casino,
        plays=[play],
        actor=actor,
        long_play_confirmed=long_play_confirmed,
        still_to_come=still_to_come,
        plan=plan,
    )
    recorder.record(lease=lease)
    if plan is None:
        _log(recorder)
        return recorder.done[0]
    for draft in recorder.drafts:
        if draft.requests:
            plan.add(draft)
    return recorder.done[0]


def record_plays(
    *,
    casino: Casino,
    plays: Sequence[SlipPlay],
    actor: User,
    lease: HeldLease | None = None,
    long_play_confirmed: bool = False,
    still_to_come: Collection[str] = (),
    plan: PlannedPlay | None = None,
) -> Sequence[Recording]:
    """Record the acts of several slips like `record_play`, in order and in one commit, and return their outcomes.

    All rows are locked before the first one is written. The chunk ends early, with fewer outcomes than `plays`, before
    a slip that is blocked or was changed, and after `CHUNK_SECONDS`; `still_to_come` may name slips of the chunk. For
    `plan`, see `record_play`.

    :raises LeaseLost: see `HeldLease.hold`.
    :raises Busy: a row was locked, or the chunk took, for longer than `chunk_limits` says, or the connection was lost;
        nothing was done, and each slip may be recorded by itself.
    :raises OutcomeUnknown: see `record_play`.
    """
    recorder = Recorder(
        casino=casino,
        plays=plays,
        actor=actor,
        long_play_confirmed=long_play_confirmed,
        still_to_come=still_to_come,
        plan=plan,
        is_chunk=True,
    )
    recorder.record(lease=lease)
    if plan is None:
        _log(recorder)
    return recorder.done


def _log(recorder: Recorder) -> None:
    for play, done in zip(recorder.plays, recorder.done, strict=False):
        if done.slip is None:
            continue
        actor = recorder.actor
        log.info("ratingslips.play_recorded", slip_id=str(done.slip.pk), actor_id=actor.pk, acts=len(play.acts))
        if done.closes:
            with suppress(PartialCompletion):
                answer(done.slip, settlement=done.settlement, failure=done.failure, replayed=False, actor=actor)
