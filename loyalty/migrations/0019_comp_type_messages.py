"""Say on pages what the constraints of comp types refuse; makes no SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0018_reason_codes_of_pauses_and_rebuilds"),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name="comptype",
            name="loyalty_comp_type_code_unique",
            constraint=models.UniqueConstraint(
                fields=("program", "code"),
                name="loyalty_comp_type_code_unique",
                violation_error_message="This programme has this code already.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="comptype",
            name="loyalty_comp_type_value_above_zero",
            constraint=models.CheckConstraint(
                condition=models.Q(("point_value__gt", 0)),
                name="loyalty_comp_type_value_above_zero",
                violation_error_message="The value of a point must be above 0.",
            ),
        ),
    ]
