"""What production needs beside PostgreSQL: settings, keys, files, room on the disk, backups, and jobs that ran."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from config.database.checkup.backups import BackupsUnknown, read_backups
from config.database.checkup.findings import Answer
from core.jobs import job_ages
from core.words import hours_in_words
from loyalty.models import LedgerVerification
from loyalty.proof.keys import NoCheckpointKey, key_id_of, signing_key, trusted_keys
from loyalty.proof.listed import accounts_file
from loyalty.proof.outside import compare_whole
from loyalty.proof.restores import line_about, restores

MIN_FREE_PERCENT: Final = 10
_GIVEN_IN_DEVELOPMENT: Final = "Set ENVIRONMENT=production: else cookies, redirects and keys are those of a laptop."


def look_at_settings() -> Iterator[Answer]:
    """What `check --deploy` says of the settings."""
    if not settings.IS_PRODUCTION:
        yield Answer(f"ENVIRONMENT is {settings.ENVIRONMENT}", _GIVEN_IN_DEVELOPMENT)
    wrong = [*_messages(checks.run_checks(include_deployment_checks=True))]
    yield from wrong or [Answer("check --deploy finds nothing")]


def look_at_database_settings() -> Iterator[Answer]:
    """What it says of the connection and of the casinos: time-outs, the application's rights, second factors."""
    databases = [DEFAULT_DB_ALIAS]
    found = checks.run_checks(tags=[checks.Tags.database], include_deployment_checks=True, databases=databases)
    yield from [*_messages(found)] or [Answer("check --deploy --database default finds nothing")]


def _messages(found: Iterable[checks.CheckMessage]) -> Iterator[Answer]:
    for message in found:
        if message.level >= checks.WARNING and not message.is_silenced():
            advice = message.hint or "docs/settings.md has all settings and these ids."
            yield Answer(f"{message.id}: {' '.join(message.msg.split())}", " ".join(advice.split()))


def look_at_checkpoint_keys() -> Iterator[Answer]:
    """Whether checkpoints can be recognised, and those that are made here will be."""
    try:
        trusted = trusted_keys()
        own = key_id_of(signing_key().public_key()) if settings.CHECKPOINT_SIGNING_KEY else None
    except NoCheckpointKey as error:
        yield Answer(str(error), "Set CHECKPOINT_PUBLIC_KEY, and CHECKPOINT_SIGNING_KEY where checkpoints are taken.")
        return
    if own is not None and own not in trusted:
        yield Answer(
            f"CHECKPOINT_PUBLIC_KEY does not have the key {own}, which signs here",
            "Add it: else every verification says that a foreign key signed.",
        )
    else:
        yield Answer(f"{', '.join(trusted)} known; {own or 'none'} signs here")


def look_at_checkpoint_file() -> Iterator[Answer]:
    """Whether the file of checkpoints has what the database has, and can be continued."""
    if not settings.CHECKPOINT_FILE:
        yield Answer(
            "CHECKPOINT_FILE is not set",
            "Set it to a file that the owner of the database cannot write: else nothing finds deleted checkpoints.",
        )
        return
    file = Path(settings.CHECKPOINT_FILE)
    try:
        found = compare_whole(file)
    except (OSError, NoCheckpointKey) as error:
        what = f"{file} cannot be compared: {getattr(error, 'strerror', None) or error}"
        yield Answer(what, "Take a checkpoint if there is none yet; else bring the file back from its copy.")
        return
    if found is not None:
        yield Answer(
            f"checkpoint {found.checkpoint}: {found.kind}: {found.what}",
            "See “Is the ledger what was written?” in the runbook, before anything else is changed.",
        )
    elif not accounts_file(file).exists():
        yield Answer(f"{accounts_file(file)} is not there", "Take a checkpoint, which writes it; keep both files.")
    else:
        yield Answer(f"{file} has every checkpoint")


def look_at_verification() -> Iterator[Answer]:
    """Whether the last verification was clean; its age is that of a job. Names every restore."""
    last = LedgerVerification.objects.first()
    if last is None:
        yield Answer("the ledger was never verified", "Run verify_ledger, and then every night.")
    elif not last.is_clean:
        kind = (last.first_break or {}).get("kind", "")
        yield Answer(f"BROKEN: {kind}, on {last.ended_at:%Y-%m-%d %H:%M} UTC", "The runbook says what to do first.")
    else:
        yield Answer(f"clean on {last.ended_at:%Y-%m-%d %H:%M} UTC")
    for checkpoint, restore in restores():
        yield Answer(line_about(checkpoint, restore))


def look_at_jobs() -> Iterator[Answer]:
    """Whether each job was done as recently as it must be."""
    for job, age in job_ages().items():
        if age is None:
            yield Answer(f"{job.command} was never done", "Enable its timer, and run it once.")
        elif age > job.max_age:
            said = (
                f"{job.command} was last done {hours_in_words(age)} ago, and may be {hours_in_words(job.max_age)} old"
            )
            yield Answer(said, "Look why its timer did not run, or what it found: journalctl has its output.")
        else:
            yield Answer(f"{job.command} was last done {hours_in_words(age)} ago")


def look_at_backups() -> Iterator[Answer]:
    """Whether there is a backup, and it is not too old."""
    try:
        backups = read_backups(settings.BACKUP_INFO_FILE)
    except BackupsUnknown as error:
        yield Answer(str(error), "Let the job of the backup write BACKUP_INFO_FILE: the runbook says how.")
        return
    if backups.error:
        yield Answer(backups.error, "Run “pgbackrest check”, and look into the log of the last backup.")
    if backups.newest_at is None:
        yield Answer("there is no backup", "Make one now.")
        return
    age = timezone.now() - backups.newest_at
    said = f"the newest is {hours_in_words(age)} old"
    if age.total_seconds() > settings.BACKUP_MAX_AGE_HOURS * 3_600:
        yield Answer(
            f"{said}, and may be {settings.BACKUP_MAX_AGE_HOURS} h old", "Make one now, and look why its job did not."
        )
    elif not backups.error:
        yield Answer(said)


def look_at_disks() -> Iterator[Answer]:
    """Whether there is room where this machine writes. PostgreSQL's disk is looked at if it is on this machine."""
    places = {Path("/"), Path(tempfile.gettempdir())}
    if settings.CHECKPOINT_FILE:
        places.add(Path(settings.CHECKPOINT_FILE).parent)
    for place in sorted(place for place in places if place.exists()):
        usage = shutil.disk_usage(place)
        free = 100 * usage.free // max(usage.total, 1)
        said = f"{place}: {free} % free, {usage.free / 2**30:.1f} GiB"
        if free < MIN_FREE_PERCENT:
            yield Answer(said, f"Make room: below {MIN_FREE_PERCENT} % a commit may soon fail.")
        else:
            yield Answer(said)


def look_at_static_files() -> Iterator[Answer]:
    """Whether the files of the console's pages were collected for this release."""
    if not settings.IS_PRODUCTION:
        yield Answer("served from their folders in development")
        return
    root = Path(settings.STATIC_ROOT or "")
    if not (root / getattr(staticfiles_storage, "manifest_name", "staticfiles.json")).exists():
        yield Answer(f"{root} has no collected files", "Run “manage.py collectstatic --no-input”.")
    else:
        yield Answer(f"collected in {root}")
