"""Count a day's closings and add up play in the index alone; index the live slips, and the owed ones by key too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0031_check_figures")]

    operations = [
        migrations.RemoveIndex(model_name="ratingslip", name="ratingslips_slip_closed"),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["casino", "-closed_at"],
                include=["owed_because", "recovered_by", "withheld_because", "theoretical_win"],
                condition=models.Q(status="CLOSED"),
                name="ratingslips_slip_closed",
            ),
        ),
        migrations.RemoveIndex(model_name="ratingslip", name="ratingslips_slip_owed"),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["closed_at", "id"],
                include=["casino", "pit"],
                condition=models.Q(status="CLOSED", settled_at=None),
                name="ratingslips_slip_owed",
            ),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["opened_at"],
                condition=models.Q(status__in=["OPEN", "PAUSED"]),
                name="ratingslips_slip_live",
            ),
        ),
        migrations.RemoveConstraint(model_name="playsegment", name="ratingslips_segment_seq_unique_in_slip"),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=models.UniqueConstraint(
                fields=["slip", "seq"],
                include=["started_at", "ended_at", "average_bet", "superseded_by"],
                name="ratingslips_segment_seq_unique_in_slip",
            ),
        ),
    ]
