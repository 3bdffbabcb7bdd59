"""Refuse a redemption of another casino's comp type or of too large a value, which the totals of comps would hold."""

from django.db import migrations

# The totals of the redemptions among `entry`, which has the columns of the ledger and `sign`: -1 takes one out. The
# casino is that of the comp type, as the unique key of the totals has it.
_TOTALS = """
    SELECT program.casino_id, entry.comp_type_id, date_trunc('month', entry.gaming_day)::date, who.by, who.person,
           sum(entry.sign), sum(-entry.points * entry.sign),
           sum(coalesce((entry.inputs #>> '{calculation,value}')::numeric, 0) * entry.sign),
           count(*) FILTER (WHERE entry.sign < 0)
    FROM entry
    JOIN loyalty_comptype AS comp ON comp.id = entry.comp_type_id
    JOIN loyalty_loyaltyprogram AS program ON program.id = comp.program_id
    CROSS JOIN LATERAL (
        VALUES ('staff', coalesce(entry.staff_id, 0)), ('account', entry.account_id)
    ) AS who (by, person)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
"""
_COLUMNS = "casino_id, comp_type_id, month, by, person, redemptions, points, value, reversed"
_MOST_COMP_VALUE = 1_000_000  # as for the services

_ADD_COMPS = f"""
CREATE OR REPLACE FUNCTION loyalty_add_comps() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND core_is_replication_worker() THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF NOT EXISTS (SELECT FROM new_rows WHERE kind IN ('REDEMPTION', 'REVERSAL')) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        SELECT FROM new_rows AS entry
        JOIN loyalty_comptype AS comp ON comp.id = entry.comp_type_id
        JOIN loyalty_loyaltyprogram AS program ON program.id = comp.program_id
        WHERE entry.kind = 'REDEMPTION' AND (
            entry.casino_id <> program.casino_id
            OR (entry.inputs #>> '{{calculation,value}}')::numeric NOT BETWEEN 0 AND {_MOST_COMP_VALUE}
        )
    ) THEN
        RAISE EXCEPTION 'INSERT of loyalty_ledger is refused: the comp is of another casino, or no comp is worth so much'
            USING ERRCODE = 'restrict_violation';
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
"""  # noqa: S608
_COUNT_COMPS = f"""
CREATE OR REPLACE FUNCTION loyalty_count_comps(comp bigint, first_day date) RETURNS void LANGUAGE plpgsql
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
"""  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0028_count_comps")]

    # The functions of before would do for the totals as they are, so going back leaves these.
    operations = [
        migrations.RunSQL(_ADD_COMPS, migrations.RunSQL.noop),
        migrations.RunSQL(_COUNT_COMPS, migrations.RunSQL.noop),
    ]
