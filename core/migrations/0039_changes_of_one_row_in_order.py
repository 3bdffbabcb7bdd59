"""Find the changes of one row newest first, without reading all of them."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

from core.building import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("core", "0038_origins_of_services")]

    operations = [
        BuildIndex(
            model_name="change",
            index=models.Index(F("concerns__0"), F("recorded_at"), F("id"), name="core_change_of_row"),
        ),
        BuildIndex(
            model_name="change",
            index=models.Index(
                F("concerns__1"),
                F("recorded_at"),
                F("id"),
                condition=Q(concerns__1__isnull=False),
                name="core_change_of_second_row",
            ),
        ),
        BuildIndex(
            model_name="change",
            index=models.Index(
                F("concerns__2"),
                F("recorded_at"),
                F("id"),
                condition=Q(concerns__2__isnull=False),
                name="core_change_of_third_row",
            ),
        ),
        BuildIndex(
            model_name="change",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=Q(concerns__len__gt=3), fastupdate=False, fields=["concerns"], name="core_change_of_many_rows"
            ),
        ),
        RemoveIndexConcurrently(model_name="change", name="core_change_by_concerned"),
    ]
