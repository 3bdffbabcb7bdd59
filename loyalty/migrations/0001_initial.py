import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
            name="Tier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("threshold_points", models.BigIntegerField(help_text="Lifetime points at which the tier begins.")),
                ("multiplier", models.DecimalField(decimal_places=3, max_digits=5)),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tiers", to="loyalty.loyaltyprogram"
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="loyalty.loyaltyprogram",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.tier"),
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
                ("idempotency_key", models.CharField(max_length=200, unique=True)),
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
                ("created_at", models.DateTimeField()),
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
                        help_text="Who posted it by hand; empty for what the system did.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="loyalty.playerloyalty"
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
                ],
                "indexes": [
                    models.Index(fields=["account", "-seq"], name="loyalty_ledger_account_newest"),
                    models.Index(
                        condition=models.Q(("staff__isnull", False)),
                        fields=["staff", "-created_at"],
                        name="loyalty_ledger_staff_newest",
                    ),
                ],
            },
        ),
        *append_only("loyalty_ledger"),
        *append_only("loyalty_earningrate"),
    ]
