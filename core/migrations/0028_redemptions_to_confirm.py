"""Redemptions are confirmed above the same number of points as awards: another label and help text."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0027_cash_thresholds")]

    operations = [
        migrations.AlterField(
            model_name="casino",
            name="confirmed_award_points",
            field=models.PositiveIntegerField(
                blank=True,
                help_text=(
                    "Awards and redemptions of more points ask again for the second factor, or the password. Empty: "
                    "none does."
                ),
                null=True,
                verbose_name="awards and redemptions to confirm",
            ),
        ),
    ]
