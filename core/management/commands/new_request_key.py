"""Print REQUEST_KEYS with a new key before the present ones."""

from datetime import UTC, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from core.commands import ProjectCommand
from core.macs import ending, new_request_key

# The day on which the present keys end begins in more than 24 hours.
TIME_TO_CHANGE: Final = timedelta(days=2)


class Command(ProjectCommand):
    may_change = False
    requires_system_checks = ()  # which refuse to run without a key
    help = (
        "Print REQUEST_KEYS with a new key before the present ones, which end in two days: what is recorded later has "
        "no code under them. Set it on every machine that runs the product before: new requests get their code under "
        "the new key, and the codes of earlier ones are still checked. Never leave a key out that codes were made with."
    )

    def describe_work_done(self) -> str:
        return "Nothing was changed."

    def run(self, **_: Any) -> None:
        ends_on = (timezone.now().astimezone(UTC) + TIME_TO_CHANGE).date()
        retired = [ending(key, on=ends_on) for key in filter(None, settings.REQUEST_KEYS)]
        self.say("REQUEST_KEYS=" + ",".join([new_request_key(), *retired]))
