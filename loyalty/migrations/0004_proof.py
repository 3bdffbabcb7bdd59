"""Seal the ledger, keep what verifications found, and keep what was put right."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_request_origin"),
        ("loyalty", "0003_hash_chain"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                ("accounts_root", models.BinaryField(help_text="Over every account.", max_length=32)),
                ("changes", models.BigIntegerField(help_text="How many accounts are sealed anew with this one.")),
                (
                    "changes_root",
                    models.BinaryField(help_text="Over the accounts that changed since the last.", max_length=32),
                ),
                ("previous_hash", models.BinaryField(max_length=32)),
                ("checkpoint_hash", models.BinaryField(max_length=32)),
                (
                    "key_id",
                    models.CharField(help_text="The first digits of the SHA-256 of the public key.", max_length=16),
                ),
                ("signature", models.BinaryField(max_length=64)),
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
                ],
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
                    models.JSONField(help_text="What is wrong first: which entry, expected and found.", null=True),
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
            name="BalanceRebuild",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("rebuilt_at", models.DateTimeField()),
                ("accounts", models.IntegerField(help_text="How many were set.")),
                ("changes", models.JSONField(help_text="Of each account, what stood there before and after.")),
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
            name="SealedAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entry_count", models.BigIntegerField()),
                (
                    "head_hash",
                    models.BinaryField(help_text="Of an account without entries, its genesis.", max_length=32),
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
        *append_only("loyalty_checkpoint"),
        *append_only("loyalty_sealedaccount"),
        *append_only("loyalty_ledgerverification"),
        *append_only("loyalty_balancerebuild"),
    ]
