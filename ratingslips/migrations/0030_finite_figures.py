"""Refuse NaN in figures; large tables are checked by the next migration, without keeping writers out."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0029_play_of_live_slips"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="gamingtable",
            constraint=models.CheckConstraint(
                condition=models.Q(("maximum_bet__lt", 1000000000000), ("minimum_bet__lt", 1000000000000)),
                name="ratingslips_table_bets_are_finite",
            ),
        ),
        AddConstraintNotValid(
            model_name="moneyrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__lt", 1000000000000)), name="ratingslips_money_amount_is_finite"
            ),
        ),
        AddConstraintNotValid(
            model_name="playsegment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("average_bet__lt", 1000000000000),
                    ("decisions_per_hour__lt", 10000),
                    ("house_edge_percent__lt", 1000),
                ),
                name="ratingslips_segment_figures_are_finite",
            ),
        ),
        AddConstraintNotValid(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(("theoretical_win__lt", 10000000000000000)), name="ratingslips_slip_theo_is_finite"
            ),
        ),
        AddConstraintNotValid(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("theoretical_win_before__lt", 10000000000000000)),
                name="ratingslips_correction_theo_is_finite",
            ),
        ),
    ]
