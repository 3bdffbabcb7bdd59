"""Refuse a reason code for unknown operations, and a label of spaces: their list could not show them."""

import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0031_players_who_are_not_active"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="reasoncode",
            name="core_reason_code_has_label",
        ),
        migrations.RemoveConstraint(
            model_name="reasoncode",
            name="core_reason_code_for_an_operation",
        ),
        migrations.AddConstraint(
            model_name="reasoncode",
            constraint=models.CheckConstraint(
                condition=models.Q(("label__regex", "\\S")), name="core_reason_code_has_label"
            ),
        ),
        migrations.AddConstraint(
            model_name="reasoncode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        models.Func("operations", function="ARRAY_NDIMS", output_field=models.IntegerField()), 1
                    ),
                    (
                        "operations__contained_by",
                        [
                            "award",
                            "adjust",
                            "reverse",
                            "redeem",
                            "release",
                            "correct",
                            "void",
                            "undo",
                            "reassign",
                            "strike",
                            "pause_programme",
                            "resume_programme",
                            "rebuild",
                        ],
                    ),
                    ("operations__len__gte", 1),
                ),
                name="core_reason_code_for_an_operation",
            ),
        ),
    ]
