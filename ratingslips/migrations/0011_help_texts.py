"""Reword help texts; makes no SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ratingslips", "0010_slip_numbers_without_case"),
    ]

    operations = [
        migrations.AlterField(
            model_name="driftcheck",
            name="accounts",
            field=models.IntegerField(help_text="Number of accounts that differ from what their entries add up to."),
        ),
        migrations.AlterField(
            model_name="driftcheck",
            name="first_accounts",
            field=models.JSONField(help_text="Keys of the first of these accounts."),
        ),
        migrations.AlterField(
            model_name="ratingslip",
            name="recovery_correlation_id",
            field=models.UUIDField(
                help_text="Correlation id of the request or command that recovered the points.", null=True
            ),
        ),
    ]
