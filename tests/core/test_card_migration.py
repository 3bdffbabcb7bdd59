"""Links of staff to a player become declared cards, and players with the name of a member of staff are noticed."""

import pytest

from tests.databases import connect, empty_database, migrated_database
from tests.older import migrate_older, older_database

ROWS = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at, longest_play_hours)
    VALUES (1, 'old', 'Old', 'UTC', '06:00', 12);
INSERT INTO core_player (id, casino_id, card_number, first_name, last_name, status)
    SELECT id, 1, 'card-' || id, 'Dana', 'Whitfield', 'ACTIVE' FROM generate_series(1, 2) AS id;
INSERT INTO core_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
        date_joined, casino_id, player_id)
    VALUES (9, 'dana', '', false, true, true, 'Dana', 'Whitfield', '', now(), 1, 1);
"""


@pytest.mark.slow
class TestMigration:
    def test_keeps_the_link_and_notices_the_other_player(self, db: None) -> None:
        with older_database("cards", "core=0018") as name, connect(name) as database:
            database.execute(ROWS)

            migrate_older(name, "core=0021").check_returncode()

            cards = database.execute("SELECT staff_id, player_id, declared_by_id FROM core_staffcard").fetchall()
            pairs = database.execute("SELECT staff_id, player_id, decision FROM core_namesake").fetchall()
            migrate_older(name, "core=0018").check_returncode()
            kept = database.execute("SELECT player_id FROM core_user WHERE id = 9").fetchone()
        assert (cards, pairs, kept) == ([(9, 1, None)], [(9, 2, "")], (1,))


ALIKE = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at, longest_play_hours, backdating_minutes,
        cash_watch_amount, cash_report_amount)
    VALUES (1, 'old', 'Old', 'UTC', '06:00', 12, 60, 3000, 10000);
INSERT INTO core_player (id, casino_id, card_number, first_name, last_name, status)
    VALUES (1, 1, 'card-1', 'Juergen', 'Mueller', 'ACTIVE');
INSERT INTO core_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
        date_joined, casino_id)
    VALUES (9, 'first', '', false, true, true, 'Jurgen', 'Mueller', '', now(), 1);
"""
SECOND = """
SET enable_seqscan = off;
INSERT INTO core_user (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
        date_joined, casino_id)
    VALUES (10, 'second', '', false, true, true, 'Jürgen', 'Müller', '', now(), 1);
"""
PAIRS = "SELECT staff_id FROM core_namesake ORDER BY staff_id"


@pytest.mark.slow
class TestAlikeNames:
    def test_are_noticed_among_earlier_rows_by_the_index(self, db: None) -> None:
        with empty_database("alike", copied_from=migrated_database()) as name:
            migrate_older(name, "core=0045").check_returncode()
            with connect(name) as database:
                database.execute(ALIKE)
                before = database.execute(PAIRS).fetchall()

                migrate_older(name, "core=0046").check_returncode()

                noticed = database.execute(PAIRS).fetchall()
                database.execute(SECOND)
                assert (before, noticed, database.execute(PAIRS).fetchall()) == ([], [(9,)], [(9,), (10,)])
