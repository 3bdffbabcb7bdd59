"""Delete sessions that have ended."""

from typing import Any

from django.utils import timezone

from core.commands import ProjectCommand
from core.sessions import Session
from core.words import counted


class Command(ProjectCommand):
    help = "Delete sessions that have ended: nobody is signed in by them any more. Exit code 0: done; 1: failed."

    def describe_work_done(self) -> str:
        return "All were deleted, or none."

    def run(self, **_: Any) -> None:
        ended, _by_model = Session.objects.exclude(
            pk__in=Session.objects.in_force(now=timezone.now()).values("pk")
        ).delete()
        self.say(f"{counted(ended, 'session')} deleted.")
        self.record_success()
