"""What the demo remembers of itself."""

from django.db import models

from core.models import Casino


class DemoRun(models.Model):
    """A demo on this database: its casino, how far its recorded day was moved, and whether all of it is there.

    A demo that was interrupted has no `finished_at`; the next start goes on from here.
    """

    casino = models.OneToOneField(Casino, on_delete=models.PROTECT, related_name="demo_run")
    shift = models.DurationField(help_text="From the recorded day's times to the demo's.")
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Demo in {self.casino}"
