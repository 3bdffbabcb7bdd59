"""Let players be found as their names are typed: without accents, in any case, in part."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

# PostgreSQL's `unaccent` follows a dictionary that could be changed, so it is not immutable and cannot be indexed; the
# two-argument form with the dictionary named is as stable as the dictionary, which the house leaves as it was shipped.
SEARCHABLE = """
CREATE FUNCTION core_plain(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT lower(public.unaccent('public.unaccent', words)) $$;

CREATE INDEX core_player_plain_words ON core_player
USING gin (core_plain(card_number || ' ' || first_name || ' ' || last_name) public.gin_trgm_ops);
"""
NOT_SEARCHABLE = """
DROP INDEX core_player_plain_words;
DROP FUNCTION core_plain(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_replaycount"),
    ]

    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        migrations.RunSQL(SEARCHABLE, NOT_SEARCHABLE),
    ]
