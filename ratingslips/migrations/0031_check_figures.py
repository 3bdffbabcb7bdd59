"""Check the rows that were there before the constraints of 0030, without keeping writers out."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0030_finite_figures")]

    operations = [
        ValidateConstraint("moneyrow", "ratingslips_money_amount_is_finite"),
        ValidateConstraint("playsegment", "ratingslips_segment_figures_are_finite"),
        ValidateConstraint("ratingslip", "ratingslips_slip_theo_is_finite"),
        ValidateConstraint("slipcorrection", "ratingslips_correction_theo_is_finite"),
    ]
