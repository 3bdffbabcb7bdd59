"""Settings, as a fresh process reads them from its environment."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.processes import run_program

NAMES_OF_A_DATABASE = {"DATABASE_URL", "LOCAL_SERVER"}
PROGRAM = """
import json
from django.conf import settings
database = settings.DATABASES["default"]
print(json.dumps({key: str(database.get(key, "")) for key in ("ENGINE", "NAME", "USER", "HOST", "PORT")}))
"""


def database_of(**environment: str) -> dict[str, Any]:
    done = run_program("-c", PROGRAM, without=NAMES_OF_A_DATABASE, **environment)
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


class TestDatabase:
    def test_is_the_private_server_without_a_url(self) -> None:
        assert database_of()["ENGINE"] == "config.localdb"

    def test_is_plain_postgresql_with_a_url(self) -> None:
        database = database_of(DATABASE_URL="postgres://app@db.example:5433/floor")

        assert database["ENGINE"] == "config.postgresql"
        assert [database[key] for key in ("NAME", "USER", "HOST", "PORT")] == ["floor", "app", "db.example", "5433"]

    def test_takes_a_socket_folder_as_an_encoded_host(self) -> None:
        assert database_of(DATABASE_URL="postgres://app@%2Frun%2Fpostgresql/floor")["HOST"] == "/run/postgresql"

    def test_takes_several_hosts(self) -> None:
        database = database_of(DATABASE_URL="postgres://app@db1:5432,db2:5433/floor?target_session_attrs=read-write")

        assert [database[key] for key in ("HOST", "PORT")] == ["db1,db2", "5432,5433"]

    def test_takes_a_socket_folder_as_libpq_writes_it(self) -> None:
        assert database_of(DATABASE_URL="postgresql://app@/floor?host=/run/postgresql&port=5432")["HOST"] == (
            "/run/postgresql"
        )


class TestProduction:
    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            ("SECRET_KEY", "SECRET_KEY"),
            ("DATABASE_URL", "core.E004"),
            ("ALLOWED_HOSTS", "core.E005"),
            ("REQUEST_KEYS", "core.E008"),
        ],
    )
    def test_is_refused_by_a_check_without_what_it_needs(self, missing: str, said: str) -> None:
        whole = {
            "ENVIRONMENT": "production",
            "SECRET_KEY": "k" * 60,
            "REQUEST_KEYS": "A" * 43 + "=",
            "DATABASE_URL": "postgres://app@db.example/floor",
            "ALLOWED_HOSTS": "console.example",
        }

        done = run_program("manage.py", "check", **whole | {missing: ""})

        assert done.returncode != 0
        assert said in done.stderr

    def test_gets_its_first_request_key_from_the_command(self) -> None:
        given = {"ENVIRONMENT": "production", "SECRET_KEY": "k" * 60, "ALLOWED_HOSTS": "x", "REQUEST_KEYS": ""}

        done = run_program("manage.py", "new_request_key", **given, DATABASE_URL="postgres://app@db.example/floor")

        assert done.returncode == 0
        assert len(base64.b64decode(done.stdout.strip().removeprefix("REQUEST_KEYS="))) == 32


RECORDING = """
import json, os, runpy
from config.environment import Environment

asked = {}

def recording(read, keep_default):
    def record(self, name, *arguments, **options):
        asked[name] = options.get("default") if keep_default else asked.get(name)
        return read(self, name, *arguments, **options)
    return record

Environment.secret = recording(Environment.secret, False)
Environment.get_value = recording(Environment.get_value, False)
Environment.whole_number = recording(Environment.whole_number, True)
runpy.run_module("config.settings")
url = "postgres://app@db.example/floor"
os.environ |= {"ENVIRONMENT": "production", "DATABASE_URL": url, "DATABASE_OWNER_URL": url}
runpy.run_module("config.settings")
print(json.dumps(asked))
"""


class TestSecretFile:
    def test_holds_the_value_of_its_setting(self, tmp_path: Path) -> None:
        (tmp_path / "address").write_text("postgres://app:p%20w@db.example/floor\n")
        (tmp_path / "address").chmod(0o640)

        assert database_of(DATABASE_URL_FILE=str(tmp_path / "address"))["HOST"] == "db.example"

    @pytest.mark.parametrize(
        ("mode", "content", "more", "said"),
        [
            (0o644, b"k", {}, "everybody can read"),
            (0o600, b" \n", {}, "is empty"),
            (0o600, b"\xff", {}, "is not text"),
            (0o600, b"k", {"SECRET_KEY": "k"}, "SECRET_KEY and SECRET_KEY_FILE are both set"),
            (None, b"", {}, "cannot be read (No such file or directory)"),
        ],
    )
    def test_is_refused_if_it_is_unsafe(
        self, tmp_path: Path, mode: int | None, content: bytes, more: dict[str, str], said: str
    ) -> None:
        file = tmp_path / "key"
        if mode is not None:
            file.write_bytes(content)
            file.chmod(mode)

        done = run_program("manage.py", "report", SECRET_KEY_FILE=str(file), **more)

        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)


class TestTableOfSettings:
    def test_has_each_variable_and_the_default_of_each_number(self) -> None:
        asked = json.loads(run_program("-c", RECORDING, without=NAMES_OF_A_DATABASE).stdout)
        lines = (Path(__file__).parents[2] / "docs/settings.md").read_text().splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]

        assert {row[0].strip("`") for row in rows} == asked.keys()
        numbers = {name: f"{default}" for name, default in asked.items() if default is not None}
        assert {row[0].strip("`"): row[1] for row in rows if row[0].strip("`") in numbers} == numbers


class TestWrongSettings:
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("DATABASE_URL", "garbage", "DATABASE_URL must look like postgres://"),
            ("DATABASE_URL", "postgres://app@db.example:port/floor", "DATABASE_URL must look like postgres://"),
            ("DATABASE_URL", "postgres://app@db1:5433,db2/floor", "give each of them its port"),
            ("DATABASE_URL", "sqlite:///floor", "core.E001"),
            ("DATABASE_URL", "mysql://app@db.example/floor", "The settings are wrong"),
            ("LOCK_TIMEOUT_SECONDS", "three", "LOCK_TIMEOUT_SECONDS is “three”"),
            ("STATEMENT_TIMEOUT_SECONDS", "-1", "STATEMENT_TIMEOUT_SECONDS is “-1”"),
            ("CORRELATION_ID_CALLERS", "192.0.2.7,everybody", "CORRELATION_ID_CALLERS: 'everybody'"),
            ("LOG_LEVEL", "LOUD", "LOG_LEVEL is “LOUD”"),
            ("LOCAL_SERVER", "elsewhere", "LOCAL_SERVER is"),
            ("ENVIRONMENT", "staging", "core.E003"),
        ],
    )
    def test_are_said_in_a_sentence(self, name: str, value: str, said: str) -> None:
        environment = {"PYTHONIOENCODING": "utf-8", name: value}

        done = run_program("manage.py", "report", without=NAMES_OF_A_DATABASE, **environment)

        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_tell_of_a_database_that_cannot_be_reached(self) -> None:
        done = run_program(
            "manage.py", "migrate", DATABASE_URL="postgres://app@127.0.0.1:1/floor", DATABASE_WAIT_SECONDS="0"
        )

        assert done.returncode == 3
        assert "The database cannot be reached: connection failed" in done.stderr
        assert "Traceback" not in done.stderr
