"""Check the rows that were there before the constraint of 0043, without keeping writers out."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0043_commands_name_their_person")]

    operations = [ValidateConstraint("requestorigin", "core_origin_is_a_person_or_a_command")]
