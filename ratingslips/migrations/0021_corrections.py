"""Let slips be corrected and voided: a row for each correction, and segments that it supersedes."""

from importlib import import_module

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only

# A correction changes what is past, once its row keeps what the slip was before. Else as in 0017: a closed slip can only
# be settled, released and given its entry, once each.
FREEZE_SLIP = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    IF OLD.status <> 'VOID' AND NEW.correction_count = OLD.correction_count + 1 AND EXISTS (
        SELECT FROM ratingslips_slipcorrection AS kept
        WHERE kept.slip_id = OLD.id AND kept.number = NEW.correction_count
          AND (kept.kind = 'VOIDED') = (NEW.status = 'VOID') AND kept.uncollected_after = NEW.uncollected_points
          AND (kept.status_before, kept.opened_at_before, kept.closed_at_before, kept.gaming_day_before)
              IS NOT DISTINCT FROM (OLD.status, OLD.opened_at, OLD.closed_at, OLD.gaming_day)
          AND (kept.theoretical_win_before, kept.table_before_id, kept.pit_before_id, kept.seat_before)
              IS NOT DISTINCT FROM (OLD.theoretical_win, OLD.table_id, OLD.pit_id, OLD.seat)
          AND kept.uncollected_before = OLD.uncollected_points
          AND kept.points_after IS NOT DISTINCT FROM NEW.corrected_points
    ) THEN
        frozen.correction_count := NEW.correction_count;
        frozen.corrected_points := NEW.corrected_points;
        frozen.uncollected_points := NEW.uncollected_points;
        frozen.opened_at := NEW.opened_at;
        frozen.gaming_day := NEW.gaming_day;
        frozen.closed_at := NEW.closed_at;
        frozen.theoretical_win := NEW.theoretical_win;
        frozen.table_id := NEW.table_id;
        frozen.pit_id := NEW.pit_id;
        frozen.seat := NEW.seat;
        frozen.ledger_entry_id := coalesce(OLD.ledger_entry_id, NEW.ledger_entry_id);
        IF NEW.status = 'VOID' OR OLD.status <> 'CLOSED' AND NEW.status <> 'CLOSED' THEN
            frozen.status := NEW.status;
            frozen.closed_by_id := coalesce(OLD.closed_by_id, NEW.closed_by_id);
        END IF;
    ELSIF OLD.status = 'CLOSED' THEN
        IF OLD.settled_at IS NULL THEN
            frozen.settled_at := NEW.settled_at;
            frozen.recovered_by_id := NEW.recovered_by_id;
            frozen.recovery_correlation_id := NEW.recovery_correlation_id;
        END IF;
        frozen.ledger_entry_id := coalesce(OLD.ledger_entry_id, NEW.ledger_entry_id);
        frozen.released_at := coalesce(OLD.released_at, NEW.released_at);
    ELSIF OLD.status IN ('OPEN', 'PAUSED') AND NEW.status <> 'VOID' THEN
        frozen := NEW;
        frozen.correction_count := OLD.correction_count;
        frozen.corrected_points := OLD.corrected_points;
        frozen.uncollected_points := OLD.uncollected_points;
        frozen.opened_at := OLD.opened_at;
        frozen.gaming_day := OLD.gaming_day;
    END IF;
    IF NEW IS DISTINCT FROM frozen OR OLD.settled_at IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: %', CASE OLD.status
            WHEN 'VOID' THEN 'a void slip never changes'
            WHEN 'CLOSED' THEN 'a closed slip can only be settled, once, or change with its correction'
            ELSE 'what is past changes only with its correction' END
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER ratingslips_freeze_slip ON ratingslips_ratingslip;
CREATE TRIGGER ratingslips_freeze_slip BEFORE UPDATE ON ratingslips_ratingslip
    FOR EACH ROW EXECUTE FUNCTION ratingslips_freeze_slip();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_freeze_slip;
"""
FREEZE_SLIP_BEFORE = (
    import_module("ratingslips.migrations.0017_released_at").FREEZE_SLIP
    + """
DROP TRIGGER ratingslips_freeze_slip ON ratingslips_ratingslip;
CREATE TRIGGER ratingslips_freeze_slip BEFORE UPDATE ON ratingslips_ratingslip
    FOR EACH ROW WHEN (OLD.status = 'CLOSED') EXECUTE FUNCTION ratingslips_freeze_slip();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_freeze_slip;
"""
)

# As in 0009, but a correction that its slip does not have yet may supersede a segment, once.
FREEZE_SEGMENT = """
CREATE OR REPLACE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    frozen := OLD;
    IF OLD.ended_at IS NULL THEN
        frozen.ended_at := NEW.ended_at;
        frozen.ended_as := NEW.ended_as;
        frozen.ended_by_id := NEW.ended_by_id;
        frozen.end_correlation_id := NEW.end_correlation_id;
    END IF;
    IF OLD.held_until IS NULL THEN
        frozen.held_until := NEW.held_until;
    END IF;
    IF OLD.superseded_by_id IS NULL AND EXISTS (
        SELECT FROM ratingslips_slipcorrection AS correction
        JOIN ratingslips_ratingslip AS slip ON slip.id = correction.slip_id
        WHERE correction.id = NEW.superseded_by_id AND slip.id = OLD.slip_id
          AND correction.number = slip.correction_count + 1
    ) THEN
        frozen.superseded_by_id := NEW.superseded_by_id;
    END IF;
    IF NEW IS DISTINCT FROM frozen OR OLD.held_until IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FREEZE_SEGMENT_BEFORE = import_module("ratingslips.migrations.0009_seat_held_until").FREEZE_WITH_HOLD

# As in 0015, but corrected play stays in the pit in which it was, also if its table has moved to another pit since.
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
    ELSIF EXISTS (
        SELECT FROM ratingslips_playsegment WHERE slip_id = NEW.slip_id
        AND table_id = NEW.table_id AND pit_id = NEW.pit_id AND superseded_by_id IS NOT NULL
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: the pit is not the one that the table is in', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
"""
REQUIRE_PIT_BEFORE = """
CREATE OR REPLACE FUNCTION ratingslips_require_pit_of_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        PERFORM FROM ratingslips_gamingtable WHERE id = NEW.table_id FOR SHARE;
    END IF;
    IF NEW.pit_id IS DISTINCT FROM (SELECT pit_id FROM ratingslips_gamingtable WHERE id = NEW.table_id) THEN
        RAISE EXCEPTION '% of % is refused: the pit is not the one that the table is in', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0022_codes_in_the_sign_in_log"),
        ("loyalty", "0014_comps_and_adjustments_of_play"),
        ("ratingslips", "0020_game_of_a_table"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SlipCorrection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(help_text="1, 2, 3 … in the slip.")),
                ("kind", models.CharField(choices=[("CORRECTED", "Corrected"), ("VOIDED", "Voided")], max_length=9)),
                ("reason_code", models.CharField(max_length=40, null=True)),
                ("reason", models.CharField(max_length=500)),
                (
                    "last_seq_before",
                    models.IntegerField(help_text="The number of the last segment that it superseded."),
                ),
                (
                    "status_before",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("PAUSED", "Paused"), ("CLOSED", "Closed"), ("VOID", "Void")],
                        max_length=6,
                    ),
                ),
                ("opened_at_before", models.DateTimeField()),
                ("closed_at_before", models.DateTimeField(null=True)),
                ("gaming_day_before", models.DateField()),
                ("theoretical_win_before", models.DecimalField(decimal_places=2, max_digits=18, null=True)),
                ("seat_before", models.SmallIntegerField()),
                ("uncollected_before", models.BigIntegerField()),
                ("uncollected_after", models.BigIntegerField()),
                ("points_before", models.BigIntegerField(null=True)),
                ("points_after", models.BigIntegerField(null=True)),
                (
                    "no_entry_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("LIVE", "the slip was live"),
                            ("OWED", "its points were owed"),
                            ("WITHHELD", "its points were withheld"),
                            ("SAME_POINTS", "its points stay the same"),
                            ("NOT_COVERED", "the balance was 0"),
                        ],
                        max_length=12,
                    ),
                ),
            ],
            options={
                "ordering": ["slip", "number"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="playsegment",
            name="ratingslips_segment_no_overlap",
        ),
        migrations.RemoveConstraint(
            model_name="playsegment",
            name="ratingslips_segment_no_overlap_of_seat",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_closed_is_whole",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_settled_is_closed",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_credited_is_closed",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_no_overlap_of_player",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_withheld_is_settled",
        ),
        migrations.RemoveConstraint(
            model_name="sliprequest",
            name="ratingslips_request_kind_known",
        ),
        migrations.RemoveIndex(
            model_name="playsegment",
            name="ratingslips_segment_seat",
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="correction_count",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="corrections"),
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="corrected_points",
            field=models.BigIntegerField(
                help_text="The points of its play as it was corrected last; empty if its entry has the right ones.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="ratingslip",
            name="uncollected_points",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="How many points its entries hold beyond what its play is worth: the balance did not cover them.",
            ),
        ),
        migrations.AlterField(
            model_name="playsegment",
            name="ended_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("PAUSED", "Paused"),
                    ("BET_CHANGED", "Bet changed"),
                    ("MOVED", "Moved"),
                    ("CLOSED", "Closed"),
                    ("SUPERSEDED", "Corrected or voided"),
                ],
                max_length=11,
            ),
        ),
        migrations.AlterField(
            model_name="ratingslip",
            name="status",
            field=models.CharField(
                choices=[("OPEN", "Open"), ("PAUSED", "Paused"), ("CLOSED", "Closed"), ("VOID", "Void")],
                default="OPEN",
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="ratingslip",
            name="withheld_because",
            field=models.CharField(
                blank=True,
                choices=[("ACTIVE", "Active"), ("INACTIVE", "Inactive"), ("BARRED", "Barred")],
                db_default="",
                default="",
                help_text="The player's status when the slip closed, if it was not active: then the points are withheld.",
                max_length=10,
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
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("status", "VOID"), _negated=True),
                expressions=[
                    ("player", "="),
                    (
                        models.Func(
                            "opened_at",
                            "closed_at",
                            function="TSTZRANGE",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="ratingslips_slip_no_overlap_of_player",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("chips_out", None),
                        ("closed_at", None),
                        ("closed_by", None),
                        ("status__in", ["OPEN", "PAUSED"]),
                        ("theoretical_win", None),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("status__in", ["CLOSED", "VOID"]),
                        ("theoretical_win__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="ratingslips_slip_closed_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "VOID"), _negated=True),
                    models.Q(("correction_count__gt", 0), ("theoretical_win", 0)),
                    _connector="OR",
                ),
                name="ratingslips_slip_void_is_worth_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("uncollected_points", 0),
                    models.Q(("ledger_entry__isnull", False), ("uncollected_points__gt", 0)),
                    _connector="OR",
                ),
                name="ratingslips_slip_uncollected_was_credited",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(("settled_at", None), ("status__in", ["CLOSED", "VOID"]), _connector="OR"),
                name="ratingslips_slip_settled_is_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ledger_entry", None),
                    models.Q(("settled_at__isnull", False), ("status__in", ["CLOSED", "VOID"])),
                    _connector="OR",
                ),
                name="ratingslips_slip_credited_is_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withheld_because", ""),
                    models.Q(
                        ("owed_because", ""),
                        ("settled_at__isnull", False),
                        ("withheld_because__in", ["INACTIVE", "BARRED"]),
                    ),
                    _connector="OR",
                ),
                name="ratingslips_slip_withheld_is_settled",
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
                        ],
                    )
                ),
                name="ratingslips_request_kind_known",
            ),
        ),
        migrations.AddField(
            model_name="slipcorrection",
            name="entry",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slip_correction",
                to="loyalty.ledgerentry",
            ),
        ),
        migrations.AddField(
            model_name="slipcorrection",
            name="pit_before",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ratingslips.pit"
            ),
        ),
        migrations.AddField(
            model_name="slipcorrection",
            name="request",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="correction", to="ratingslips.sliprequest"
            ),
        ),
        migrations.AddField(
            model_name="slipcorrection",
            name="slip",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="ratingslips.ratingslip",
            ),
        ),
        migrations.AddField(
            model_name="slipcorrection",
            name="table_before",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ratingslips.gamingtable",
            ),
        ),
        migrations.AddField(
            model_name="playsegment",
            name="superseded_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="The correction after which the segment counts no more; empty for current segments.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="superseded",
                to="ratingslips.slipcorrection",
            ),
        ),
        migrations.AddIndex(
            model_name="playsegment",
            index=models.Index(
                condition=models.Q(("superseded_by", None)),
                fields=["table", "seat", "-started_at"],
                name="ratingslips_segment_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("superseded_by", None),
                    models.Q(("ended_at__isnull", False), ("held_until__isnull", False)),
                    _connector="OR",
                ),
                name="ratingslips_segment_superseded_has_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("superseded_by", None)),
                expressions=[
                    ("slip", "="),
                    (
                        models.Func(
                            "started_at",
                            "ended_at",
                            function="TSTZRANGE",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="ratingslips_segment_no_overlap",
            ),
        ),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("superseded_by", None)),
                expressions=[
                    ("table", "="),
                    ("seat", "="),
                    (
                        models.Func(
                            "started_at",
                            "held_until",
                            function="TSTZRANGE",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="ratingslips_segment_no_overlap_of_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.UniqueConstraint(
                fields=("slip", "number"), name="ratingslips_correction_number_unique_in_slip"
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="ratingslips_correction_number_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["CORRECTED", "VOIDED"])), name="ratingslips_correction_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True),
                name="ratingslips_correction_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("entry__isnull", False), ("no_entry_because", "")),
                    models.Q(
                        ("entry", None),
                        ("no_entry_because__in", ["LIVE", "OWED", "WITHHELD", "SAME_POINTS", "NOT_COVERED"]),
                    ),
                    _connector="OR",
                ),
                name="ratingslips_correction_has_entry_or_says_why_none",
            ),
        ),
        migrations.AddConstraint(
            model_name="slipcorrection",
            constraint=models.CheckConstraint(
                condition=models.Q(("uncollected_after__gte", 0), ("uncollected_before__gte", 0)),
                name="ratingslips_correction_uncollected_not_negative",
            ),
        ),
        *append_only("ratingslips_slipcorrection"),
        migrations.RunSQL(FREEZE_SLIP, FREEZE_SLIP_BEFORE),
        migrations.RunSQL(FREEZE_SEGMENT, FREEZE_SEGMENT_BEFORE),
        migrations.RunSQL(REQUIRE_PIT, REQUIRE_PIT_BEFORE),
    ]
