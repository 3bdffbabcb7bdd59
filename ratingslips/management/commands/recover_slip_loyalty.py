"""Pay the points that closed slips are owed."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from core.commands import FAILED, WRONG_USE, ProjectCommand, casino_with_code, sentence_for
from core.errors import DatabaseAway
from core.origins import ids_known_as
from core.roles import system_account
from core.stopping import StopSignal
from core.transactions import drop_lost_connection
from core.words import counted
from ratingslips.models import RatingSlip
from ratingslips.services.owed import RecoveryOutcome, SlipRecovery, owed_slips, recover, recover_all

DEFAULT_OLDER_THAN_MINUTES: Final = 5
DEFAULT_LIMIT: Final = 10_000
MAX_NUMBER: Final = 1_000_000
_NOTHING_YET: Final = dict.fromkeys(map(str, RecoveryOutcome), 0)


class Command(ProjectCommand):
    help = (
        "Pay the points that closed slips are owed, the longest owed first: all of them, one slip, or those of one "
        "correlation id. A slip that cannot be paid does not stop the others, and two runs at once share the work. "
        "Says how many owed slips the options leave out. "
        "Exit code: 0 all paid or nothing to pay, 1 some could not be paid, 2 wrong use. "
        "With --watch: 0 when it was stopped."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counts: Counter[str] = Counter()

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--slip", metavar="NUMBER|UUID", help="only this slip, however long it has been owed")
        which.add_argument(
            "--correlation-id",
            type=_uuid,
            metavar="UUID",
            help="only slips that were closed under this id, ours or that of a trusted caller",
        )
        parser.add_argument("--casino", metavar="CODE", help="the casino of --slip, where several have that number")
        parser.add_argument(
            "--older-than",
            type=_whole_number,
            default=DEFAULT_OLDER_THAN_MINUTES,
            metavar="MINUTES",
            help="only slips that were closed at least this long ago (default: %(default)s); "
            "does not apply to --slip and --correlation-id",
        )
        parser.add_argument("--dry-run", action="store_true", help="list what is owed, pay nothing")
        parser.add_argument(
            "--limit",
            type=_number_from_1,
            default=DEFAULT_LIMIT,
            metavar="N",
            help="at most this many slips in one pass (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print each pass as one JSON object")
        parser.add_argument(
            "--watch",
            type=_number_from_1,
            metavar="SECONDS",
            help="start another pass after this many seconds, until stopped",
        )

    def describe_work_done(self) -> str:
        done = _summary(self.counts) if self.counts else "Nothing was paid."
        return f"{done} Run it again to continue."

    def run(
        self, *, watch: int | None, slip: str | None, dry_run: bool, correlation_id: UUID | None, **options: Any
    ) -> None:
        if watch is not None and slip is not None:
            raise CommandError("--watch pays all owed slips: leave --slip out.", returncode=WRONG_USE)
        if options["casino"] is not None and slip is None:
            raise CommandError("--casino is the casino of --slip: give both.", returncode=WRONG_USE)
        options["correlation_ids"] = ids_known_as(correlation_id) if correlation_id else None
        if watch is None:
            self._pass(slip=slip, dry_run=dry_run, **options)
            if self.counts[RecoveryOutcome.FAILED]:
                raise CommandError(
                    f"{counted(self.counts[RecoveryOutcome.FAILED], 'slip')} could not be paid.", returncode=FAILED
                )
            return
        with StopSignal() as stop:
            while not stop.is_set:
                self._watched_pass(stop, dry_run=dry_run, **options)
                stop.wait(seconds=watch)
        self.write_progress("Stopped.")

    def _watched_pass(self, stop: StopSignal, **options: Any) -> None:
        """Run one pass of a watch; the watch continues if the database is unavailable for a while."""
        self.counts = Counter()
        try:
            self._pass(slip=None, stop=stop, quiet=True, **options)
        except (DatabaseError, DatabaseAway) as error:
            self.write_progress(f"{sentence_for(error)} Trying again.")
            drop_lost_connection()
        else:
            self.run_counts.keep()

    def _pass(
        self,
        *,
        slip: str | None,
        dry_run: bool,
        limit: int,
        as_json: bool,
        stop: StopSignal | None = None,
        quiet: bool = False,
        **which: Any,
    ) -> None:
        """Pay the owed slips once; with `quiet`, write nothing if there are none."""
        results: list[dict[str, Any]] = []
        now = timezone.now()
        slips = takewhile(lambda _: stop is None or not stop.is_set, _slips(slip=slip, now=now, **which))
        for line, data in _results(islice(slips, limit), dry_run=dry_run, is_one=slip is not None):
            self.counts[data["outcome"]] += 1
            if as_json:
                results.append(data)
            else:
                self.say(line)
        is_silent = quiet and not self.counts
        unpaid = sum(self.counts[one] for one in ("owed", RecoveryOutcome.LEFT, RecoveryOutcome.FAILED))
        taken = unpaid if self.counts.total() == limit else None
        left = {} if slip or is_silent else _left_out(taken=taken, now=now, **which)
        is_part = bool(slip or dry_run or left.get("beyond_limit") or (stop and stop.is_set)) or _is_narrowed(**which)
        if not (is_part or self.counts[RecoveryOutcome.FAILED]):
            self.record_success()
        if is_silent:
            return
        if as_json:
            self.say(json.dumps({**_NOTHING_YET, **self.counts, "not_taken": left, "slips": results}))
        else:
            self.say(" ".join([_summary(self.counts, owed=sum(left.values())), *_sentences(left, **which)]).strip())


def _results(slips: Iterable[RatingSlip], *, dry_run: bool, is_one: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Pay slips, or the one that was named; the line and the values of each."""
    if dry_run:
        yield from map(_dry, slips)
        return
    actor = system_account()
    recoveries = recover_all(slips, actor=actor, clock=timezone.now)
    if is_one:
        recoveries = (recover(slip, actor=actor, at=timezone.now(), skip_locked=False) for slip in slips)
    for recovery in recoveries:
        yield _line(recovery), _data(recovery)


def _slips(
    *,
    slip: str | None,
    casino: str | None,
    correlation_ids: Collection[UUID] | None,
    older_than: int,
    now: datetime,
    **_: Any,
) -> Iterable[RatingSlip]:
    """The slips that the options ask for."""
    if slip is not None:
        return [_slip(slip, casino_code=casino)]
    closed_until = None if correlation_ids else now - timedelta(minutes=older_than)
    return owed_slips(closed_until=closed_until, correlation_ids=correlation_ids)


def _is_narrowed(*, correlation_ids: Collection[UUID] | None, older_than: int, **_: Any) -> bool:
    """Whether the options leave out slips that the job pays."""
    return bool(correlation_ids) or older_than > DEFAULT_OLDER_THAN_MINUTES


def _left_out(
    *, taken: int | None, now: datetime, correlation_ids: Collection[UUID] | None, older_than: int, **_: Any
) -> dict[str, int]:
    """How many owed slips the options left out, by reason.

    `taken` is how many of those looked at are owed still if the limit was reached, else None.
    """
    owed, closed_until = RatingSlip.objects.owed(), now - timedelta(minutes=older_than)
    is_wanted = Q(correlation_id__in=correlation_ids) if correlation_ids else Q(closed_at__lte=closed_until)
    wanted, others = owed.filter(is_wanted), owed.exclude(is_wanted)
    beyond = 0 if taken is None else max(wanted.count() - taken, 0)
    return {"other_requests" if correlation_ids else "too_recent": others.count(), "beyond_limit": beyond}


def _sentences(left: Mapping[str, int], *, older_than: int, **_: Any) -> Iterator[str]:
    if count := left.get("too_recent"):
        minutes, them = counted(older_than, "minute"), "it" if count == 1 else "them"
        yield f"{counted(count, 'slip is', 'slips are')} owed for less than {minutes}; --older-than 0 pays {them} too."
    if count := left.get("other_requests"):
        yield f"{counted(count, 'slip of other requests is', 'slips of other requests are')} owed points."
    if count := left.get("beyond_limit"):
        yield f"{counted(count, 'more slip is', 'more slips are')} owed points; run it again."


def _slip(text: str, *, casino_code: str | None) -> RatingSlip:
    """The slip that an option names.

    :raises CommandError: there is none, or more than one.
    """
    slips = RatingSlip.objects.select_related("casino").order_by("casino__code")
    named = Q(slip_number__iexact=text)
    with suppress(ValueError):
        named |= Q(pk=UUID(text))
    slips = slips.filter(named)
    if casino_code is not None:
        slips = slips.filter(casino=casino_with_code(casino_code))
    found = list(slips[:20])
    if not found:
        raise CommandError(f"There is no slip {text}.", returncode=WRONG_USE)
    if len(found) > 1:
        codes = ", ".join(slip.casino.code for slip in found)
        raise CommandError(
            f"Several casinos have a slip {text}: say which by --casino ({codes}).", returncode=WRONG_USE
        )
    return found[0]


def _dry(slip: RatingSlip) -> tuple[str, dict[str, Any]]:
    data = {
        "slip": str(slip.pk),
        "slip_number": slip.slip_number,
        "casino": slip.casino.code,
        "outcome": "owed" if slip.is_owed else "not_owed",
        "closed_at": slip.closed_at.isoformat() if slip.closed_at else None,
        "theo": str(slip.theoretical_win),
        "because": slip.owed_because,
        "correlation_id": str(slip.correlation_id),
    }
    name = f"{slip.casino.code} {slip.slip_number}"
    if not slip.is_owed:
        return f"{name}: nothing is owed", data
    because = f"{slip.why_owed} ({slip.owed_because})"
    return f"{name}: owed since {data['closed_at']} for theo {slip.theoretical_win}, because {because}", data


def _line(recovery: SlipRecovery) -> str:
    name = f"{recovery.slip.casino.code} {recovery.slip.slip_number}"
    balance = "" if recovery.balance is None else f", balance {recovery.balance:,}"
    match recovery.outcome:
        case RecoveryOutcome.PAID:
            return f"{name}: {counted(recovery.points, 'point')} paid{balance}"
        case RecoveryOutcome.ALREADY_SETTLED:
            return f"{name}: settled already, {counted(recovery.points, 'point')}{balance}"
        case _:
            return f"{name}: {recovery.code}: {recovery.reason}"


def _data(recovery: SlipRecovery) -> dict[str, Any]:
    data: dict[str, Any] = {
        "slip": str(recovery.slip.pk),
        "slip_number": recovery.slip.slip_number,
        "casino": recovery.slip.casino.code,
        "outcome": recovery.outcome.value,
    }
    if recovery.code:
        return {**data, "code": recovery.code, "reason": recovery.reason}
    return {**data, "points": recovery.points, "balance": recovery.balance}


def _summary(counts: Counter[str], *, owed: int = 0) -> str:
    """What was done; empty if there was nothing to do, and slips were left out that are `owed`."""
    if not counts:
        return "" if owed else "Nothing is owed."
    parts = [f"{counts[outcome]:,} {outcome.replace('_', ' ')}" for outcome in counts]
    return f"{counted(sum(counts.values()), 'slip')}: {', '.join(parts)}."


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a correlation id (a UUID)") from None


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_NUMBER:
        raise ArgumentTypeError(f"“{text}” is not a whole number from 0 to {MAX_NUMBER:,}")
    return int(text)


def _number_from_1(text: str) -> int:
    number = _whole_number(text)
    if number < 1:
        raise ArgumentTypeError("the least is 1")
    return number
