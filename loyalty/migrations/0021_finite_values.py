"""Refuse NaN in the value of a point and the totals of a checkpoint."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0020_count_the_accounts_of_a_tier"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("balance_total__lt", 1000000000000000000000000000000),
                    ("points_total__lt", 1000000000000000000000000000000),
                ),
                name="loyalty_checkpoint_totals_are_finite",
            ),
        ),
        migrations.AddConstraint(
            model_name="comptype",
            constraint=models.CheckConstraint(
                condition=models.Q(("point_value__lt", 10000)), name="loyalty_comp_type_value_is_finite"
            ),
        ),
    ]
