import uuid
from decimal import Decimal

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

from core.append_only import refuse_delete, refuse_truncate

# An ended segment never changes, an open one changes only by ending; a closed slip only by being settled, once.
FREEZE_PAST_PLAY = """
CREATE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    frozen := OLD;
    frozen.ended_at := NEW.ended_at;
    frozen.ended_as := NEW.ended_as;
    frozen.ended_by_id := NEW.ended_by_id;
    frozen.end_correlation_id := NEW.end_correlation_id;
    IF OLD.ended_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_freeze_segment BEFORE UPDATE ON ratingslips_playsegment
    FOR EACH ROW EXECUTE FUNCTION ratingslips_freeze_segment();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_freeze_segment;

CREATE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    frozen.settled_at := NEW.settled_at;
    frozen.ledger_entry_id := NEW.ledger_entry_id;
    frozen.recovered_by_id := NEW.recovered_by_id;
    IF OLD.settled_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a closed slip can only be settled, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_freeze_slip BEFORE UPDATE ON ratingslips_ratingslip
    FOR EACH ROW WHEN (OLD.status = 'CLOSED') EXECUTE FUNCTION ratingslips_freeze_slip();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_freeze_slip;
"""
THAW_PAST_PLAY = """
DROP TRIGGER ratingslips_freeze_slip ON ratingslips_ratingslip;
DROP FUNCTION ratingslips_freeze_slip();
DROP TRIGGER ratingslips_freeze_segment ON ratingslips_playsegment;
DROP FUNCTION ratingslips_freeze_segment();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_initial"),
        ("loyalty", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="GameSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40)),
                ("name", models.CharField(max_length=100)),
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
                    "seats",
                    models.PositiveSmallIntegerField(
                        help_text="Seats of a usual table.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="games", to="core.casino"
                    ),
                ),
            ],
            options={
                "verbose_name": "game settings",
                "verbose_name_plural": "game settings",
                "ordering": ["casino", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("casino", "code"), name="ratingslips_game_code_unique_in_casino"),
                    models.CheckConstraint(
                        condition=models.Q(("decisions_per_hour__gt", 0), ("decisions_per_hour__lte", 1000)),
                        name="ratingslips_game_decisions_within_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("house_edge_percent__gte", 0), ("house_edge_percent__lte", 100)),
                        name="ratingslips_game_edge_is_percent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seats__gte", 1), ("seats__lte", 20)),
                        name="ratingslips_game_seats_within_limits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Pit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pits", to="core.casino"
                    ),
                ),
            ],
            options={
                "ordering": ["casino", "name"],
                "permissions": [
                    ("operate_pit", "Can open, change and close rating slips"),
                    ("recover_loyalty", "Can pay points that slips are owed"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("casino", "name"), name="ratingslips_pit_name_unique_in_casino")
                ],
            },
        ),
        migrations.CreateModel(
            name="GamingTable",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                (
                    "seats",
                    models.PositiveSmallIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ]
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gaming_tables", to="core.casino"
                    ),
                ),
                (
                    "game",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gaming_tables",
                        to="ratingslips.gamesettings",
                    ),
                ),
                (
                    "pit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gaming_tables", to="ratingslips.pit"
                    ),
                ),
            ],
            options={
                "ordering": ["casino", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("casino", "name"), name="ratingslips_table_name_unique_in_casino"),
                    models.CheckConstraint(
                        condition=models.Q(("seats__gte", 1), ("seats__lte", 20)),
                        name="ratingslips_table_seats_within_limits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RatingSlip",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("slip_number", models.CharField(max_length=20)),
                ("seat", models.PositiveSmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("PAUSED", "Paused"), ("CLOSED", "Closed")],
                        default="OPEN",
                        max_length=6,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("gaming_day", models.DateField(help_text="The gaming day on which the slip was opened.")),
                ("buy_in", models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ("chips_out", models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                (
                    "theoretical_win",
                    models.DecimalField(
                        decimal_places=2, help_text="Frozen when the slip closes.", max_digits=18, null=True
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "settled_at",
                    models.DateTimeField(
                        help_text="When its points were posted, or found to be 0. A closed slip without this is owed points.",
                        null=True,
                    ),
                ),
                (
                    "owed_because",
                    models.CharField(
                        blank=True,
                        help_text="Code of the error that left the points owed when the slip closed.",
                        max_length=40,
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rating_slips", to="core.casino"
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ledger_entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slip",
                        to="loyalty.ledgerentry",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rating_slips", to="core.player"
                    ),
                ),
                (
                    "recovered_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "table",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="ratingslips.gamingtable",
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("casino", "slip_number"), name="ratingslips_slip_number_unique_in_casino"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slip_number", ""), _negated=True), name="ratingslips_slip_has_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seat__gte", 1), ("seat__lte", 20)),
                        name="ratingslips_slip_seat_within_limits",
                    ),
                    models.CheckConstraint(
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
                                ("status", "CLOSED"),
                                ("theoretical_win__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_closed_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at", None), ("closed_at__gte", models.F("opened_at")), _connector="OR"
                        ),
                        name="ratingslips_slip_closed_after_opened",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("theoretical_win", None), ("theoretical_win__gte", 0), _connector="OR"),
                        name="ratingslips_slip_theo_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("buy_in", None), ("buy_in__gte", 0), _connector="OR"),
                            models.Q(("chips_out", None), ("chips_out__gte", 0), _connector="OR"),
                        ),
                        name="ratingslips_slip_money_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("settled_at", None), ("status", "CLOSED"), _connector="OR"),
                        name="ratingslips_slip_settled_is_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ledger_entry", None),
                            models.Q(("settled_at__isnull", False), ("status", "CLOSED")),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_credited_is_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("recovered_by", None),
                            models.Q(("settled_at__isnull", False), models.Q(("owed_because", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_recovered_was_owed",
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("closed_at"),
                        condition=models.Q(("settled_at", None), ("status", "CLOSED")),
                        name="ratingslips_slip_owed",
                    ),
                    models.Index(fields=["casino", "-closed_at"], name="ratingslips_slip_closed"),
                    models.Index(fields=["casino", "-opened_at"], name="ratingslips_slip_opened"),
                    models.Index(
                        models.F("player"),
                        models.OrderBy(models.F("closed_at"), descending=True, nulls_first=True),
                        name="ratingslips_slip_player_last",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlaySegment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.PositiveIntegerField(help_text="1, 2, 3 … in the slip.")),
                ("seat", models.PositiveSmallIntegerField()),
                ("average_bet", models.DecimalField(decimal_places=2, max_digits=14)),
                ("house_edge_percent", models.DecimalField(decimal_places=3, max_digits=6)),
                ("decisions_per_hour", models.DecimalField(decimal_places=2, max_digits=6)),
                ("started_at", models.DateTimeField()),
                (
                    "started_as",
                    models.CharField(
                        choices=[
                            ("OPENED", "Opened"),
                            ("RESUMED", "Resumed"),
                            ("BET_CHANGED", "Bet changed"),
                            ("MOVED", "Moved"),
                        ],
                        max_length=11,
                    ),
                ),
                ("start_correlation_id", models.UUIDField(db_index=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_as",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("PAUSED", "Paused"),
                            ("BET_CHANGED", "Bet changed"),
                            ("MOVED", "Moved"),
                            ("CLOSED", "Closed"),
                        ],
                        max_length=11,
                    ),
                ),
                ("end_correlation_id", models.UUIDField(db_index=True, null=True)),
                (
                    "ended_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "table",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ratingslips.gamingtable",
                    ),
                ),
                (
                    "slip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="segments",
                        to="ratingslips.ratingslip",
                    ),
                ),
            ],
            options={
                "ordering": ["slip", "seq"],
                "constraints": [
                    models.UniqueConstraint(fields=("slip", "seq"), name="ratingslips_segment_seq_unique_in_slip"),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1)), name="ratingslips_segment_seq_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("average_bet__gt", 0)), name="ratingslips_segment_bet_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("end_correlation_id", None), ("ended_as", ""), ("ended_at", None), ("ended_by", None)
                            ),
                            models.Q(
                                ("end_correlation_id__isnull", False),
                                ("ended_at__gte", models.F("started_at")),
                                ("ended_by__isnull", False),
                                models.Q(("ended_as", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ratingslips_segment_end_is_whole",
                    ),
                ],
                "indexes": [models.Index(fields=["table", "seat", "-started_at"], name="ratingslips_segment_seat")],
            },
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["OPEN", "PAUSED"])),
                fields=("player",),
                name="ratingslips_slip_one_live_per_player",
            ),
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["OPEN", "PAUSED"])),
                fields=("table", "seat"),
                name="ratingslips_slip_one_live_per_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("slip",), name="ratingslips_segment_one_open_per_slip"
            ),
        ),
        migrations.AddConstraint(
            model_name="playsegment",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
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
        migrations.RunSQL(FREEZE_PAST_PLAY, THAW_PAST_PLAY),
        refuse_delete("ratingslips_ratingslip"),
        refuse_truncate("ratingslips_ratingslip"),
        refuse_delete("ratingslips_playsegment"),
        refuse_truncate("ratingslips_playsegment"),
        migrations.RunSQL(
            "CREATE SEQUENCE ratingslips_slip_number AS bigint;", "DROP SEQUENCE ratingslips_slip_number;"
        ),
    ]
