"""Keep the totals of comps by month, type and person, by a trigger of the ledger."""

import django.db.models.deletion
from django.db import migrations, models

# The totals of the redemptions among `entry`, which has the columns of the ledger and `sign`: -1 takes one out.
_TOTALS = """
    SELECT entry.casino_id, entry.comp_type_id, date_trunc('month', entry.gaming_day)::date, who.by, who.person,
           sum(entry.sign), sum(-entry.points * entry.sign),
           sum(coalesce((entry.inputs #>> '{calculation,value}')::numeric, 0) * entry.sign),
           count(*) FILTER (WHERE entry.sign < 0)
    FROM entry
    CROSS JOIN LATERAL (
        VALUES ('staff', coalesce(entry.staff_id, 0)), ('account', entry.account_id)
    ) AS who (by, person)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
"""
_COLUMNS = "casino_id, comp_type_id, month, by, person, redemptions, points, value, reversed"

# It runs as the owner, because the application may only read the totals.
ADD_COMPS = f"""
CREATE FUNCTION loyalty_add_comps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF NOT EXISTS (SELECT FROM new_rows WHERE kind IN ('REDEMPTION', 'REVERSAL')) THEN
        RETURN NULL;
    END IF;
    WITH entry AS (
        SELECT *, 1 AS sign FROM new_rows WHERE kind = 'REDEMPTION'
        UNION ALL
        -- An array, and no join: its plan reads the index whatever number of rows it was made for.
        SELECT *, -1 FROM loyalty_ledger
        WHERE kind = 'REDEMPTION' AND id = ANY(ARRAY(SELECT reverses_id FROM new_rows WHERE kind = 'REVERSAL'))
    )
    INSERT INTO loyalty_comptotal AS total ({_COLUMNS}) {_TOTALS}
    ON CONFLICT (comp_type_id, month, by, person) DO UPDATE
    SET redemptions = total.redemptions + excluded.redemptions, points = total.points + excluded.points,
        value = total.value + excluded.value, reversed = total.reversed + excluded.reversed;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION loyalty_add_comps() FROM PUBLIC;
CREATE TRIGGER loyalty_ledger_adds_comps AFTER INSERT ON loyalty_ledger REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_add_comps();
ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_ledger_adds_comps;
"""  # noqa: S608
# The lock lets each redemption that has been added to the totals commit first, and those that begin later wait.
COUNT_COMPS = f"""
CREATE FUNCTION loyalty_count_comps(comp bigint, first_day date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    LOCK TABLE loyalty_comptotal IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM loyalty_comptotal WHERE comp_type_id = comp AND month = first_day;
    WITH redeemed AS (
        SELECT * FROM loyalty_ledger
        WHERE comp_type_id = comp AND gaming_day >= first_day AND gaming_day < first_day + interval '1 month'
    ), entry AS (
        SELECT redeemed.*, 1 AS sign FROM redeemed
        UNION ALL
        SELECT redeemed.*, -1 FROM redeemed JOIN loyalty_ledger AS reversal ON reversal.reverses_id = redeemed.id
    )
    INSERT INTO loyalty_comptotal ({_COLUMNS}) {_TOTALS};
END $$;
REVOKE ALL ON FUNCTION loyalty_count_comps(bigint, date) FROM PUBLIC;
"""  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0045_operations_of_commands"),
        ("loyalty", "0026_one_index_of_keys"),
        ("ratingslips", "0038_functions_name_their_schema"),  # makes core_is_replication_worker()
    ]

    operations = [
        migrations.CreateModel(
            name="CompTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField(help_text="Its first day.")),
                ("by", models.CharField(choices=[("staff", "Member of staff"), ("account", "Player")], max_length=7)),
                (
                    "person",
                    models.BigIntegerField(
                        help_text="The key of the member of staff or of the account; 0 for the system."
                    ),
                ),
                ("redemptions", models.BigIntegerField()),
                ("points", models.BigIntegerField(help_text="What the redemptions took.")),
                ("value", models.DecimalField(decimal_places=2, max_digits=18)),
                ("reversed", models.BigIntegerField()),
                (
                    "casino",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.casino"
                    ),
                ),
                (
                    "comp_type",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.comptype",
                    ),
                ),
            ],
            options={
                "ordering": ["month", "by", "casino", "comp_type", "points", "person"],
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["month", "by", "casino", "comp_type", "points", "person"],
                        name="loyalty_comp_total_in_order",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("comp_type", "month", "by", "person"), name="loyalty_comp_total_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("by__in", ["staff", "account"])), name="loyalty_comp_total_by_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("month__day", 1)), name="loyalty_comp_total_month_begins"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("value__lt", 10000000000000000)), name="loyalty_comp_total_value_is_finite"
                    ),
                ],
            },
        ),
        migrations.RunSQL(ADD_COMPS, "DROP FUNCTION loyalty_add_comps() CASCADE;"),
        migrations.RunSQL(COUNT_COMPS, "DROP FUNCTION loyalty_count_comps(bigint, date);"),
    ]
