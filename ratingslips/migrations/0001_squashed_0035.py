"""All of 0001 to 0035.

A new database gets its tables from here. One that has some of the migrations named in `replaces` gets the rest of them.
`docs/decisions/2026-11-30-squashed-migrations.md` says when those may be deleted.
"""

import uuid
from decimal import Decimal

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import core.clock
from ratingslips.migrations._guards import GUARDS


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("loyalty", "0026_one_index_of_keys"),
    ]

    replaces = [
        ("ratingslips", "0001_initial"),
        ("ratingslips", "0002_driftcheck"),
        ("ratingslips", "0003_no_overlap"),
        ("ratingslips", "0004_recovery_origin"),
        ("ratingslips", "0005_no_redundant_indexes"),
        ("ratingslips", "0006_readable_names"),
        ("ratingslips", "0007_slip_request"),
        ("ratingslips", "0008_fixed_gaming_day"),
        ("ratingslips", "0009_seat_held_until"),
        ("ratingslips", "0010_slip_numbers_without_case"),
        ("ratingslips", "0011_help_texts"),
        ("ratingslips", "0012_withheld_points"),
        ("ratingslips", "0013_bets_of_a_table"),
        ("ratingslips", "0014_change_log"),
        ("ratingslips", "0015_pit_of_a_slip"),
        ("ratingslips", "0016_game_values"),
        ("ratingslips", "0017_released_at"),
        ("ratingslips", "0018_count_and_skip_slips_in_the_index"),
        ("ratingslips", "0019_correct_slip"),
        ("ratingslips", "0020_game_of_a_table"),
        ("ratingslips", "0021_corrections"),
        ("ratingslips", "0022_continued_slips"),
        ("ratingslips", "0023_money_rows"),
        ("ratingslips", "0024_reassigned_slips"),
        ("ratingslips", "0025_requests_of_an_actor"),
        ("ratingslips", "0026_uncollected_points"),
        ("ratingslips", "0027_slips_of_a_pit_and_of_a_day"),
        ("ratingslips", "0028_corrected_slips"),
        ("ratingslips", "0029_play_of_live_slips"),
        ("ratingslips", "0030_finite_figures"),
        ("ratingslips", "0031_check_figures"),
        ("ratingslips", "0032_figures_in_the_index"),
        ("ratingslips", "0033_frozen_live_slips"),
        ("ratingslips", "0034_codes_of_requests"),
        ("ratingslips", "0035_play_of_a_live_slip_and_request_of_money"),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="DriftCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("checked_at", models.DateTimeField()),
                (
                    "accounts",
                    models.IntegerField(help_text="Number of accounts that differ from what their entries add up to."),
                ),
                ("first_accounts", models.JSONField(help_text="Keys of the first of these accounts.")),
                (
                    "casino",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.casino"
                    ),
                ),
                (
                    "checked_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("casino",), name="ratingslips_drift_one_check_per_casino"),
                    models.CheckConstraint(
                        condition=models.Q(("accounts__gte", 0)), name="ratingslips_drift_accounts_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GameSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40)),
                ("name", models.CharField(max_length=100)),
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
                        condition=models.Q(("seats__gte", 1), ("seats__lte", 20)),
                        name="ratingslips_game_seats_within_limits",
                    ),
                ],
            },
        ),
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
                    ("correct_slip", "Can correct rating slips"),
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
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
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
                (
                    "maximum_bet",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.01")),
                            django.core.validators.MaxValueValidator(Decimal("1000000.00")),
                        ],
                        verbose_name="maximum bet",
                    ),
                ),
                (
                    "minimum_bet",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.01")),
                            django.core.validators.MaxValueValidator(Decimal("1000000.00")),
                        ],
                        verbose_name="minimum bet",
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("minimum_bet", None), ("minimum_bet__gt", 0), _connector="OR"),
                            models.Q(("maximum_bet", None), ("maximum_bet__gt", 0), _connector="OR"),
                            models.Q(
                                ("minimum_bet", None),
                                ("maximum_bet", None),
                                ("minimum_bet__lte", models.F("maximum_bet")),
                                _connector="OR",
                            ),
                        ),
                        name="ratingslips_table_bets_within_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("maximum_bet__lt", 1000000000000), ("minimum_bet__lt", 1000000000000)),
                        name="ratingslips_table_bets_are_finite",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RatingSlip",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("slip_number", models.CharField(max_length=40)),
                ("seat", models.PositiveSmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("PAUSED", "Paused"), ("CLOSED", "Closed"), ("VOID", "Void")],
                        default="OPEN",
                        max_length=6,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("gaming_day", models.DateField(help_text="The gaming day on which the slip was opened.")),
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
                        help_text="When its points were posted, withheld or found to be 0. A closed slip without this is owed points.",
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
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="core.casino",
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
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="core.player",
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
                (
                    "recovery_correlation_id",
                    models.UUIDField(
                        help_text="Correlation id of the request or command that recovered the points.", null=True
                    ),
                ),
                (
                    "withheld_because",
                    models.CharField(
                        blank=True,
                        choices=[("ACTIVE", "Active"), ("INACTIVE", "Inactive"), ("BARRED", "Barred")],
                        db_default="",
                        default="",
                        help_text="The player's status when the slip closed, if it was not active: then the points are withheld.",
                        max_length=10,
                    ),
                ),
                (
                    "pit",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The table's pit while the slip is live; it stays when the table moves later.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rating_slips",
                        to="ratingslips.pit",
                    ),
                ),
                ("released_at", models.DateTimeField(help_text="When its withheld points were released.", null=True)),
                (
                    "correction_count",
                    models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="corrections"),
                ),
                (
                    "corrected_points",
                    models.BigIntegerField(
                        help_text="The points of its play as it was corrected last; empty if its entry has the right ones.",
                        null=True,
                    ),
                ),
                (
                    "uncollected_points",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How many points its entries hold beyond what its play is worth: the balance did not cover them.",
                    ),
                ),
                (
                    "continues",
                    models.OneToOneField(
                        help_text="The slip that was closed by mistake, where this one goes on with its play: both are one visit.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="continued_by",
                        to="ratingslips.ratingslip",
                    ),
                ),
                (
                    "reassigned_from",
                    models.OneToOneField(
                        help_text="The void slip of the wrong player, whose play this one has.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reassigned_to",
                        to="ratingslips.ratingslip",
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("slip_number", ""), _negated=True), name="ratingslips_slip_has_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seat__gte", 1), ("seat__lte", 20)),
                        name="ratingslips_slip_seat_within_limits",
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
                            ("recovered_by", None),
                            models.Q(("settled_at__isnull", False), models.Q(("owed_because", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_recovered_was_owed",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["OPEN", "PAUSED"])),
                        fields=("player",),
                        name="ratingslips_slip_one_live_per_player",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["OPEN", "PAUSED"])),
                        fields=("table", "seat"),
                        name="ratingslips_slip_one_live_per_seat",
                    ),
                    models.UniqueConstraint(
                        models.F("casino"),
                        django.db.models.functions.text.Upper("slip_number"),
                        name="ratingslips_slip_number_unique_in_casino",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("released_at__gte", models.F("settled_at")),
                                ("released_at__isnull", False),
                                models.Q(("withheld_because", ""), _negated=True),
                            ),
                            models.Q(
                                ("released_at", None),
                                models.Q(("withheld_because", ""), ("ledger_entry", None), _connector="OR"),
                            ),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_released_was_withheld",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "VOID"), _negated=True),
                            models.Q(("correction_count__gt", 0), ("theoretical_win", 0)),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_void_is_worth_nothing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("uncollected_points", 0),
                            models.Q(("ledger_entry__isnull", False), ("uncollected_points__gt", 0)),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_uncollected_was_credited",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("settled_at", None), ("status__in", ["CLOSED", "VOID"]), _connector="OR"),
                        name="ratingslips_slip_settled_is_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ledger_entry", None),
                            models.Q(("settled_at__isnull", False), ("status__in", ["CLOSED", "VOID"])),
                            _connector="OR",
                        ),
                        name="ratingslips_slip_credited_is_closed",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("continues", models.F("id")), _negated=True),
                            models.Q(("reassigned_from", models.F("id")), _negated=True),
                        ),
                        name="ratingslips_slip_comes_from_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("theoretical_win__lt", 10000000000000000)),
                        name="ratingslips_slip_theo_is_finite",
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("player"),
                        models.OrderBy(models.F("closed_at"), descending=True, nulls_first=True),
                        name="ratingslips_slip_player_last",
                    ),
                    models.Index(
                        condition=models.Q(("recovered_by__isnull", False)),
                        fields=["casino", "ledger_entry"],
                        name="ratingslips_slip_recovered",
                    ),
                    models.Index(
                        condition=models.Q(("recovery_correlation_id__isnull", False)),
                        fields=["recovery_correlation_id"],
                        name="ratingslips_slip_recovery",
                    ),
                    models.Index(
                        condition=models.Q(models.Q(("withheld_because", ""), _negated=True), ("released_at", None)),
                        fields=["casino", "-closed_at"],
                        name="ratingslips_slip_withheld",
                    ),
                    models.Index(fields=["casino", "-opened_at"], include=("id",), name="ratingslips_slip_opened"),
                    models.Index(
                        condition=models.Q(("uncollected_points__gt", 0)),
                        fields=["casino"],
                        include=("uncollected_points",),
                        name="ratingslips_slip_uncollected",
                    ),
                    models.Index(
                        fields=["pit", "-opened_at"], include=("id", "casino"), name="ratingslips_slip_of_pit"
                    ),
                    models.Index(
                        fields=["gaming_day", "casino", "-opened_at"],
                        include=("id",),
                        name="ratingslips_slip_of_gaming_day",
                    ),
                    models.Index(
                        condition=models.Q(("correction_count__gt", 0)),
                        fields=["casino", "-opened_at"],
                        include=("id",),
                        name="ratingslips_slip_corrected",
                    ),
                    models.Index(
                        condition=models.Q(("status", "CLOSED")),
                        fields=["casino", "-closed_at"],
                        include=("owed_because", "recovered_by", "withheld_because", "theoretical_win"),
                        name="ratingslips_slip_closed",
                    ),
                    models.Index(
                        condition=models.Q(("settled_at", None), ("status", "CLOSED")),
                        fields=["closed_at", "id"],
                        include=("casino", "pit"),
                        name="ratingslips_slip_owed",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["OPEN", "PAUSED"])),
                        fields=["opened_at"],
                        name="ratingslips_slip_live",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SlipRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name="request id"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
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
                            ("EARLIER", "Opened in an earlier version"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "contents",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder, help_text="What the form held."
                    ),
                ),
                ("fingerprint", models.CharField(help_text="SHA-256 of the contents.", max_length=64)),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("happened_at", models.DateTimeField(help_text="The instant at which the change counts.")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=core.clock.DatabaseClock(),
                        editable=False,
                        help_text="By PostgreSQL's clock, whatever an INSERT says.",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "slip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="ratingslips.ratingslip",
                    ),
                ),
                (
                    "mac",
                    models.CharField(
                        editable=False,
                        help_text="Shows that the application recorded it; empty if an earlier version did.",
                        max_length=72,
                        null=True,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="ratingslips_request_fingerprint_is_sha256",
                    ),
                    models.CheckConstraint(
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
                                    "EARLIER",
                                ],
                            )
                        ),
                        name="ratingslips_request_kind_known",
                    ),
                ],
                "indexes": [models.Index(fields=["actor", "recorded_at"], name="ratingslips_request_of_actor")],
            },
        ),
        migrations.CreateModel(
            name="MoneyRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("BUY_IN", "Buy-in"), ("CHIPS_OUT", "Chips out")], max_length=9)),
                (
                    "means",
                    models.CharField(
                        choices=[
                            ("CASH", "Cash"),
                            ("CHIPS", "Chips"),
                            ("MARKER", "Marker"),
                            ("FRONT_MONEY", "Front money"),
                            ("NOT_RECORDED", "Not recorded"),
                        ],
                        help_text="“Not recorded” is that of older slips, and counts as cash.",
                        max_length=12,
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, help_text="Below 0 in a row that strikes.", max_digits=14),
                ),
                ("happened_at", models.DateTimeField()),
                (
                    "gaming_day",
                    models.DateField(help_text="Of `happened_at`; of the struck row, in a row that strikes."),
                ),
                ("reason_code", models.CharField(max_length=40, null=True)),
                ("reason", models.TextField(blank=True, help_text="Why it strikes a row.")),
                (
                    "actor",
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
                        db_index=False,
                        help_text="The player of the slip.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.player",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The request that recorded it; empty for older slips.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ratingslips.sliprequest",
                    ),
                ),
                (
                    "slip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="money_rows",
                        to="ratingslips.ratingslip",
                    ),
                ),
                (
                    "strikes",
                    models.OneToOneField(
                        help_text="The row that it strikes.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="struck_by",
                        to="ratingslips.moneyrow",
                    ),
                ),
            ],
            options={
                "verbose_name": "buy-in or chips out",
                "verbose_name_plural": "buy-ins and chips out",
                "ordering": ["slip", "pk"],
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("kind", "BUY_IN"), ("means__in", ["CASH", "NOT_RECORDED"])),
                        fields=["gaming_day", "player"],
                        name="ratingslips_money_cash",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("means__in", ["CASH", "CHIPS", "MARKER", "FRONT_MONEY", "NOT_RECORDED"])),
                        name="ratingslips_money_means_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("kind", "BUY_IN"), ("strikes", None)),
                            models.Q(("amount__gte", 0), ("kind", "CHIPS_OUT"), ("strikes", None)),
                            models.Q(
                                ("amount__lte", 0), ("kind__in", ["BUY_IN", "CHIPS_OUT"]), ("strikes__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="ratingslips_money_amount_fits_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("reason_code", None), ("strikes", None)),
                            models.Q(("strikes__isnull", False), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="ratingslips_money_struck_with_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__lt", 1000000000000)), name="ratingslips_money_amount_is_finite"
                    ),
                ],
            },
        ),
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
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slip_correction",
                        to="loyalty.ledgerentry",
                    ),
                ),
                (
                    "pit_before",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ratingslips.pit",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="correction",
                        to="ratingslips.sliprequest",
                    ),
                ),
                (
                    "slip",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="ratingslips.ratingslip",
                    ),
                ),
                (
                    "table_before",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ratingslips.gamingtable",
                    ),
                ),
            ],
            options={
                "ordering": ["slip", "number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("slip", "number"), name="ratingslips_correction_number_unique_in_slip"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="ratingslips_correction_number_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["CORRECTED", "VOIDED"])),
                        name="ratingslips_correction_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="ratingslips_correction_has_reason"
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(("uncollected_after__gte", 0), ("uncollected_before__gte", 0)),
                        name="ratingslips_correction_uncollected_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("theoretical_win_before__lt", 10000000000000000)),
                        name="ratingslips_correction_theo_is_finite",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlaySegment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.PositiveIntegerField(help_text="1, 2, 3 … in the slip.", verbose_name="number")),
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
                            ("SUPERSEDED", "Corrected or voided"),
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
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="segments",
                        to="ratingslips.ratingslip",
                    ),
                ),
                (
                    "held_until",
                    models.DateTimeField(
                        help_text="When the next segment began, or the slip closed; empty while the seat is held. Set by triggers.",
                        null=True,
                    ),
                ),
                (
                    "pit",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The table's pit when the segment began.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ratingslips.pit",
                    ),
                ),
                (
                    "superseded_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The correction after which the segment counts no more; empty for current segments.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded",
                        to="ratingslips.slipcorrection",
                    ),
                ),
            ],
            options={
                "ordering": ["slip", "seq"],
                "constraints": [
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
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("slip",),
                        name="ratingslips_segment_one_open_per_slip",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("superseded_by", None),
                            models.Q(("ended_at__isnull", False), ("held_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="ratingslips_segment_superseded_has_ended",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
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
                    django.contrib.postgres.constraints.ExclusionConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("average_bet__lt", 1000000000000),
                            ("decisions_per_hour__lt", 10000),
                            ("house_edge_percent__lt", 1000),
                        ),
                        name="ratingslips_segment_figures_are_finite",
                    ),
                    models.UniqueConstraint(
                        fields=("slip", "seq"),
                        include=("started_at", "ended_at", "average_bet", "superseded_by"),
                        name="ratingslips_segment_seq_unique_in_slip",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("superseded_by", None)),
                        fields=["table", "seat", "-started_at"],
                        name="ratingslips_segment_seat",
                    )
                ],
            },
        ),
        *GUARDS,
    ]
