"""Seal the change log with the checkpoints."""

import django.db.models.deletion
from django.db import migrations, models

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0033_chained_change_log"),
        ("loyalty", "0022_points_and_reversals_in_the_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="SealedChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change_id", models.BigIntegerField(unique=True)),
                ("change_hash", models.BinaryField(max_length=32)),
            ],
        ),
        migrations.AddField(
            model_name="checkpoint",
            name="log_changes",
            field=models.BigIntegerField(
                help_text="Number of changes of the change log that no earlier checkpoint sealed; empty in version 1.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="checkpoint",
            name="log_root",
            field=models.BinaryField(
                help_text="Merkle root over these changes; empty in version 1.", max_length=32, null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("log_changes", None), ("log_root", None)),
                    models.Q(
                        ("log_changes__gte", 0),
                        ("log_changes__isnull", False),
                        ("log_root__isnull", False),
                        ("log_root__octets", 32),
                    ),
                    _connector="OR",
                ),
                name="loyalty_checkpoint_log_is_whole",
            ),
        ),
        migrations.AddField(
            model_name="sealedchange",
            name="checkpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.checkpoint"
            ),
        ),
        migrations.AddConstraint(
            model_name="sealedchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("change_hash__octets", 32)), name="loyalty_sealed_change_is_whole"
            ),
        ),
        *append_only("loyalty_sealedchange"),
    ]
