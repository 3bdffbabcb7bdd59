"""A database that production makes has every refusing trigger, and no way round: that is the tests' own alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

REPOSITORY = Path(__file__).resolve().parents[2]

APPEND_ONLY = ("loyalty_ledger", "loyalty_earningrate")
UNDELETABLE = (*APPEND_ONLY, "ratingslips_ratingslip", "ratingslips_playsegment")
EXPECTED = {
    *(f"{table}_refuse_update" for table in APPEND_ONLY),
    *(f"{table}_refuse_delete" for table in UNDELETABLE),
    *(f"{table}_refuse_truncate" for table in UNDELETABLE),
    "ratingslips_freeze_segment",
    "ratingslips_freeze_slip",
}


@pytest.fixture
def migrated(db: None) -> Iterator[psycopg.Connection]:
    """A fresh database on the tests' server, made by `manage.py migrate` as production would."""
    settings = connection.settings_dict
    name = f"{settings['NAME']}_plain"
    parameters = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    parameters |= {"password": settings["PASSWORD"]} if settings["PASSWORD"] else {}
    password = f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else ""
    host = quote(settings["HOST"], safe="")
    url = f"postgres://{settings['USER']}{password}@{host}:{settings['PORT']}/{name}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(dbname="postgres", autocommit=True, **parameters) as server:
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"],
                cwd=REPOSITORY,
                env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"},
                capture_output=True,
                check=True,
                timeout=60,
            )
            with psycopg.connect(dbname=name, autocommit=True, **parameters) as fresh:
                yield fresh
        finally:
            server.execute(drop)


class TestMigratedDatabase:
    def test_fires_every_trigger_always_and_refuses_to_be_emptied(self, migrated: psycopg.Connection) -> None:
        triggers = migrated.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal").fetchall()

        assert {name for name, _ in triggers} == EXPECTED
        assert {enabled for _, enabled in triggers} <= {"A", b"A"}
        for table in UNDELETABLE:
            with pytest.raises(psycopg.errors.RestrictViolation, match=r"TRUNCATE of \w+ is refused"):
                migrated.execute(f"TRUNCATE {table} CASCADE")
        with pytest.raises(psycopg.errors.RestrictViolation, match="TRUNCATE of"):
            migrated.execute("TRUNCATE core_casino CASCADE")
