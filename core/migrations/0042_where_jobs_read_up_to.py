"""Keep with each job where the snapshot ended that it read, so that the next run can read only what is new."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0041_subjects_at_the_identity_provider")]

    operations = [
        migrations.AddField(
            model_name="jobrun",
            name="read_up_to",
            field=models.JSONField(
                help_text="Where its snapshot ended, for a job that then reads what is new.", null=True
            ),
        ),
    ]
