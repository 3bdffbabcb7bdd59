"""Print REQUEST_KEYS with a new key before the present ones."""

from typing import Any

from django.conf import settings

from core.commands import ProjectCommand
from core.macs import new_request_key


class Command(ProjectCommand):
    may_change = False
    requires_system_checks = ()  # which refuse to run without a key
    help = (
        "Print REQUEST_KEYS with a new key before the present ones. Set it on every machine that runs the product: new "
        "requests get their code under the new key, and the codes of earlier ones are still checked. Never leave a key "
        "out that codes were made with."
    )

    def describe_work_done(self) -> str:
        return "Nothing was changed."

    def run(self, **_: Any) -> None:
        self.say("REQUEST_KEYS=" + ",".join([new_request_key(), *filter(None, settings.REQUEST_KEYS)]))
