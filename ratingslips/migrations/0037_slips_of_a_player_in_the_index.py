"""Read the slips of a player, and what they were worth, in the index alone."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from core.building import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("loyalty", "0024_codes_of_requests"),
        ("ratingslips", "0036_corrected_slips_of_a_player"),
    ]

    operations = [
        BuildIndex(
            model_name="ratingslip",
            index=models.Index(
                models.F("player"),
                models.OrderBy(models.F("closed_at"), descending=True, nulls_first=True),
                include=(
                    *("id", "status", "gaming_day", "continues", "theoretical_win", "ledger_entry", "corrected_points"),
                ),
                name="ratingslips_slip_of_player",
            ),
        ),
        RemoveIndexConcurrently(model_name="ratingslip", name="ratingslips_slip_player_last"),
    ]
