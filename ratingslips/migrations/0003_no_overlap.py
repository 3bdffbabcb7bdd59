import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("loyalty", "0002_audit"),
        ("ratingslips", "0002_driftcheck"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("table", "="),
                    ("seat", "="),
                    (
                        models.Func(
                            "started_at",
                            "ended_at",
                            function="TSTZRANGE",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="ratingslips_segment_no_overlap_of_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("player", "="),
                    (
                        models.Func(
                            "opened_at",
                            "closed_at",
                            function="TSTZRANGE",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="ratingslips_slip_no_overlap_of_player",
            ),
        ),
    ]
