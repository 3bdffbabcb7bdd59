"""Read the changes by one author in one casino in the order of an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0019_cards_of_staff"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="change",
            options={
                "default_permissions": ("view",),
                "permissions": [("export_change", "Can export the change log")],
                "verbose_name_plural": "change log",
            },
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                condition=models.Q(("actor__isnull", False)),
                fields=["casino", "actor", "recorded_at", "id"],
                name="core_change_by_casino_actor",
            ),
        ),
    ]
