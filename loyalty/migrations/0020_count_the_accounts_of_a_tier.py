"""Count the accounts of a tier in the index alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0019_comp_type_messages")]

    operations = [
        migrations.RemoveIndex(model_name="playerloyalty", name="loyalty_account_by_tier"),
        migrations.AddIndex(
            model_name="playerloyalty",
            index=models.Index(fields=["tier", "id"], include=["program"], name="loyalty_account_of_tier"),
        ),
    ]
