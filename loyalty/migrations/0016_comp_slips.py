"""Prints of comp slips, the permission to redeem, and redemptions by comp type."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0023_backdating"),
        ("loyalty", "0015_permissions_to_reverse_and_adjust"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CompSlipPrint",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="request id")),
                ("number", models.PositiveIntegerField(help_text="1, 2, 3 … of the entry.")),
                ("printed_at", models.DateTimeField()),
                ("correlation_id", models.UUIDField(db_index=True)),
            ],
            options={
                "ordering": ["entry", "number"],
                "default_permissions": (),
            },
        ),
        migrations.AlterModelOptions(
            name="loyaltyprogram",
            options={
                "permissions": [
                    ("award", "Can award points by hand"),
                    ("reverse", "Can reverse awards, adjustments and redemptions"),
                    ("adjust", "Can adjust points by hand"),
                    ("redeem", "Can redeem points for comps"),
                    ("pause_program", "Can pause and resume the programme"),
                ],
                "verbose_name": "loyalty programme",
            },
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("comp_type__isnull", False)),
                fields=["comp_type", "gaming_day", "id"],
                name="loyalty_ledger_by_comp_type",
            ),
        ),
        migrations.AddField(
            model_name="compslipprint",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="comp_slip_prints",
                to="loyalty.ledgerentry",
            ),
        ),
        migrations.AddField(
            model_name="compslipprint",
            name="staff",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="compslipprint",
            constraint=models.UniqueConstraint(
                fields=("entry", "number"), name="loyalty_comp_slip_print_number_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="compslipprint",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="loyalty_comp_slip_print_number_from_one"
            ),
        ),
        *append_only("loyalty_compslipprint"),
    ]
