"""Read the points of an account's entries, and whether an entry was reversed, in the index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0021_finite_values")]

    operations = [
        migrations.RemoveIndex(model_name="ledgerentry", name="loyalty_ledger_by_account"),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["account", "id"], include=["points"], name="loyalty_ledger_by_account"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                fields=["reverses"],
                condition=models.Q(reverses__isnull=False),
                name="loyalty_ledger_by_reversed",
            ),
        ),
    ]
