"""Let the ledger be read as an auditor reads it, and exported with a trace."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

from core.append_only import refuse_delete, refuse_truncate

# The ledger refuses every UPDATE. A column is filled while it is made, which rewrites the table and changes no row.
FILL_CASINO = """
ALTER TABLE loyalty_ledger ADD COLUMN casino_id bigint;
CREATE FUNCTION loyalty_casino_of(account bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT program.casino_id
    FROM loyalty_playerloyalty JOIN loyalty_loyaltyprogram AS program ON program.id = program_id
    WHERE loyalty_playerloyalty.id = account
$$;
ALTER TABLE loyalty_ledger ALTER COLUMN casino_id TYPE bigint USING loyalty_casino_of(account_id);
DROP FUNCTION loyalty_casino_of(bigint);
ALTER TABLE loyalty_ledger
    ALTER COLUMN casino_id SET NOT NULL,
    ADD CONSTRAINT loyalty_ledger_casino_id_fk FOREIGN KEY (casino_id) REFERENCES core_casino (id)
        DEFERRABLE INITIALLY DEFERRED;
"""
DROP_CASINO = "ALTER TABLE loyalty_ledger DROP COLUMN casino_id;"

FREEZE_EXPORT = """
CREATE FUNCTION loyalty_freeze_export() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen loyalty_ledgerexport;
BEGIN
    frozen := OLD;
    frozen.ended_at := NEW.ended_at;
    frozen.rows := NEW.rows;
    frozen.is_whole := NEW.is_whole;
    IF OLD.ended_at IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
        RAISE EXCEPTION 'UPDATE of loyalty_ledgerexport is refused: the trace of an export is given its end, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER loyalty_freeze_export BEFORE UPDATE ON loyalty_ledgerexport
    FOR EACH ROW EXECUTE FUNCTION loyalty_freeze_export();
ALTER TABLE loyalty_ledgerexport ENABLE ALWAYS TRIGGER loyalty_freeze_export;
"""
THAW_EXPORT = """
DROP TRIGGER loyalty_freeze_export ON loyalty_ledgerexport;
DROP FUNCTION loyalty_freeze_export();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_player_search"),
        ("loyalty", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="ledgerentry",
            options={
                "ordering": ["-id"],
                "permissions": [("export_ledger", "Can export the ledger")],
                "verbose_name_plural": "ledger entries",
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FILL_CASINO, DROP_CASINO)],
            state_operations=[
                migrations.AddField(
                    model_name="ledgerentry",
                    name="casino",
                    field=models.ForeignKey(
                        db_index=False,
                        help_text="The account's: it stands here so that a casino's newest entries can be read from an index.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.casino",
                    ),
                ),
            ],
        ),
        migrations.RemoveIndex(model_name="ledgerentry", name="loyalty_ledger_account_newest"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="loyalty.playerloyalty",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["casino", "id"], name="loyalty_ledger_by_casino"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["casino", "kind", "id"], name="loyalty_ledger_by_kind"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["casino", "gaming_day", "id"], name="loyalty_ledger_by_gaming_day"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["account", "id"], name="loyalty_ledger_by_account"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=Q(staff__isnull=False), fields=["staff", "id"], name="loyalty_ledger_by_staff"
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=~Q(tier_before=F("tier_after")),
                fields=["casino", "id"],
                name="loyalty_ledger_by_tier_change",
            ),
        ),
        migrations.CreateModel(
            name="LedgerExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("filters", models.JSONField(help_text="What the list was narrowed by, by name.")),
                ("correlation_id", models.UUIDField(db_index=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("rows", models.BigIntegerField(help_text="How many entries left the house.", null=True)),
                ("is_whole", models.BooleanField(help_text="Whether all that was asked for was sent.", null=True)),
                (
                    "casino",
                    models.ForeignKey(
                        help_text="Whose entries; empty where a superuser exported those of all casinos.",
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
                ],
            },
        ),
        migrations.RunSQL(FREEZE_EXPORT, THAW_EXPORT),
        refuse_delete("loyalty_ledgerexport"),
        refuse_truncate("loyalty_ledgerexport"),
    ]
