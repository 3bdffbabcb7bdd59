"""List void slips, which are few, in an index of their own, and the slips of a pit by status in its index alone."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from core.building import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("ratingslips", "0042_hold_has_its_cause")]

    operations = [
        BuildIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["pit", "-opened_at"], include=["id", "casino", "status"], name="ratingslips_slip_in_pit"
            ),
        ),
        RemoveIndexConcurrently(model_name="ratingslip", name="ratingslips_slip_of_pit"),
        BuildIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["casino", "-opened_at"],
                include=["id", "pit"],
                condition=Q(status="VOID"),
                name="ratingslips_slip_void",
            ),
        ),
    ]
