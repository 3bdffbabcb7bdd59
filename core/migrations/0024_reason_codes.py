"""The reason codes of a casino, their change log, and the default codes of each casino."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from core.changes.triggers import log_changes
from core.reasons.defaults import add_default_codes


def give_default_codes(apps, schema_editor):
    for casino in apps.get_model("core", "Casino").objects.all():
        add_default_codes(casino.pk, model=apps.get_model("core", "ReasonCode"))


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0023_backdating"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReasonCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        help_text="Such as WRONG_BET. It is kept with what is done, and cannot be changed later.",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z][A-Z0-9_]*\\Z",
                                "A code has only capital letters, digits and underscores: WRONG_BET.",
                            )
                        ],
                    ),
                ),
                ("label", models.CharField(help_text="What staff choose.", max_length=100)),
                (
                    "operations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("award", "Award points"),
                                ("adjust", "Adjust points"),
                                ("reverse", "Reverse an entry"),
                                ("redeem", "Redeem points"),
                                ("release", "Release withheld points"),
                                ("correct", "Correct a slip"),
                                ("void", "Void a slip"),
                                ("undo", "Undo on the floor"),
                                ("reassign", "Give play to another player"),
                                ("strike", "Strike a buy-in or chips out"),
                                ("pause_programme", "Pause the programme"),
                                ("resume_programme", "Resume the programme"),
                                ("rebuild", "Rebuild balances"),
                            ],
                            max_length=20,
                        ),
                        help_text="What it can be chosen for.",
                        size=None,
                    ),
                ),
                ("text_required", models.BooleanField(default=False, help_text="Staff must write a text beside it.")),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Only active codes can be chosen.", verbose_name="active"
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reason_codes",
                        to="core.casino",
                    ),
                ),
            ],
            options={
                "ordering": ["label", "code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("casino", "code"),
                        name="core_reason_code_unique_in_casino",
                        violation_error_message="This casino has this code already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Z][A-Z0-9_]*$")), name="core_reason_code_is_plain"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("label", ""), _negated=True), name="core_reason_code_has_label"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("operations__len__gte", 1)), name="core_reason_code_for_an_operation"
                    ),
                ],
            },
        ),
        *log_changes("core_reasoncode"),
        migrations.RunPython(give_default_codes, migrations.RunPython.noop),
    ]
