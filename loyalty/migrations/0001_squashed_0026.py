"""All of 0001 to 0026.

A new database gets its tables from here. One that has some of the migrations named in `replaces` gets the rest of them.
`docs/decisions/2026-11-30-squashed-migrations.md` says when those may be deleted.
"""

import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.clock
from loyalty.migrations._guards import GUARDS


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0037_rows_that_are_kept_for_a_term"),
    ]

    replaces = [
        ("loyalty", "0001_initial"),
        ("loyalty", "0002_audit"),
        ("loyalty", "0003_hash_chain"),
        ("loyalty", "0004_proof"),
        ("loyalty", "0005_programme_by_name"),
        ("loyalty", "0006_recorded_at"),
        ("loyalty", "0007_program_pauses"),
        ("loyalty", "0008_narrowed_by_gaming_day"),
        ("loyalty", "0009_help_texts"),
        ("loyalty", "0010_accounts_in_order"),
        ("loyalty", "0011_change_log"),
        ("loyalty", "0012_rules_as_set_up"),
        ("loyalty", "0013_exports_of_the_change_log"),
        ("loyalty", "0014_comps_and_adjustments_of_play"),
        ("loyalty", "0015_permissions_to_reverse_and_adjust"),
        ("loyalty", "0016_comp_slips"),
        ("loyalty", "0017_entries_by_reason_code"),
        ("loyalty", "0018_reason_codes_of_pauses_and_rebuilds"),
        ("loyalty", "0019_comp_type_messages"),
        ("loyalty", "0020_count_the_accounts_of_a_tier"),
        ("loyalty", "0021_finite_values"),
        ("loyalty", "0022_points_and_reversals_in_the_index"),
        ("loyalty", "0023_sealed_changes"),
        ("loyalty", "0024_codes_of_requests"),
        ("loyalty", "0025_checkpoints_after_a_restore"),
        ("loyalty", "0026_one_index_of_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="BalanceRebuild",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("rebuilt_at", models.DateTimeField()),
                ("accounts", models.IntegerField(help_text="Number of accounts set.")),
                ("changes", models.JSONField(help_text="The values of each account before and after.")),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "casino",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.casino"),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason_code", models.CharField(max_length=40, null=True)),
            ],
            options={
                "ordering": ["-id"],
                "permissions": [("rebuild_balances", "Can set accounts to what their entries come to")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("reason", ""), _negated=True), ("accounts__gte", 1)),
                        name="loyalty_rebuild_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.PositiveBigIntegerField(help_text="1, 2, 3 …", primary_key=True, serialize=False)),
                ("taken_at", models.DateTimeField()),
                ("accounts", models.BigIntegerField()),
                ("entries", models.BigIntegerField()),
                (
                    "points_total",
                    models.DecimalField(decimal_places=0, help_text="The sum of all entries' points.", max_digits=30),
                ),
                (
                    "balance_total",
                    models.DecimalField(decimal_places=0, help_text="The sum of all balances.", max_digits=30),
                ),
                ("accounts_root", models.BinaryField(help_text="Merkle root over all accounts.", max_length=32)),
                (
                    "changes",
                    models.BigIntegerField(help_text="Number of accounts that changed since the last checkpoint."),
                ),
                (
                    "changes_root",
                    models.BinaryField(help_text="Merkle root over the accounts that changed.", max_length=32),
                ),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("checkpoint_hash", models.BinaryField(max_length=32)),
                (
                    "key_id",
                    models.CharField(help_text="The first digits of the SHA-256 of the public key.", max_length=16),
                ),
                ("signature", models.BinaryField(max_length=64)),
                (
                    "log_changes",
                    models.BigIntegerField(
                        help_text="Number of changes of the change log that no earlier checkpoint sealed; empty in version 1.",
                        null=True,
                    ),
                ),
                (
                    "log_root",
                    models.BinaryField(
                        help_text="Merkle root over these changes; empty in version 1.", max_length=32, null=True
                    ),
                ),
                (
                    "after_restore",
                    models.TextField(
                        help_text="What a restored database lacked, who sealed it and why; empty in versions 1 and 2.",
                        null=True,
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="loyalty_checkpoint_number_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accounts_root__octets", 32),
                            ("changes_root__octets", 32),
                            ("checkpoint_hash__octets", 32),
                            ("previous_hash__octets", 32),
                            ("signature__octets", 64),
                        ),
                        name="loyalty_checkpoint_hashes_are_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("balance_total__lt", 1000000000000000000000000000000),
                            ("points_total__lt", 1000000000000000000000000000000),
                        ),
                        name="loyalty_checkpoint_totals_are_finite",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("log_changes", None), ("log_root", None)),
                            models.Q(
                                ("log_changes__gte", 0),
                                ("log_changes__isnull", False),
                                ("log_root__isnull", False),
                                ("log_root__octets", 32),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_checkpoint_log_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("after_restore", None),
                            models.Q(("log_root__isnull", False), models.Q(("after_restore", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="loyalty_checkpoint_restore_says_what",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("after_restore__isnull", False)),
                        fields=["number"],
                        name="loyalty_checkpoint_restores",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("filters", models.JSONField(help_text="The filters of the list, by name.")),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("rows", models.BigIntegerField(help_text="Number of rows sent.", null=True)),
                (
                    "is_whole",
                    models.BooleanField(help_text="Whether all rows that were asked for were sent.", null=True),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        help_text="The casino of the rows; empty if a superuser exported those of all casinos.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[("LEDGER", "Ledger"), ("CHANGES", "Change log")],
                        default="LEDGER",
                        max_length=7,
                        verbose_name="list",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("is_whole", None), ("rows", None)),
                            models.Q(
                                ("ended_at__gte", models.F("started_at")),
                                ("is_whole__isnull", False),
                                ("rows__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_export_end_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rows", None), ("rows__gte", 0), _connector="OR"),
                        name="loyalty_export_rows_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("what__in", ["LEDGER", "CHANGES"])), name="loyalty_export_what_known"
                    ),
                ],
                "verbose_name": "export",
            },
        ),
        migrations.CreateModel(
            name="LedgerVerification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scope",
                    models.CharField(
                        choices=[("FULL", "Whole ledger"), ("SINCE", "Since a checkpoint"), ("ACCOUNT", "One account")],
                        max_length=8,
                    ),
                ),
                (
                    "about",
                    models.BigIntegerField(
                        help_text="The checkpoint or the account; empty for the whole ledger.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("accounts", models.BigIntegerField()),
                ("entries", models.BigIntegerField()),
                ("checkpoints", models.BigIntegerField()),
                ("is_clean", models.BooleanField()),
                (
                    "first_break",
                    models.JSONField(
                        help_text="The first break: the entry, what was expected and what was found.", null=True
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True)),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("first_break", None), ("is_clean", True)),
                            models.Q(("first_break__isnull", False), ("is_clean", False)),
                            _connector="OR",
                        ),
                        name="loyalty_verification_broken_says_where",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("about", None), ("scope", "FULL")),
                            models.Q(("about__isnull", False), ("scope__in", ["SINCE", "ACCOUNT"])),
                            _connector="OR",
                        ),
                        name="loyalty_verification_scope_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accounts__gte", 0),
                            ("checkpoints__gte", 0),
                            ("ended_at__gte", models.F("started_at")),
                            ("entries__gte", 0),
                        ),
                        name="loyalty_verification_counts_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LoyaltyProgram",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("pause_reason", models.CharField(blank=True, max_length=500)),
                (
                    "casino",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="loyalty_program", to="core.casino"
                    ),
                ),
                (
                    "paused_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("award", "Can award points by hand"),
                    ("reverse", "Can reverse awards, adjustments and redemptions"),
                    ("adjust", "Can adjust points by hand"),
                    ("redeem", "Can redeem points for comps"),
                    ("pause_program", "Can pause and resume the programme"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pause_reason", ""), ("paused_at", None), ("paused_by", None)),
                            models.Q(
                                ("paused_at__isnull", False),
                                ("paused_by__isnull", False),
                                models.Q(("pause_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_program_pause_is_whole",
                    )
                ],
                "verbose_name": "loyalty programme",
            },
        ),
        migrations.CreateModel(
            name="CompType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(db_index=False, max_length=40)),
                ("label", models.CharField(max_length=100)),
                (
                    "point_value",
                    models.DecimalField(
                        decimal_places=4,
                        help_text="In the casino's currency.",
                        max_digits=8,
                        verbose_name="value of a point",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Whether points are redeemed for it.", verbose_name="active"
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comp_types",
                        to="loyalty.loyaltyprogram",
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "ordering": ["program", "code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "code"),
                        name="loyalty_comp_type_code_unique",
                        violation_error_message="This programme has this code already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), _negated=True), models.Q(("label", ""), _negated=True)
                        ),
                        name="loyalty_comp_type_has_names",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("point_value__gt", 0)),
                        name="loyalty_comp_type_value_above_zero",
                        violation_error_message="The value of a point must be above 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("point_value__lt", 10000)), name="loyalty_comp_type_value_is_finite"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarningRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "points_per_unit",
                    models.DecimalField(
                        decimal_places=4,
                        help_text="Points per unit of theoretical win.",
                        max_digits=8,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                    ),
                ),
                (
                    "effective_from",
                    models.DateTimeField(help_text="Holds for play that ends at this instant or later."),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earning_rates",
                        to="loyalty.loyaltyprogram",
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "ordering": ["program", "-effective_from"],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "effective_from"), name="loyalty_rate_one_per_instant"),
                    models.CheckConstraint(
                        condition=models.Q(("points_per_unit__gte", 0), ("points_per_unit__lte", 1000)),
                        name="loyalty_rate_within_limits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProgramPause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("paused_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                (
                    "correlation_id",
                    models.UUIDField(help_text="Empty for a pause that began before pauses were recorded.", null=True),
                ),
                ("resumed_at", models.DateTimeField(null=True)),
                ("resume_correlation_id", models.UUIDField(null=True)),
                (
                    "paused_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pauses",
                        to="loyalty.loyaltyprogram",
                    ),
                ),
                (
                    "resumed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reason_code", models.CharField(max_length=40, null=True)),
                ("resume_reason", models.CharField(default="", help_text="Empty if none was given.", max_length=500)),
                ("resume_reason_code", models.CharField(max_length=40, null=True)),
            ],
            options={
                "ordering": ["-paused_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("resumed_at", None)),
                        fields=("program",),
                        name="loyalty_pause_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="loyalty_pause_has_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("resume_correlation_id", None),
                                ("resume_reason", ""),
                                ("resume_reason_code", None),
                                ("resumed_at", None),
                                ("resumed_by", None),
                            ),
                            models.Q(
                                ("resume_correlation_id__isnull", False),
                                ("resumed_at__gte", models.F("paused_at")),
                                ("resumed_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_pause_resume_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change_id", models.BigIntegerField(unique=True)),
                ("change_hash", models.BinaryField(max_length=32)),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.checkpoint"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("change_hash__octets", 32)), name="loyalty_sealed_change_is_whole"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Tier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("threshold_points", models.BigIntegerField(help_text="Lifetime points at which the tier begins.")),
                ("multiplier", models.DecimalField(decimal_places=3, max_digits=5)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tiers",
                        to="loyalty.loyaltyprogram",
                        verbose_name="programme",
                    ),
                ),
            ],
            options={
                "ordering": ["program", "threshold_points"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("program", "threshold_points"), name="loyalty_tier_threshold_unique"
                    ),
                    models.UniqueConstraint(fields=("program", "name"), name="loyalty_tier_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("threshold_points__gte", 0)), name="loyalty_tier_threshold_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("multiplier__gt", 0), ("multiplier__lte", 10)),
                        name="loyalty_tier_multiplier_within_limits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlayerLoyalty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("balance", models.BigIntegerField(default=0)),
                ("lifetime_points", models.BigIntegerField(default=0)),
                ("entry_count", models.PositiveBigIntegerField(default=0)),
                ("updated_at", models.DateTimeField()),
                (
                    "player",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="loyalty", to="core.player"
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="loyalty.loyaltyprogram",
                        verbose_name="programme",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.tier"
                    ),
                ),
                (
                    "head_hash",
                    models.BinaryField(
                        help_text="The hash of the newest entry; empty if there is none.", max_length=32, null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "loyalty account",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("balance__gte", 0)), name="loyalty_account_balance_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lifetime_points__gte", 0)), name="loyalty_account_lifetime_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("head_hash", None), ("head_hash__octets", 32), _connector="OR"),
                        name="loyalty_account_head_is_sha256",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["program", "id"], name="loyalty_account_by_program"),
                    models.Index(fields=["tier", "id"], include=("program",), name="loyalty_account_of_tier"),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.PositiveBigIntegerField(help_text="1, 2, 3 … in the account.")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("GAMEPLAY", "Gameplay"),
                            ("MANUAL_BONUS", "Manual bonus"),
                            ("PROMOTION", "Promotion"),
                            ("ADJUSTMENT", "Adjustment"),
                            ("REVERSAL", "Reversal"),
                            ("REDEMPTION", "Redemption"),
                        ],
                        max_length=12,
                    ),
                ),
                ("points", models.BigIntegerField()),
                ("reason", models.CharField(max_length=500)),
                ("idempotency_key", models.CharField(max_length=200)),
                ("fingerprint", models.CharField(help_text="SHA-256 of the request.", max_length=64)),
                ("balance_before", models.BigIntegerField()),
                ("balance_after", models.BigIntegerField()),
                ("lifetime_points_before", models.BigIntegerField()),
                ("lifetime_points_after", models.BigIntegerField()),
                ("gaming_day", models.DateField()),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "inputs",
                    models.JSONField(
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        help_text="The request and the calculation, frozen.",
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="When it happened: of play, when the slip closed.")),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="loyalty.ledgerentry",
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The member of staff who posted it; empty for the system.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="loyalty.playerloyalty",
                    ),
                ),
                (
                    "tier_after",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.tier"
                    ),
                ),
                (
                    "tier_before",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.tier"
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="The casino of the account, repeated so that an index can give a casino's newest entries.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
                ("chain_version", models.SmallIntegerField(db_default=2, editable=False)),
                ("previous_hash", models.BinaryField(db_default=models.Value(b""), max_length=32)),
                (
                    "entry_hash",
                    models.BinaryField(
                        db_default=models.Value(b""),
                        help_text="Of all the columns and the hash before: docs/ledger-chain.md.",
                        max_length=32,
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=core.clock.DatabaseClock(),
                        editable=False,
                        help_text="When it was written; empty for entries of before this was kept.",
                        null=True,
                    ),
                ),
                (
                    "adjusts",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Of an adjustment after a correction of play: the entry for that play.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjusted_by",
                        to="loyalty.ledgerentry",
                    ),
                ),
                ("reason_code", models.CharField(max_length=40, null=True)),
                (
                    "comp_type",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Of a redemption: what the points were redeemed for.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.comptype",
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
                "verbose_name_plural": "ledger entries",
                "db_table": "loyalty_ledger",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "seq"), name="loyalty_ledger_seq_unique_in_account"),
                    models.CheckConstraint(condition=models.Q(("seq__gte", 1)), name="loyalty_ledger_seq_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["GAMEPLAY", "MANUAL_BONUS", "PROMOTION", "ADJUSTMENT", "REVERSAL", "REDEMPTION"],
                            )
                        ),
                        name="loyalty_ledger_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("points", 0), _negated=True), name="loyalty_ledger_points_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["ADJUSTMENT", "REVERSAL"]),
                            models.Q(("kind", "REDEMPTION"), ("points__lt", 0)),
                            models.Q(("kind__in", ["GAMEPLAY", "MANUAL_BONUS", "PROMOTION"]), ("points__gt", 0)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_sign_fits_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "balance_after",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("balance_before"), "+", models.F("points")
                                ),
                            )
                        ),
                        name="loyalty_ledger_balance_adds_up",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("balance_after__gte", 0), ("balance_before__gte", 0)),
                        name="loyalty_ledger_balance_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lifetime_points_after__gte", 0), ("lifetime_points_before__gte", 0)),
                        name="loyalty_ledger_lifetime_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("seq__gt", 1),
                            models.Q(("balance_before", 0), ("lifetime_points_before", 0)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_first_starts_at_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="loyalty_ledger_has_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True), name="loyalty_ledger_has_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="loyalty_ledger_fingerprint_is_sha256",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "MANUAL_BONUS"), _negated=True),
                            models.Q(("points__gte", 1), ("points__lte", 10000), ("staff__isnull", False)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_award_has_staff_and_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "REVERSAL"), ("reverses__isnull", False)),
                            models.Q(models.Q(("kind", "REVERSAL"), _negated=True), ("reverses", None)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_reversal_names_entry",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("entry_hash__octets", 32), ("previous_hash__octets", 32)),
                        name="loyalty_ledger_hashes_are_sha256",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("chain_version__in", [1, 2])), name="loyalty_ledger_chain_version_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("chain_version", 1), ("recorded_at", None)),
                            models.Q(("chain_version__gt", 1), ("recorded_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_recorded_since_version_2",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("inputs__is_object", True)), name="loyalty_ledger_inputs_are_an_object"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("adjusts", None), ("kind", "ADJUSTMENT"), _connector="OR"),
                        name="loyalty_ledger_adjustment_names_entry",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("comp_type__isnull", False), ("kind", "REDEMPTION")),
                            models.Q(models.Q(("kind", "REDEMPTION"), _negated=True), ("comp_type", None)),
                            _connector="OR",
                        ),
                        name="loyalty_ledger_redemption_has_comp_type",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason_code", ""), _negated=True),
                        name="loyalty_ledger_reason_code_not_empty",
                    ),
                    models.UniqueConstraint(fields=("idempotency_key",), name="loyalty_ledger_idempotency_key_key"),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("staff__isnull", False)),
                        fields=["staff", "-created_at"],
                        name="loyalty_ledger_staff_newest",
                    ),
                    models.Index(fields=["casino", "id"], name="loyalty_ledger_by_casino"),
                    models.Index(fields=["casino", "gaming_day", "id"], name="loyalty_ledger_by_gaming_day"),
                    models.Index(fields=["casino", "kind", "gaming_day", "id"], name="loyalty_ledger_by_kind"),
                    models.Index(
                        condition=models.Q(("staff__isnull", False)),
                        fields=["staff", "gaming_day", "id"],
                        name="loyalty_ledger_by_staff",
                    ),
                    models.Index(
                        condition=models.Q(("tier_before", models.F("tier_after")), _negated=True),
                        fields=["casino", "gaming_day", "id"],
                        name="loyalty_ledger_by_tier_change",
                    ),
                    models.Index(
                        condition=models.Q(("adjusts__isnull", False)),
                        fields=["adjusts"],
                        name="loyalty_ledger_by_adjusted",
                    ),
                    models.Index(
                        condition=models.Q(("comp_type__isnull", False)),
                        fields=["comp_type", "gaming_day", "id"],
                        name="loyalty_ledger_by_comp_type",
                    ),
                    models.Index(
                        condition=models.Q(("reason_code__isnull", False)),
                        fields=["casino", "reason_code", "gaming_day", "id"],
                        name="loyalty_ledger_by_reason_code",
                    ),
                    models.Index(fields=["account", "id"], include=("points",), name="loyalty_ledger_by_account"),
                    models.Index(
                        condition=models.Q(("reverses__isnull", False)),
                        fields=["reverses"],
                        name="loyalty_ledger_by_reversed",
                    ),
                ],
                "permissions": [("export_ledger", "Can export the ledger")],
            },
        ),
        migrations.CreateModel(
            name="CompSlipPrint",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="request id")),
                ("number", models.PositiveIntegerField(help_text="1, 2, 3 … of the entry.")),
                ("printed_at", models.DateTimeField()),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comp_slip_prints",
                        to="loyalty.ledgerentry",
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["entry", "number"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("entry", "number"), name="loyalty_comp_slip_print_number_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="loyalty_comp_slip_print_number_from_one"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealedAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entry_count", models.BigIntegerField()),
                (
                    "head_hash",
                    models.BinaryField(
                        help_text="Hash of the newest entry; the genesis hash if there is none.", max_length=32
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.playerloyalty",
                    ),
                ),
                (
                    "checkpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sealed", to="loyalty.checkpoint"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "checkpoint"), name="loyalty_sealed_once_a_checkpoint"),
                    models.CheckConstraint(
                        condition=models.Q(("entry_count__gte", 0), ("head_hash__octets", 32)),
                        name="loyalty_sealed_is_whole",
                    ),
                ],
            },
        ),
        # Its name is that of 0002.
        migrations.RunSQL(
            "ALTER TABLE loyalty_ledger ADD CONSTRAINT loyalty_ledger_casino_id_fk "
            "FOREIGN KEY (casino_id) REFERENCES core_casino (id) DEFERRABLE INITIALLY DEFERRED;",
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AlterField(
                    model_name="ledgerentry",
                    name="casino",
                    field=models.ForeignKey(
                        db_index=False,
                        help_text="The casino of the account, repeated so that an index can give a casino's newest entries.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
            ],
        ),
        *GUARDS,
    ]
