"""Comp types, and three columns of the ledger; earlier entries have NULL in them, and keep their hash."""

import django.db.models.deletion
from django.db import migrations, models

from core.changes.triggers import log_changes

OF_PROGRAM = "(SELECT casino_id FROM loyalty_loyaltyprogram WHERE id = (this->>'program_id')::bigint)"


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0022_codes_in_the_sign_in_log"),
        ("loyalty", "0013_exports_of_the_change_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="adjusts",
            field=models.ForeignKey(
                db_index=False,
                help_text="Of an adjustment after a correction of play: the entry for that play.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjusted_by",
                to="loyalty.ledgerentry",
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="reason_code",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.CreateModel(
            name="CompType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(db_index=False, max_length=40)),
                ("label", models.CharField(max_length=100)),
                (
                    "point_value",
                    models.DecimalField(
                        decimal_places=4,
                        help_text="In the casino's currency.",
                        max_digits=8,
                        verbose_name="value of a point",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Whether points are redeemed for it.", verbose_name="active"
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comp_types",
                        to="loyalty.loyaltyprogram",
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "ordering": ["program", "code"],
            },
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="comp_type",
            field=models.ForeignKey(
                db_index=False,
                help_text="Of a redemption: what the points were redeemed for.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="loyalty.comptype",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("adjusts__isnull", False)), fields=["adjusts"], name="loyalty_ledger_by_adjusted"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("adjusts", None), ("kind", "ADJUSTMENT"), _connector="OR"),
                name="loyalty_ledger_adjustment_names_entry",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("comp_type__isnull", False), ("kind", "REDEMPTION")),
                    models.Q(models.Q(("kind", "REDEMPTION"), _negated=True), ("comp_type", None)),
                    _connector="OR",
                ),
                name="loyalty_ledger_redemption_has_comp_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason_code", ""), _negated=True), name="loyalty_ledger_reason_code_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="comptype",
            constraint=models.UniqueConstraint(fields=("program", "code"), name="loyalty_comp_type_code_unique"),
        ),
        migrations.AddConstraint(
            model_name="comptype",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("code", ""), _negated=True), models.Q(("label", ""), _negated=True)),
                name="loyalty_comp_type_has_names",
            ),
        ),
        migrations.AddConstraint(
            model_name="comptype",
            constraint=models.CheckConstraint(
                condition=models.Q(("point_value__gt", 0)), name="loyalty_comp_type_value_above_zero"
            ),
        ),
        *log_changes("loyalty_comptype", casino=OF_PROGRAM, concerns={"loyalty_loyaltyprogram": "program_id"}),
    ]
