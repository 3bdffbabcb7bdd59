"""Count the slips of a pit in the index alone, and find those of a gaming day in all casinos."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0026_uncollected_points")]

    operations = [
        migrations.RemoveIndex(
            model_name="ratingslip",
            name="ratingslips_slip_pit_opened",
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(fields=["pit", "-opened_at"], include=("id", "casino"), name="ratingslips_slip_of_pit"),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["gaming_day", "casino", "-opened_at"], include=("id",), name="ratingslips_slip_of_gaming_day"
            ),
        ),
    ]
