"""All of 0001 to 0037 but 0030: it needs the table of `django.contrib.admin`, and that needs the table of users.

A new database gets its tables from here. One that has some of the migrations named in `replaces` gets the rest of them.
`docs/decisions/2026-11-30-squashed-migrations.md` says when those may be deleted.
"""

import datetime
from decimal import Decimal

import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension, UnaccentExtension
from django.db import migrations, models

import core.clock
import core.models.casino
import core.models.staff
from core.migrations._guards import BEFORE_TABLES, GUARDS


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    replaces = [
        ("core", "0001_initial"),
        ("core", "0002_replaycount"),
        ("core", "0003_player_search"),
        ("core", "0004_request_origin"),
        ("core", "0005_staff_by_name"),
        ("core", "0006_lease"),
        ("core", "0007_longest_play"),
        ("core", "0008_cards_without_case"),
        ("core", "0009_folded_names"),
        ("core", "0010_players_by_status"),
        ("core", "0011_change_log"),
        ("core", "0012_sign_in_log"),
        ("core", "0013_effective_dates"),
        ("core", "0014_outside_correlation_id"),
        ("core", "0015_sent_form"),
        ("core", "0016_sessions"),
        ("core", "0017_second_factors"),
        ("core", "0018_sign_ins_by_time"),
        ("core", "0019_cards_of_staff"),
        ("core", "0020_changes_by_casino_and_actor"),
        ("core", "0021_casino_of_a_card"),
        ("core", "0022_codes_in_the_sign_in_log"),
        ("core", "0023_backdating"),
        ("core", "0024_reason_codes"),
        ("core", "0025_changes_of_moved_rows"),
        ("core", "0026_names_in_the_change_log"),
        ("core", "0027_cash_thresholds"),
        ("core", "0028_redemptions_to_confirm"),
        ("core", "0029_cash_is_finite"),
        ("core", "0031_players_who_are_not_active"),
        ("core", "0032_known_operations_of_reason_codes"),
        ("core", "0033_chained_change_log"),
        ("core", "0034_codes_of_requests"),
        ("core", "0035_job_runs"),
        ("core", "0036_hashed_session_keys"),
        ("core", "0037_rows_that_are_kept_for_a_term"),
    ]

    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        BtreeGinExtension(),
        *BEFORE_TABLES,
        migrations.CreateModel(
            name="Casino",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "time_zone",
                    models.CharField(
                        help_text="IANA name.", max_length=64, validators=[core.models.casino.require_time_zone]
                    ),
                ),
                (
                    "gaming_day_starts_at",
                    models.TimeField(
                        default=datetime.time(6, 0), help_text="Local time at which the accounting day begins."
                    ),
                ),
                (
                    "longest_play_hours",
                    models.PositiveSmallIntegerField(
                        default=12,
                        help_text="In hours, 1 to 168, pauses left out. Closing a slip that was played for longer needs a confirmation.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(168),
                        ],
                        verbose_name="longest play",
                    ),
                ),
                (
                    "confirmed_award_points",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Awards and redemptions of more points ask again for the second factor, or the password. Empty: none does.",
                        null=True,
                        verbose_name="awards and redemptions to confirm",
                    ),
                ),
                (
                    "backdating_minutes",
                    models.PositiveSmallIntegerField(
                        default=60,
                        help_text="In minutes, 0 to 720. How far back a pit boss may date an act on a slip. Staff who may correct slips can go back to the start of the gaming day.",
                        validators=[django.core.validators.MaxValueValidator(720)],
                        verbose_name="backdating",
                    ),
                ),
                (
                    "cash_report_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal(10000),
                        help_text="From this total of cash on, the floor marks the player “report”. It adds up what one player bought in with on a gaming day. No form is filed.",
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                        verbose_name="cash to report",
                    ),
                ),
                (
                    "cash_watch_amount",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal(3000),
                        help_text="From this total of cash on, the floor marks the player “watch”. It adds up what one player bought in with on a gaming day. No form is filed.",
                        max_digits=14,
                        validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                        verbose_name="cash to watch",
                    ),
                ),
                (
                    "second_factor_roles",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Members who have none must add one when they next sign in. Superusers need one as soon as any role does.",
                        related_name="+",
                        to="auth.group",
                        verbose_name="roles that need a second factor",
                    ),
                ),
            ],
            options={
                "ordering": ["code"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code", ""), _negated=True), name="core_casino_has_code"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("longest_play_hours__gte", 1), ("longest_play_hours__lte", 168)),
                        name="core_casino_longest_play_within_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("backdating_minutes__lte", 720)),
                        name="core_casino_backdating_within_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cash_report_amount__gte", models.F("cash_watch_amount")), ("cash_watch_amount__gt", 0)
                        ),
                        name="core_casino_cash_thresholds_in_order",
                        violation_error_message="Cash to report cannot be less than cash to watch.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cash_report_amount__lt", 1000000000000), ("cash_watch_amount__lt", 1000000000000)
                        ),
                        name="core_casino_cash_is_finite",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="JobRun",
            fields=[
                (
                    "command",
                    models.CharField(
                        help_text="The command of manage.py.", max_length=200, primary_key=True, serialize=False
                    ),
                ),
                ("succeeded_at", models.DateTimeField()),
                ("correlation_id", models.UUIDField(help_text="Of the run that succeeded.")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("command", ""), _negated=True), name="core_job_has_command"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.CharField(help_text="The work.", max_length=40, primary_key=True, serialize=False)),
                (
                    "holder",
                    models.UUIDField(help_text="The process that holds the lease; empty if none does.", null=True),
                ),
                ("held_by", models.CharField(help_text="The process and its machine, for people.", max_length=200)),
                ("correlation_id", models.UUIDField(help_text="Of the command that took the lease.")),
                ("taken_at", models.DateTimeField()),
                ("renewed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="core_lease_has_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="Player",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "card_number",
                    models.CharField(
                        max_length=32,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[0-9A-Za-z-]+\\Z", "A card number has only letters, digits and hyphens."
                            )
                        ],
                    ),
                ),
                ("first_name", models.CharField(max_length=100)),
                ("last_name", models.CharField(max_length=100)),
                (
                    "status",
                    models.CharField(
                        choices=[("ACTIVE", "Active"), ("INACTIVE", "Inactive"), ("BARRED", "Barred")],
                        default="ACTIVE",
                        max_length=8,
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="players", to="core.casino"
                    ),
                ),
                (
                    "search_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func("card_number", "first_name", "last_name", function="core_search_text"),
                        help_text="Card and name without accents and punctuation, as `core.player_search` compares them.",
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "sort_name",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func("first_name", "last_name", function="core_sort_name"),
                        help_text="Last name and first name without accents and punctuation.",
                        output_field=models.TextField(db_collation="C"),
                    ),
                ),
            ],
            options={
                "ordering": ["sort_name", "card_number"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("card_number", ""), _negated=True), name="core_player_has_card"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["ACTIVE", "INACTIVE", "BARRED"])),
                        name="core_player_status_known",
                    ),
                    models.UniqueConstraint(
                        models.F("casino"),
                        django.db.models.functions.text.Upper("card_number"),
                        name="core_player_card_unique_in_casino",
                        violation_error_message="Another player of this casino has this card number.",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["casino", "sort_name", "card_number", "id"], name="core_player_by_name"),
                    models.Index(
                        fields=["casino", "status", "sort_name", "card_number", "id"], name="core_player_by_status"
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["INACTIVE", "BARRED"])),
                        fields=["casino", "id"],
                        name="core_player_not_active",
                    ),
                ],
                "permissions": [("declare_card", "Can declare cards of staff")],
            },
        ),
        migrations.CreateModel(
            name="ReasonCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        help_text="Such as WRONG_BET. It is kept with what is done, and cannot be changed later.",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Z][A-Z0-9_]*\\Z",
                                "A code has only capital letters, digits and underscores: WRONG_BET.",
                            )
                        ],
                    ),
                ),
                ("label", models.CharField(help_text="What staff choose.", max_length=100)),
                (
                    "operations",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("award", "Award points"),
                                ("adjust", "Adjust points"),
                                ("reverse", "Reverse an entry"),
                                ("redeem", "Redeem points"),
                                ("release", "Release withheld points"),
                                ("correct", "Correct a slip"),
                                ("void", "Void a slip"),
                                ("undo", "Undo on the floor"),
                                ("reassign", "Give play to another player"),
                                ("strike", "Strike a buy-in or chips out"),
                                ("pause_programme", "Pause the programme"),
                                ("resume_programme", "Resume the programme"),
                                ("rebuild", "Rebuild balances"),
                            ],
                            max_length=20,
                        ),
                        help_text="What it can be chosen for.",
                        size=None,
                    ),
                ),
                ("text_required", models.BooleanField(default=False, help_text="Staff must write a text beside it.")),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Only active codes can be chosen.", verbose_name="active"
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reason_codes",
                        to="core.casino",
                    ),
                ),
            ],
            options={
                "ordering": ["label", "code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("casino", "code"),
                        name="core_reason_code_unique_in_casino",
                        violation_error_message="This casino has this code already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[A-Z][A-Z0-9_]*$")), name="core_reason_code_is_plain"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("label__regex", "\\S")), name="core_reason_code_has_label"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.Exact(
                                models.Func("operations", function="ARRAY_NDIMS", output_field=models.IntegerField()), 1
                            ),
                            (
                                "operations__contained_by",
                                [
                                    "award",
                                    "adjust",
                                    "reverse",
                                    "redeem",
                                    "release",
                                    "correct",
                                    "void",
                                    "undo",
                                    "reassign",
                                    "strike",
                                    "pause_programme",
                                    "resume_programme",
                                    "rebuild",
                                ],
                            ),
                            ("operations__len__gte", 1),
                        ),
                        name="core_reason_code_for_an_operation",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplayCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gaming_day", models.DateField()),
                ("operation", models.CharField(max_length=40)),
                ("replays", models.IntegerField()),
                (
                    "casino",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.casino"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("casino", "gaming_day", "operation"), name="core_replays_one_row_a_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "casino",
                    models.ForeignKey(
                        blank=True,
                        help_text="Where this member of staff works. Empty only for superusers and operators, who work in all casinos.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="staff",
                        to="core.casino",
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "member of staff",
                "verbose_name_plural": "staff",
                "abstract": False,
            },
            managers=[
                ("objects", core.models.staff.StaffManager()),
            ],
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recorded_at", models.DateTimeField(help_text="When PostgreSQL wrote it.")),
                ("table_name", models.CharField(max_length=63)),
                ("row_id", models.BigIntegerField()),
                (
                    "action",
                    models.CharField(
                        choices=[("INSERT", "Added"), ("UPDATE", "Changed"), ("DELETE", "Deleted")], max_length=6
                    ),
                ),
                (
                    "old",
                    models.JSONField(
                        help_text="The values before, of the columns that changed; empty if added.", null=True
                    ),
                ),
                (
                    "new",
                    models.JSONField(help_text="The values after, of the same columns; empty if deleted.", null=True),
                ),
                (
                    "concerns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        help_text="The rows that the change concerns, as `table:key`: itself, and such as the person of a grant.",
                        size=None,
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True, null=True)),
                ("database_role", models.CharField(help_text="Who was signed in to PostgreSQL.", max_length=63)),
                (
                    "actor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Whom the application named as author; empty outside it, as in psql.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Empty for what no casino has: roles, and staff of all casinos.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
                (
                    "previous_hash",
                    models.BinaryField(help_text="The hash of the change before it of the same row.", null=True),
                ),
                (
                    "change_hash",
                    models.BinaryField(help_text="Empty for changes of before hashes were kept.", null=True),
                ),
            ],
            options={
                "permissions": [("export_change", "Can export the change log")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["recorded_at", "id"], name="core_change_by_time"),
                    models.Index(fields=["casino", "recorded_at", "id"], name="core_change_by_casino"),
                    models.Index(fields=["table_name", "recorded_at", "id"], name="core_change_by_table"),
                    models.Index(
                        fields=["casino", "table_name", "recorded_at", "id"], name="core_change_by_casino_table"
                    ),
                    models.Index(
                        condition=models.Q(("actor__isnull", False)),
                        fields=["actor", "recorded_at", "id"],
                        name="core_change_by_actor",
                    ),
                    models.Index(
                        condition=models.Q(("actor", None)),
                        fields=["casino", "recorded_at", "id"],
                        name="core_change_of_nobody",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["concerns"], name="core_change_by_concerned"
                    ),
                    models.Index(
                        condition=models.Q(("actor__isnull", False)),
                        fields=["casino", "actor", "recorded_at", "id"],
                        name="core_change_by_casino_actor",
                    ),
                    models.Index(fields=["table_name", "row_id", "id"], name="core_change_by_row"),
                ],
                "verbose_name_plural": "change log",
            },
        ),
        migrations.CreateModel(
            name="Namesake",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("names", models.CharField(help_text="Both names, as they were.", max_length=600)),
                ("noticed_at", models.DateTimeField()),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("OWN_CARD", "Card of the member of staff"), ("OTHER_PERSON", "Another person")],
                        db_default="",
                        default="",
                        max_length=12,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "correlation_id",
                    models.UUIDField(db_index=True, help_text="Of the request that decided.", null=True),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.player"
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
                "indexes": [
                    models.Index(condition=models.Q(("decision", "")), fields=["id"], name="core_namesake_undecided")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("player", "staff", "names"), name="core_namesake_noticed_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("correlation_id", None), ("decided_at", None), ("decided_by", None), ("decision", "")
                            ),
                            models.Q(
                                ("correlation_id__isnull", False),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("decision__in", ["OWN_CARD", "OTHER_PERSON"]),
                            ),
                            _connector="OR",
                        ),
                        name="core_namesake_decision_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None),
                            models.Q(("decided_by", models.F("staff")), _negated=True),
                            _connector="OR",
                        ),
                        name="core_namesake_by_somebody_else",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(help_text="A keyed hash: the code itself is kept nowhere.", max_length=64)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "digest"), name="core_recovery_code_unique_to_person"),
                    models.CheckConstraint(
                        condition=models.Q(("digest", ""), _negated=True), name="core_recovery_code_has_digest"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("method", models.CharField(help_text="The HTTP method, or COMMAND.", max_length=10)),
                (
                    "origin",
                    models.CharField(help_text="The path in the console, or the command's name.", max_length=200),
                ),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who was signed in; empty for a command.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "outside_correlation_id",
                    models.UUIDField(
                        help_text="The id that a caller which CORRELATION_ID_CALLERS names gave the request.", null=True
                    ),
                ),
                (
                    "mac",
                    models.CharField(
                        editable=False, help_text="Shows that the application recorded it.", max_length=72, null=True
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("actor", None), ("method", "COMMAND")),
                            models.Q(models.Q(("method", "COMMAND"), _negated=True), ("actor__isnull", False)),
                            _connector="OR",
                        ),
                        name="core_origin_is_a_person_or_a_command",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("origin", ""), _negated=True), name="core_origin_says_where"
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("outside_correlation_id__isnull", False)),
                        fields=["outside_correlation_id"],
                        name="core_origin_outside_id",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("APP", "Authenticator app"), ("KEY", "Security key or passkey")], max_length=3
                    ),
                ),
                ("name", models.CharField(help_text="Such as “My phone”.", max_length=60)),
                (
                    "secret",
                    models.BinaryField(
                        help_text="Of an app, its key, encrypted; of a security key, its public key.", max_length=2000
                    ),
                ),
                ("credential_id", models.BinaryField(max_length=1023, null=True, unique=True)),
                (
                    "counter",
                    models.BigIntegerField(
                        default=0,
                        help_text="Of an app, the 30 seconds of the last accepted code; of a security key, its own counter.",
                    ),
                ),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_factors",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="member of staff",
                    ),
                ),
            ],
            options={
                "ordering": ["added_at", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("user"),
                        django.db.models.functions.text.Upper("name"),
                        name="core_factor_name_unique_to_person",
                        violation_error_message="Another of your second factors has this name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="core_factor_has_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credential_id", None), ("kind", "APP")),
                            models.Q(("credential_id__isnull", False), ("kind", "KEY")),
                            _connector="OR",
                        ),
                        name="core_factor_is_app_or_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("counter__gte", 0)), name="core_factor_counter_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SentForm",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, verbose_name="request id")),
                ("address", models.CharField(help_text="Where forms of its kind are sent.", max_length=200)),
                (
                    "fingerprint",
                    models.CharField(help_text="SHA-256 of its contents, without passwords.", max_length=64),
                ),
                (
                    "answer",
                    models.TextField(
                        blank=True, help_text="The address of the page that followed, if the form decides it."
                    ),
                ),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("recorded_at", models.DateTimeField(db_default=core.clock.DatabaseClock(), editable=False)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="core_sentform_fingerprint_is_sha256",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("signed_in_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField()),
                ("client_address", models.GenericIPAddressField(null=True)),
                ("device", models.CharField(blank=True, max_length=200)),
                (
                    "staff",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SignInEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("SIGNED_IN", "Signed in"),
                            ("CONFIRMED", "Confirmed who they are"),
                            ("WRONG", "Wrong password or code"),
                            ("REFUSED", "Refused while locked"),
                            ("LIFTED", "Lock lifted"),
                            ("SIGNED_OUT", "Signed out"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "name_group",
                    models.PositiveSmallIntegerField(
                        help_text="Of a name that nobody has: 12 bits of its keyed hash, to tell most names apart and no more.",
                        null=True,
                    ),
                ),
                ("client_address", models.GenericIPAddressField(null=True, verbose_name="address")),
                ("device", models.CharField(blank=True, help_text="The browser, as it calls itself.", max_length=200)),
                ("correlation_id", models.UUIDField(db_index=True)),
                (
                    "done_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who lifted the lock or ended the session, if not the person.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Whose name was given; empty if nobody has that name.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_events",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-in",
                "permissions": [("lift_lock", "Can lift the lock of a sign-in")],
                "indexes": [
                    models.Index(fields=["staff", "at"], name="core_sign_in_by_staff_at"),
                    models.Index(fields=["client_address", "at"], name="core_sign_in_by_address_at"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["SIGNED_IN", "CONFIRMED", "WRONG", "REFUSED", "LIFTED", "SIGNED_OUT"])
                        ),
                        name="core_sign_in_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name_group", None), ("staff__isnull", False)),
                            models.Q(
                                ("kind__in", ["WRONG", "REFUSED"]),
                                ("name_group__gte", 0),
                                ("name_group__isnull", False),
                                ("name_group__lt", 4096),
                                ("staff", None),
                            ),
                            _connector="OR",
                        ),
                        name="core_sign_in_of_staff_or_of_no_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "LIFTED"), _negated=True), ("done_by__isnull", False), _connector="OR"
                        ),
                        name="core_sign_in_lock_lifted_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffCard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("declared_at", models.DateTimeField()),
                ("correlation_id", models.UUIDField(db_index=True, null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawal_correlation_id", models.UUIDField(null=True)),
                (
                    "declared_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Empty for a link from before declarations were recorded.",
                        null=True,
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
                        related_name="staff_cards",
                        to="core.player",
                    ),
                ),
                (
                    "staff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="cards", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "casino",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="staff_cards", to="core.casino"
                    ),
                ),
            ],
            options={
                "verbose_name": "card of staff",
                "verbose_name_plural": "cards of staff",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at", None)),
                        fields=("player",),
                        name="core_staff_card_of_one_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("withdrawal_correlation_id", None), ("withdrawn_at", None), ("withdrawn_by", None)
                            ),
                            models.Q(
                                ("withdrawal_correlation_id__isnull", False),
                                ("withdrawn_at__isnull", False),
                                ("withdrawn_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="core_staff_card_withdrawal_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("declared_by", None),
                                models.Q(("declared_by", models.F("staff")), _negated=True),
                                _connector="OR",
                            ),
                            models.Q(
                                ("withdrawn_by", None),
                                models.Q(("withdrawn_by", models.F("staff")), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="core_staff_card_by_somebody_else",
                    ),
                ],
            },
        ),
        *GUARDS,
    ]
