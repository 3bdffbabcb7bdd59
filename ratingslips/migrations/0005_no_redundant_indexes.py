import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("ratingslips", "0004_recovery_origin"),
    ]

    operations = [
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
    ]
