"""Jobs: commands that a timer must run again and again. A run that has done all of its work records its time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import F

from core import correlation
from core.clock import DatabaseClock
from core.models import JobRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A command of `manage.py`, and how old its last success may be."""

    command: str
    max_age: timedelta


_EACH_DAY: Final = timedelta(hours=26)
JOBS: Final = (
    Job(command="recover_slip_loyalty", max_age=timedelta(minutes=30)),
    Job(command="checkpoint", max_age=timedelta(hours=3)),
    Job(command="verify_ledger", max_age=_EACH_DAY),
    Job(command="check_invariants", max_age=_EACH_DAY),
    Job(command="clearsessions", max_age=_EACH_DAY),
    Job(command="forget_old_records", max_age=timedelta(days=8)),
)


def record_success(command: str) -> None:
    """Record that the job was done just now."""
    run = JobRun(command=command, succeeded_at=DatabaseClock(), correlation_id=correlation.current())
    JobRun.objects.bulk_create(
        [run],
        update_conflicts=True,
        unique_fields=["command"],
        update_fields=["succeeded_at", "correlation_id"],
    )


def job_ages() -> dict[Job, timedelta | None]:
    """How long ago each job of `JOBS` was last done, by PostgreSQL's clock; None for one that never was."""
    ages = dict(JobRun.objects.values_list("command", DatabaseClock() - F("succeeded_at")))
    return {job: ages.get(job.command) for job in JOBS}
