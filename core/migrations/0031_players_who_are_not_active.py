"""Index the players who are not active, which are few, for the home page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0029_cash_is_finite")]

    operations = [
        migrations.AddIndex(
            model_name="player",
            index=models.Index(
                fields=["casino", "id"],
                condition=models.Q(status__in=["INACTIVE", "BARRED"]),
                name="core_player_not_active",
            ),
        ),
    ]
