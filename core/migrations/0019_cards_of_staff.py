"""Declare several cards for a member of staff, and notice players with the name of a member of staff."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from core.append_only import refuse_delete, refuse_truncate
from core.changes.triggers import log_changes

# The keys of a name: its words, folded as for the search and sorted, and both names without spaces. Invisible characters
# do not count. Two names are equal if they share a key; without a first or a last name there is none.
KEYS = r"""
CREATE FUNCTION core_name_keys(first_name text, last_name text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT COST 500 AS $$
    SELECT coalesce(array_agg(DISTINCT key), '{}')
    FROM (VALUES (
        regexp_replace(first_name, '[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g'),
        regexp_replace(last_name, '[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]', '', 'g')
    )) AS visible (first, last)
    CROSS JOIN LATERAL (
        VALUES (first, last), (public.core_written_out(first), public.core_written_out(last))
    ) AS variant (first, last)
    CROSS JOIN LATERAL (VALUES (
        replace(public.core_words(variant.first, ''), ' ', ''), replace(public.core_words(variant.last, ''), ' ', '')
    )) AS whole (first, last)
    CROSS JOIN LATERAL (VALUES
        (least(whole.first, whole.last) || ' ' || greatest(whole.first, whole.last)),
        ((
            SELECT string_agg(word, ' ' ORDER BY word)
            FROM regexp_split_to_table(public.core_words(variant.first || ' ' || variant.last, ' '), ' +') AS word
            WHERE word <> ''
        ))
    ) AS spelling (key)
    WHERE whole.first <> '' AND whole.last <> ''
$$;
CREATE INDEX core_player_name_keys ON core_player USING gin (core_name_keys(first_name, last_name));
"""
NO_KEYS = """
DROP INDEX core_player_name_keys;
DROP FUNCTION core_name_keys(text, text);
"""

_PAIR = """
    INSERT INTO core_namesake (player_id, staff_id, names, noticed_at)
    SELECT DISTINCT player.id, staff.id, left(
        core_sort_name(player.first_name, player.last_name) || ' = ' || core_sort_name(staff.first_name, staff.last_name),
        600
    ), statement_timestamp()
    FROM {staff} AS staff JOIN {players} AS player ON {match}
    WHERE (staff.casino_id IS NULL OR staff.casino_id = player.casino_id) AND NOT EXISTS (
        SELECT FROM core_staffcard AS card
        WHERE card.player_id = player.id AND card.staff_id = staff.id AND card.withdrawn_at IS NULL
    )
    ON CONFLICT DO NOTHING;
"""
_WITH_KEYS = "(SELECT *, unnest(core_name_keys(first_name, last_name)) AS key FROM {})"
_SHARED = "core_name_keys(player.first_name, player.last_name) && core_name_keys(staff.first_name, staff.last_name)"
OF_PLAYERS = _PAIR.format(
    staff=_WITH_KEYS.format("core_user"), players=_WITH_KEYS.format("new_rows"), match="player.key = staff.key"
)
OF_STAFF = _PAIR.format(staff="new_rows", players="core_player", match=_SHARED)
OF_ALL = _PAIR.format(staff="core_user", players="core_player", match=_SHARED)

# Players are named at the same time, but nobody of staff meanwhile: else neither would see the other.
NOTICE = f"""
CREATE FUNCTION core_notice_namesakes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT EXISTS (
            SELECT FROM new_rows AS after JOIN old_rows AS before USING (id)
            WHERE (after.first_name, after.last_name, after.casino_id)
                IS DISTINCT FROM (before.first_name, before.last_name, before.casino_id)
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_TABLE_NAME = 'core_player' THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('core_namesakes', 0));
        {OF_PLAYERS}
    ELSE
        PERFORM pg_advisory_xact_lock(hashtextextended('core_namesakes', 0));
        {OF_STAFF}
    END IF;
    RETURN NULL;
END $$;
"""  # noqa: S608  (constants)
_TRANSITIONS = {"insert": "NEW TABLE AS new_rows", "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows"}
_NOTICED = [(table, event) for table in ("core_player", "core_user") for event in _TRANSITIONS]
NOTICING = "".join(
    f"""
    CREATE TRIGGER {table}_namesakes_{event} AFTER {event.upper()} ON {table} REFERENCING {_TRANSITIONS[event]}
        FOR EACH STATEMENT EXECUTE FUNCTION core_notice_namesakes();
    ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_namesakes_{event};
    """
    for table, event in _NOTICED
)
NO_NOTICING = "".join(f"DROP TRIGGER {table}_namesakes_{event} ON {table};" for table, event in _NOTICED)


def _decided_once(table: str, *columns: str, when: str) -> migrations.RunSQL:
    """Let `columns` be set once, which sets `when`; refuse any other UPDATE of `table`."""
    taken = "\n".join(f"    frozen.{column} := NEW.{column};" for column in columns)
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {table}_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            frozen {table};
        BEGIN
            frozen := OLD;
        {taken}
            IF OLD.{when} IS NOT NULL OR NEW IS DISTINCT FROM frozen THEN
                RAISE EXCEPTION 'UPDATE of {table} is refused: it is decided once, and the rest never changes'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER {table}_freeze BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_freeze();
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_freeze;
        """,
        f"DROP TRIGGER {table}_freeze ON {table}; DROP FUNCTION {table}_freeze();",
    )


FILL = f"""
INSERT INTO core_staffcard (staff_id, player_id, declared_at)
    SELECT id, player_id, statement_timestamp() FROM core_user WHERE player_id IS NOT NULL ORDER BY id;
{OF_ALL}
SET CONSTRAINTS ALL IMMEDIATE;
"""  # noqa: S608  (constants)
TAKE_BACK = """
UPDATE core_user SET player_id = card.player_id FROM (
    SELECT staff_id, min(player_id) AS player_id FROM core_staffcard WHERE withdrawn_at IS NULL GROUP BY staff_id
) AS card WHERE card.staff_id = core_user.id;
SET CONSTRAINTS ALL IMMEDIATE;
"""


def _staff(**options: object) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, **({"related_name": "+"} | options)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0018_sign_ins_by_time"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="player",
            options={
                "ordering": ["sort_name", "card_number"],
                "permissions": [("declare_card", "Can declare cards of staff")],
            },
        ),
        migrations.AddField(
            model_name="player",
            name="named_by",
            field=_staff(
                db_index=False,
                editable=False,
                help_text="Who enrolled the player in the console, or gave the name later; empty if a file did.",
                null=True,
            ),
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
                    _staff(
                        db_index=False,
                        help_text="Empty for a link from before declarations were recorded.",
                        null=True,
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
                ("staff", _staff(related_name="cards", db_index=True)),
                ("withdrawn_by", _staff(db_index=False, null=True)),
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
                ("decided_by", _staff(db_index=False, null=True)),
                (
                    "player",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.player",
                    ),
                ),
                ("staff", _staff(db_index=False)),
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
        refuse_delete("core_staffcard"),
        refuse_delete("core_namesake"),
        refuse_truncate("core_namesake"),
        *log_changes(
            "core_staffcard",
            casino="(SELECT casino_id FROM core_player WHERE id = (this->>'player_id')::bigint)",
            concerns={"core_player": "player_id", "core_user": "staff_id"},
        ),
        _decided_once(
            "core_staffcard", "withdrawn_by_id", "withdrawn_at", "withdrawal_correlation_id", when="withdrawn_at"
        ),
        _decided_once("core_namesake", "decision", "decided_by_id", "decided_at", "correlation_id", when="decided_at"),
        migrations.RunSQL(KEYS, NO_KEYS),
        migrations.RunSQL(NOTICE, "DROP FUNCTION core_notice_namesakes();"),
        migrations.RunSQL(NOTICING, NO_NOTICING),
        migrations.RunSQL(FILL, TAKE_BACK),
        migrations.RemoveField(model_name="user", name="player"),
    ]
