"""A table with a live slip keeps its game as well as its pit: the next segment would take the values of another game."""

from django.db import migrations

# The names are those of the first trigger, which was about pits alone.
GUARD = """
CREATE OR REPLACE FUNCTION ratingslips_keep_table_in_pit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ratingslips_ratingslip WHERE table_id = NEW.id AND status IN ('OPEN', 'PAUSED')) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_gamingtable is refused: a table with a live slip {keeps}'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER ratingslips_keep_table_in_pit ON ratingslips_gamingtable;
CREATE TRIGGER ratingslips_keep_table_in_pit BEFORE UPDATE OF {columns} ON ratingslips_gamingtable FOR EACH ROW
    WHEN ({differ}) EXECUTE FUNCTION ratingslips_keep_table_in_pit();
ALTER TABLE ratingslips_gamingtable ENABLE ALWAYS TRIGGER ratingslips_keep_table_in_pit;
"""


def _guard(*columns: str, keeps: str) -> str:
    differ = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    return GUARD.format(columns=", ".join(columns), differ=differ, keeps=keeps)


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0019_correct_slip")]

    operations = [
        migrations.RunSQL(
            _guard("pit_id", "game_id", keeps="keeps its pit and its game"),
            _guard("pit_id", keeps="stays in its pit"),
        )
    ]
