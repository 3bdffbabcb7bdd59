"""The release before works on the schema of this one, as docs/upgrading.md says."""

from pathlib import Path

import pytest

from tests.databases import connect, database_environment, empty_database, migrate, migrated_database
from tests.processes import ROOT, run_program
from tests.released import MISSING, release_before, unpack

SCENARIO = ROOT / "tests/scenarios/of_a_release.py"
KINDS = "SELECT array_agg(DISTINCT kind ORDER BY kind) FROM loyalty_ledger"


@pytest.mark.slow
class TestReleaseBefore:
    @pytest.mark.usefixtures("db")
    def test_works_on_this_schema_and_leaves_rows_that_hold(self, tmp_path: Path) -> None:
        commit = release_before()
        if not commit:
            pytest.skip(MISSING)
        unpack(commit, before := tmp_path / "before")

        with empty_database("upgraded", copied_from=migrated_database()) as name:
            migrate(name).check_returncode()
            environment = {**database_environment(name), "REQUEST_KEYS": "A" * 43 + "="}
            old = {"PYTHONPATH": str(before), "DJANGO_SETTINGS_MODULE": "tests.settings"}
            worked = run_program("-P", str(SCENARIO), str(tmp_path), **environment, **old)
            looked = [run_program("manage.py", look, **environment) for look in ("verify_ledger", "check_invariants")]
            with connect(name) as database:
                kinds = database.execute(KINDS).fetchone()

        assert (worked.returncode, worked.stdout) == (0, str(before)), worked.stderr
        assert [look.returncode for look in looked] == [0, 0], looked[1].stdout + looked[1].stderr
        assert kinds == (["GAMEPLAY", "MANUAL_BONUS", "REVERSAL"],)
