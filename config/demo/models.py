"""The demo of a database."""

from django.db import models

from core.models import Casino


class DemoRun(models.Model):
    """The demo of this database: its casino and how far its recorded day was shifted.

    An interrupted demo has no `finished_at`; the next start continues it.
    """

    casino = models.OneToOneField(Casino, on_delete=models.PROTECT, related_name="demo_run")
    shift = models.DurationField(help_text="Time from the recorded day to the demo.")
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Demo in {self.casino}"
