"""Find the live slips of a pit in one index, and not table by table."""

from django.db import migrations, models
from django.db.models import Q

from core.building import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("ratingslips", "0040_hold_of_ended_play")]

    operations = [
        BuildIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["pit"], condition=Q(status__in=["OPEN", "PAUSED"]), name="ratingslips_slip_live_in_pit"
            ),
        ),
    ]
