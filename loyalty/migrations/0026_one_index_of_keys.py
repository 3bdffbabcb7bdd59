"""Drop the second index of the ledger's keys, for LIKE, which no query uses; the unique index stays as it is."""

from django.db import migrations, models

LIKE = "loyalty_ledger_idempotency_key_d79272d9_like"


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0025_checkpoints_after_a_restore")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("ledgerentry", "idempotency_key", models.CharField(max_length=200)),
                migrations.AddConstraint(
                    "ledgerentry",
                    models.UniqueConstraint(fields=["idempotency_key"], name="loyalty_ledger_idempotency_key_key"),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX {LIKE}",
                    f"CREATE INDEX {LIKE} ON loyalty_ledger (idempotency_key varchar_pattern_ops)",
                )
            ],
        )
    ]
