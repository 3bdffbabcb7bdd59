"""The log of sign-ins takes over what an earlier version kept."""

import pytest

from tests.databases import connect
from tests.older import migrate_older, older_database

ROWS = """
CREATE TABLE axes_accesslog (
    username varchar(255), ip_address inet, user_agent varchar(255), attempt_time timestamptz, logout_time timestamptz
);
CREATE TABLE axes_accessattempt (id int);
CREATE TABLE axes_accessattemptexpiration (id int);
CREATE TABLE axes_accessfailurelog (id int);
INSERT INTO core_user
    (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email, date_joined)
    VALUES (9, 'dana', '', false, true, true, '', '', '', now());
INSERT INTO axes_accesslog VALUES
    ('dana', '192.0.2.7', repeat('x', 255), '2026-11-14 19:00Z', NULL),
    ('dana', '192.0.2.7', 'Firefox', '2026-11-14 18:00Z', '2026-11-14 18:30Z'),
    ('somebody who was renamed', '192.0.2.7', 'Firefox', '2026-11-14 18:00Z', NULL);
"""
LOG = "SELECT kind, staff_id, to_char(at, 'HH24:MI'), length(device) FROM core_signinevent ORDER BY id"
LEFT_OVER = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'axes%' OR tablename = 'django_session'"


@pytest.mark.slow
class TestMigration:
    def test_takes_over_sign_ins_and_sign_outs(self, db: None) -> None:
        with older_database("signins", "core=0011") as name, connect(name) as database:
            database.execute(ROWS)
            database.execute("SET TIME ZONE 'UTC'")

            migrate_older(name, "core=0016").check_returncode()

            assert database.execute(LOG).fetchall() == [
                ("SIGNED_IN", 9, "18:00", 7),
                ("SIGNED_OUT", 9, "18:30", 7),
                ("SIGNED_IN", 9, "19:00", 200),
            ]
            assert database.execute(LEFT_OVER).fetchone() == (0,)
