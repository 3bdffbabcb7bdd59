"""Record exports of the change log beside those of the ledger."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0011_change_log"),
        ("loyalty", "0012_rules_as_set_up"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="ledgerexport",
            options={"ordering": ["-id"], "verbose_name": "export"},
        ),
        migrations.AddField(
            model_name="ledgerexport",
            name="what",
            field=models.CharField(
                choices=[("LEDGER", "Ledger"), ("CHANGES", "Change log")],
                default="LEDGER",
                max_length=7,
                verbose_name="list",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="casino",
            field=models.ForeignKey(
                help_text="The casino of the rows; empty if a superuser exported those of all casinos.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.casino",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="is_whole",
            field=models.BooleanField(help_text="Whether all rows that were asked for were sent.", null=True),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="rows",
            field=models.BigIntegerField(help_text="Number of rows sent.", null=True),
        ),
        migrations.AddConstraint(
            model_name="ledgerexport",
            constraint=models.CheckConstraint(
                condition=models.Q(("what__in", ["LEDGER", "CHANGES"])), name="loyalty_export_what_known"
            ),
        ),
    ]
