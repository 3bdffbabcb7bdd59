"""Keep buy-ins and chips out as rows, and turn the two columns of a slip into rows whose means was not recorded."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import append_only

# The foreign keys and indexes are made at the end of the migration, after the rows.
FILL = """
INSERT INTO ratingslips_moneyrow (slip_id, player_id, kind, means, amount, happened_at, gaming_day, actor_id, reason)
    SELECT id, player_id, 'BUY_IN', 'NOT_RECORDED', buy_in, opened_at, gaming_day, opened_by_id, ''
    FROM ratingslips_ratingslip WHERE buy_in > 0
    UNION ALL
    SELECT slip.id, slip.player_id, 'CHIPS_OUT', 'NOT_RECORDED', slip.chips_out, slip.closed_at,
           (slip.closed_at AT TIME ZONE casino.time_zone - casino.gaming_day_starts_at)::date, slip.closed_by_id, ''
    FROM ratingslips_ratingslip AS slip JOIN core_casino AS casino ON casino.id = slip.casino_id
    WHERE slip.chips_out IS NOT NULL;
"""
# Closed slips are frozen.
FILL_BACK = """
ALTER TABLE ratingslips_ratingslip DISABLE TRIGGER ratingslips_freeze_slip;
UPDATE ratingslips_ratingslip AS slip SET
    buy_in = money.buy_in,
    chips_out = CASE WHEN slip.closed_at IS NOT NULL AND money.rows_of_chips > 0 THEN money.chips_out END
FROM (
    SELECT slip_id, sum(amount) FILTER (WHERE kind = 'BUY_IN') AS buy_in,
           sum(amount) FILTER (WHERE kind = 'CHIPS_OUT') AS chips_out,
           sum(CASE WHEN strikes_id IS NULL THEN 1 ELSE -1 END) FILTER (WHERE kind = 'CHIPS_OUT') AS rows_of_chips
    FROM ratingslips_moneyrow GROUP BY slip_id
) AS money WHERE money.slip_id = slip.id;
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_freeze_slip;
"""
GUARD = """
CREATE FUNCTION ratingslips_require_fitting_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.player_id IS DISTINCT FROM (SELECT player_id FROM ratingslips_ratingslip WHERE id = NEW.slip_id) THEN
        RAISE EXCEPTION 'INSERT of % is refused: the player is not the one of the slip', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.strikes_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ratingslips_moneyrow AS struck WHERE struck.id = NEW.strikes_id AND struck.strikes_id IS NULL
        AND (struck.slip_id, struck.kind, struck.means, struck.amount, struck.gaming_day)
          = (NEW.slip_id, NEW.kind, NEW.means, -NEW.amount, NEW.gaming_day)
    ) THEN
        RAISE EXCEPTION 'INSERT of % is refused: it is not the opposite of the row that it strikes', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_moneyrow_fits BEFORE INSERT ON ratingslips_moneyrow
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_fitting_money();
ALTER TABLE ratingslips_moneyrow ENABLE ALWAYS TRIGGER ratingslips_moneyrow_fits;
"""
UNGUARD = """
DROP TRIGGER ratingslips_moneyrow_fits ON ratingslips_moneyrow;
DROP FUNCTION ratingslips_require_fitting_money();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0023_backdating"),
        ("loyalty", "0014_comps_and_adjustments_of_play"),
        ("ratingslips", "0022_continued_slips"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                ],
            },
        ),
        migrations.RunSQL(FILL, FILL_BACK),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_closed_is_whole",
        ),
        migrations.RemoveConstraint(
            model_name="ratingslip",
            name="ratingslips_slip_money_not_negative",
        ),
        migrations.RemoveField(
            model_name="ratingslip",
            name="buy_in",
        ),
        migrations.RemoveField(
            model_name="ratingslip",
            name="chips_out",
        ),
        migrations.AddConstraint(
            model_name="ratingslip",
            constraint=models.CheckConstraint(
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
        ),
        migrations.RemoveConstraint(
            model_name="sliprequest",
            name="ratingslips_request_kind_known",
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
                    ("BUY_IN", "Buy-in"),
                    ("CHIPS_OUT", "Chips out"),
                    ("STRIKE", "Strike buy-in or chips out"),
                ],
                max_length=10,
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
                            "BUY_IN",
                            "CHIPS_OUT",
                            "STRIKE",
                        ],
                    )
                ),
                name="ratingslips_request_kind_known",
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        *append_only("ratingslips_moneyrow"),
    ]
