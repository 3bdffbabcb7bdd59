"""Permissions on the programme to reverse entries and to adjust points."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0014_comps_and_adjustments_of_play"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="loyaltyprogram",
            options={
                "permissions": [
                    ("award", "Can award points by hand"),
                    ("reverse", "Can reverse awards, adjustments and redemptions"),
                    ("adjust", "Can adjust points by hand"),
                    ("pause_program", "Can pause and resume the programme"),
                ],
                "verbose_name": "loyalty programme",
            },
        ),
    ]
