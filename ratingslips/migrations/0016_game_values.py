"""House edge and decisions per hour become rows with a beginning; today's hold from the beginning."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from core.append_only import refuse_delete, refuse_update
from core.changes.triggers import log_changes
from core.effective_dates import refuse_past

KEEP_VALUES = """
INSERT INTO ratingslips_gamevalues (game_id, decisions_per_hour, house_edge_percent, effective_from)
SELECT id, decisions_per_hour, house_edge_percent, '1970-01-01 00:00:00+00' FROM ratingslips_gamesettings;
"""
DROP_COLUMNS = """
ALTER TABLE ratingslips_gamesettings DROP COLUMN decisions_per_hour, DROP COLUMN house_edge_percent;
"""
RESTORE_COLUMNS = """
ALTER TABLE ratingslips_gamesettings
    ADD COLUMN decisions_per_hour numeric(6, 2) NOT NULL DEFAULT 1,
    ADD COLUMN house_edge_percent numeric(6, 3) NOT NULL DEFAULT 0;
UPDATE ratingslips_gamesettings AS game
SET decisions_per_hour = last.decisions_per_hour, house_edge_percent = last.house_edge_percent
FROM (
    SELECT DISTINCT ON (game_id) game_id, decisions_per_hour, house_edge_percent FROM ratingslips_gamevalues
    ORDER BY game_id, effective_from > now(), effective_from DESC
) AS last
WHERE last.game_id = game.id;
ALTER TABLE ratingslips_gamesettings
    ALTER COLUMN decisions_per_hour DROP DEFAULT,
    ALTER COLUMN house_edge_percent DROP DEFAULT,
    ADD CONSTRAINT ratingslips_game_decisions_within_limits
        CHECK (decisions_per_hour > 0 AND decisions_per_hour <= 1000),
    ADD CONSTRAINT ratingslips_game_edge_is_percent CHECK (house_edge_percent >= 0 AND house_edge_percent <= 100);
"""
OF_GAME = "(SELECT casino_id FROM ratingslips_gamesettings WHERE id = (this->>'game_id')::bigint)"


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0013_effective_dates"),
        ("ratingslips", "0015_pit_of_a_slip"),
    ]

    operations = [
        migrations.CreateModel(
            name="GameValues",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "decisions_per_hour",
                    models.DecimalField(
                        decimal_places=2,
                        max_digits=6,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.01")),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                    ),
                ),
                (
                    "house_edge_percent",
                    models.DecimalField(
                        decimal_places=3,
                        max_digits=6,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                    ),
                ),
                (
                    "effective_from",
                    models.DateTimeField(help_text="They hold for segments that start at this instant or later."),
                ),
                (
                    "game",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="all_values",
                        to="ratingslips.gamesettings",
                    ),
                ),
            ],
            options={
                "verbose_name": "values of a game",
                "verbose_name_plural": "values of a game",
                "ordering": ["game", "-effective_from"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("game", "effective_from"), name="ratingslips_values_one_per_instant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decisions_per_hour__gt", 0), ("decisions_per_hour__lte", 1000)),
                        name="ratingslips_values_decisions_within_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("house_edge_percent__gte", 0), ("house_edge_percent__lte", 100)),
                        name="ratingslips_values_edge_is_percent",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP_VALUES, migrations.RunSQL.noop),
        refuse_past("ratingslips_gamevalues", owner="game_id", owners="ratingslips_gamesettings"),
        refuse_update("ratingslips_gamevalues"),
        refuse_delete("ratingslips_gamevalues"),
        *log_changes("ratingslips_gamevalues", casino=OF_GAME, concerns={"ratingslips_gamesettings": "game_id"}),
        migrations.RunSQL(
            DROP_COLUMNS,
            RESTORE_COLUMNS,
            state_operations=[
                migrations.RemoveConstraint("gamesettings", "ratingslips_game_decisions_within_limits"),
                migrations.RemoveConstraint("gamesettings", "ratingslips_game_edge_is_percent"),
                migrations.RemoveField("gamesettings", "decisions_per_hour"),
                migrations.RemoveField("gamesettings", "house_edge_percent"),
            ],
        ),
    ]
