import django.db.models.deletion
from django.db import migrations, models

# Named one by one: Django's own AlterField drops every index of the column, partial unique constraints among them.
DROP = """
DROP INDEX ratingslips_playsegment_slip_id_011205aa;
DROP INDEX ratingslips_ratingslip_casino_id_6a4af783;
DROP INDEX ratingslips_ratingslip_player_id_d78f5e92;
"""

CREATE = """
CREATE INDEX ratingslips_playsegment_slip_id_011205aa ON ratingslips_playsegment (slip_id);
CREATE INDEX ratingslips_ratingslip_casino_id_6a4af783 ON ratingslips_ratingslip (casino_id);
CREATE INDEX ratingslips_ratingslip_player_id_d78f5e92 ON ratingslips_ratingslip (player_id);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("ratingslips", "0004_recovery_origin"),
    ]

    operations = [
        migrations.RunSQL(
            DROP,
            CREATE,
            state_operations=[
                migrations.AlterField(
                    model_name="playsegment",
                    name="slip",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="segments",
                        to="ratingslips.ratingslip",
                    ),
                ),
                migrations.AlterField(
                    model_name="ratingslip",
                    name="casino",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="core.casino",
                    ),
                ),
                migrations.AlterField(
                    model_name="ratingslip",
                    name="player",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="core.player",
                    ),
                ),
            ],
        ),
    ]
