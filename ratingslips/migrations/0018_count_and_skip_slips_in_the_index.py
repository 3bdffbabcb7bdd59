"""The list of slips counts and skips rows in its index alone."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0015_sent_form"),
        ("loyalty", "0012_rules_as_set_up"),
        ("ratingslips", "0017_released_at"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="ratingslip",
            name="ratingslips_slip_opened",
        ),
        migrations.RemoveIndex(
            model_name="ratingslip",
            name="ratingslips_slip_pit_opened",
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(fields=["casino", "-opened_at"], include=("id",), name="ratingslips_slip_opened"),
        ),
        migrations.AddIndex(
            model_name="ratingslip",
            index=models.Index(fields=["pit", "-opened_at"], include=("id",), name="ratingslips_slip_pit_opened"),
        ),
    ]
