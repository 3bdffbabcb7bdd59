"""Keep the casino of a card of staff, so that its list reads no players."""

import django.db.models.deletion
from django.db import migrations, models

FILL = """
ALTER TABLE core_staffcard DISABLE TRIGGER core_staffcard_freeze;
UPDATE core_staffcard AS card SET casino_id = player.casino_id
    FROM core_player AS player WHERE player.id = card.player_id;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE core_staffcard ENABLE ALWAYS TRIGGER core_staffcard_freeze;
"""


def _casino(*, null: bool) -> models.ForeignKey:
    return models.ForeignKey(
        null=null, on_delete=django.db.models.deletion.PROTECT, related_name="staff_cards", to="core.casino"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0020_changes_by_casino_and_actor"),
    ]

    operations = [
        migrations.AddField("staffcard", "casino", _casino(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("staffcard", "casino", _casino(null=False)),
    ]
