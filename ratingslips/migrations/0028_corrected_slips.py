"""An index of the slips that were corrected or voided, which are few, for their list."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0027_slips_of_a_pit_and_of_a_day")]

    operations = [
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["casino", "-opened_at"],
                include=["id"],
                condition=models.Q(correction_count__gt=0),
                name="ratingslips_slip_corrected",
            ),
        ),
    ]
