"""An index of the slips with uncollected points, which are few, for the report."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0025_requests_of_an_actor")]

    operations = [
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(
                fields=["casino"],
                include=["uncollected_points"],
                condition=models.Q(uncollected_points__gt=0),
                name="ratingslips_slip_uncollected",
            ),
        ),
    ]
