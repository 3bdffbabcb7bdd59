"""Older rows of play get what later migrations keep: until when a seat is held, and the pit."""

from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest

from tests.databases import connect
from tests.older import migrate_older, older_database

ROWS = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at) VALUES (1, 'old', 'Old', 'UTC', '06:00');
INSERT INTO core_user
    (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email, date_joined)
    VALUES (9, 'boss', '', false, true, true, '', '', '', now());
INSERT INTO core_player (id, casino_id, card_number, first_name, last_name, status)
    SELECT id, 1, 'card ' || id, 'Ana', 'Sokolova', 'ACTIVE' FROM generate_series(1, 2) AS id;
INSERT INTO ratingslips_pit (id, casino_id, name) VALUES (1, 1, 'Pit');
INSERT INTO ratingslips_gamesettings (id, casino_id, code, name, decisions_per_hour, house_edge_percent, seats)
    VALUES (1, 1, 'bj', 'Blackjack', 70, 1, 7);
INSERT INTO ratingslips_gamingtable (id, casino_id, pit_id, game_id, name, seats, is_active)
    VALUES (1, 1, 1, 1, 'BJ-01', 7, true);
INSERT INTO ratingslips_ratingslip
    (id, casino_id, slip_number, player_id, table_id, seat, status, opened_at, opened_by_id, closed_at, closed_by_id,
     gaming_day, theoretical_win, correlation_id, owed_because, buy_in, chips_out)
    SELECT gen_random_uuid(), 1, 'S' || id, id, 1, 1, 'CLOSED', began, 9, ended, 9,
           '2026-11-14', 0, gen_random_uuid(), '', nullif(id * 500, 1000), id * 120
    FROM (VALUES (1, '2026-11-14 19:00Z'::timestamptz, '2026-11-14 20:00Z'::timestamptz),
                 (2, '2026-11-14 {second}Z', '2026-11-14 21:00Z')) AS visit (id, began, ended);
INSERT INTO ratingslips_playsegment (slip_id, seq, table_id, seat, average_bet, house_edge_percent, decisions_per_hour,
    started_at, started_as, started_by_id, start_correlation_id, ended_at, ended_as, ended_by_id, end_correlation_id)
    SELECT id, seq, 1, 1, 25, 1, 70, opened_at + (seq - 1) * interval '10 minutes', start, 9, correlation_id,
           opened_at + (seq * 10 - 5) * interval '1 minute', 'PAUSED', 9, correlation_id
    FROM ratingslips_ratingslip, (VALUES (1, 'OPENED'), (2, 'RESUMED')) AS segment (seq, start);
"""


@pytest.fixture
def database(db: None) -> Iterator[psycopg.Connection]:
    """A database at the migration before."""
    with older_database("seats", "ratingslips=0008") as name, connect(name) as before:
        yield before


@pytest.mark.slow
class TestMigrationOfSeats:
    def test_holds_each_seat_until_the_next_segment_or_the_end(self, database: psycopg.Connection) -> None:
        database.execute(ROWS.format(second="20:00"))

        migrate_older(database.info.dbname, "ratingslips=0009").check_returncode()

        found = database.execute("SELECT held_until FROM ratingslips_playsegment ORDER BY started_at").fetchall()
        held: list[datetime] = [at for (at,) in found]
        assert [f"{at:%H:%M}" for at in held] == ["19:10", "20:00", "20:10", "21:00"]

    def test_names_the_slip_that_began_in_anothers_pause(self, database: psycopg.Connection) -> None:
        database.execute(ROWS.format(second="19:50"))

        refused = migrate_older(database.info.dbname, "ratingslips=0009")

        assert refused.returncode
        assert "slip S2, BJ-01 seat 1, 2026-11-14T19:50:00" in refused.stderr
        assert not database.execute("SELECT FROM django_migrations WHERE name LIKE '0009_seat%'").fetchall()


@pytest.mark.slow
class TestMigrationsOfClosedSlips:
    def test_keep_their_pit_and_their_money(self, database: psycopg.Connection) -> None:
        database.execute(ROWS.format(second="20:00"))
        pits = "SELECT pit_id FROM ratingslips_ratingslip UNION ALL SELECT pit_id FROM ratingslips_playsegment"
        columns = "SELECT slip_number, buy_in, chips_out FROM ratingslips_ratingslip ORDER BY slip_number"
        rows = """
            SELECT slip_number, money.player_id, kind, means, amount, happened_at IN (opened_at, closed_at), actor_id
            FROM ratingslips_moneyrow AS money JOIN ratingslips_ratingslip AS slip ON slip.id = slip_id
            ORDER BY slip_number, kind
        """

        there_and_back = [f"ratingslips={target}" for target in ("0015", "0014", "0023")]
        migrate_older(database.info.dbname, *there_and_back).check_returncode()
        money = database.execute(rows).fetchall()
        migrate_older(database.info.dbname, "ratingslips=0022").check_returncode()
        money_of_before = database.execute(columns).fetchall()
        migrate_older(database.info.dbname, "ratingslips").check_returncode()
        requests = database.execute("SELECT kind, actor_id FROM ratingslips_sliprequest").fetchall()

        assert database.execute(pits).fetchall() == [(1,)] * 6
        assert money == [
            ("S1", 1, "BUY_IN", "NOT_RECORDED", 500, True, 9),
            ("S1", 1, "CHIPS_OUT", "NOT_RECORDED", 120, True, 9),
            ("S2", 2, "CHIPS_OUT", "NOT_RECORDED", 240, True, 9),
        ]
        assert money_of_before == [("S1", 500, 120), ("S2", None, 240)]
        assert requests == [("EARLIER", 9)] * 2
        with pytest.raises(psycopg.errors.RestrictViolation, match="past play never changes"):
            database.execute("UPDATE ratingslips_playsegment SET pit_id = NULL")
