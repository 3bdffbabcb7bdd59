"""Let the origin of a command name the person for whom it acts; the next migration checks the rows that are there."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0042_where_jobs_read_up_to")]

    operations = [
        migrations.AlterField(
            model_name="requestorigin",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                help_text="Who was signed in, or acted by a service or a command; empty for a command that acts for nobody.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RemoveConstraint(model_name="requestorigin", name="core_origin_is_a_person_or_a_command"),
        AddConstraintNotValid(
            model_name="requestorigin",
            constraint=models.CheckConstraint(
                condition=models.Q(("method", "COMMAND"), ("actor__isnull", False), _connector="OR"),
                name="core_origin_is_a_person_or_a_command",
            ),
        ),
    ]
