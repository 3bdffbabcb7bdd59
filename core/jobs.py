"""Jobs: commands that a timer must run again and again. A run that has done all of its work records its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import F

from core import correlation
from core.clock import DatabaseClock
from core.models import JobRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A command of `manage.py`, with the option that makes another job of it, and how old its last success may be."""

    command: str
    max_age: timedelta


_EACH_DAY: Final = timedelta(hours=26)
_EACH_WEEK: Final = timedelta(days=8)
VERIFY_LEDGER: Final = Job(command="verify_ledger", max_age=_EACH_WEEK)
JOBS: Final = (
    Job(command="recover_slip_loyalty", max_age=timedelta(minutes=30)),
    Job(command="checkpoint", max_age=timedelta(hours=3)),
    VERIFY_LEDGER,
    Job(command="verify_ledger --since last", max_age=_EACH_DAY),
    Job(command="check_invariants", max_age=_EACH_DAY),
    Job(command="check_invariants --new", max_age=timedelta(hours=3)),
    Job(command="clearsessions", max_age=_EACH_DAY),
    Job(command="forget_old_records", max_age=_EACH_WEEK),
)


def record_success(command: str, *, read_up_to: Mapping[str, Any] | None = None) -> None:
    """Record that the job was done just now, and where the snapshot ended that it read."""
    run = JobRun(
        command=command,
        succeeded_at=DatabaseClock(),
        correlation_id=correlation.current(),
        read_up_to=read_up_to,
    )
    JobRun.objects.bulk_create(
        [run],
        update_conflicts=True,
        unique_fields=["command"],
        update_fields=["succeeded_at", "correlation_id", "read_up_to"],
    )


def last_read(*commands: str) -> Mapping[str, Any] | None:
    """Where the snapshot ended that the last of these jobs read; None if none of them was ever done."""
    runs = JobRun.objects.filter(command__in=commands, read_up_to__isnull=False).order_by("-succeeded_at")
    return runs.values_list("read_up_to", flat=True).first()


def job_ages() -> dict[Job, timedelta | None]:
    """How long ago each job of `JOBS` was last done, by PostgreSQL's clock; None for one that never was."""
    ages = dict(JobRun.objects.values_list("command", DatabaseClock() - F("succeeded_at")))
    return {job: ages.get(job.command) for job in JOBS}
