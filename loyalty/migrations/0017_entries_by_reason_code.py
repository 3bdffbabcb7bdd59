"""Find the entries of a casino by their reason code."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0016_comp_slips"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("reason_code__isnull", False)),
                fields=["casino", "reason_code", "gaming_day", "id"],
                name="loyalty_ledger_by_reason_code",
            ),
        ),
    ]
