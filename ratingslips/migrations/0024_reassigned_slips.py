"""Give the play of a slip to another player: the slip that it came from, and its pit."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# As in 0021; a slip that was reassigned stays in the pit of the void one, also if its table has moved since.
REQUIRE_PIT = """
CREATE OR REPLACE FUNCTION ratingslips_require_pit_of_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        PERFORM FROM ratingslips_gamingtable WHERE id = NEW.table_id FOR SHARE;
    END IF;
    IF NEW.pit_id IS NOT DISTINCT FROM (SELECT pit_id FROM ratingslips_gamingtable WHERE id = NEW.table_id) THEN
        RETURN NEW;
    END IF;
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        IF TG_OP = 'UPDATE' AND NEW.closed_at IS NOT NULL AND EXISTS (
            SELECT FROM ratingslips_playsegment WHERE slip_id = NEW.id
            AND table_id = NEW.table_id AND pit_id = NEW.pit_id AND superseded_by_id IS NULL
        ) THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'INSERT' AND NEW.closed_at IS NOT NULL AND EXISTS (
            SELECT FROM ratingslips_ratingslip WHERE id = NEW.reassigned_from_id
            AND status = 'VOID' AND table_id = NEW.table_id AND pit_id = NEW.pit_id
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF EXISTS (
        SELECT FROM ratingslips_playsegment AS past
        WHERE past.slip_id IN (NEW.slip_id, (SELECT reassigned_from_id FROM ratingslips_ratingslip WHERE id = NEW.slip_id))
        AND past.table_id = NEW.table_id AND past.pit_id = NEW.pit_id AND past.superseded_by_id IS NOT NULL
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: the pit is not the one that the table is in', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
REQUIRE_PIT_BEFORE = import_module("ratingslips.migrations.0021_corrections").REQUIRE_PIT


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0026_names_in_the_change_log"),
        ("loyalty", "0018_reason_codes_of_pauses_and_rebuilds"),
        ("ratingslips", "0023_money_rows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_continues_another",
        ),
        migrations.RemoveConstraint(
            model_name="sliprequest",
            name="ratingslips_request_kind_known",
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="reassigned_from",
            field=models.OneToOneField(
                help_text="The void slip of the wrong player, whose play this one has.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reassigned_to",
                to="ratingslips.ratingslip",
            ),
        ),
        migrations.AlterField(
            model_name="sliprequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("OPEN", "Open"),
                    ("CHANGE_BET", "Change average bet"),
                    ("PAUSE", "Pause"),
                    ("RESUME", "Resume"),
                    ("MOVE", "Move"),
                    ("CLOSE", "Close"),
                    ("RECOVER", "Recover points"),
                    ("RELEASE", "Release points"),
                    ("CORRECT", "Correct play"),
                    ("VOID", "Void"),
                    ("CONTINUE", "Still playing"),
                    ("REASSIGN", "Give to another player"),
                    ("BUY_IN", "Buy-in"),
                    ("CHIPS_OUT", "Chips out"),
                    ("STRIKE", "Strike buy-in or chips out"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("continues", models.F("id")), _negated=True),
                    models.Q(("reassigned_from", models.F("id")), _negated=True),
                ),
                name="ratingslips_slip_comes_from_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="sliprequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "OPEN",
                            "CHANGE_BET",
                            "PAUSE",
                            "RESUME",
                            "MOVE",
                            "CLOSE",
                            "RECOVER",
                            "RELEASE",
                            "CORRECT",
                            "VOID",
                            "CONTINUE",
                            "REASSIGN",
                            "BUY_IN",
                            "CHIPS_OUT",
                            "STRIKE",
                        ],
                    )
                ),
                name="ratingslips_request_kind_known",
            ),
        ),
        migrations.RunSQL(REQUIRE_PIT, REQUIRE_PIT_BEFORE),
    ]
