"""Refuse NaN in the cash thresholds of a casino."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0028_redemptions_to_confirm"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="casino",
            constraint=models.CheckConstraint(
                condition=models.Q(("cash_report_amount__lt", 1000000000000), ("cash_watch_amount__lt", 1000000000000)),
                name="core_casino_cash_is_finite",
            ),
        ),
    ]
