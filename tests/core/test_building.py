"""An index is built while its table is used, and built again if that was interrupted."""

import pytest
from django.db import DataError, connection, models
from django.db.migrations.state import ProjectState
from django.db.models import F

from core.building import BuildIndex
from tests.databases import as_owner
from tests.floor import Floor

VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'core_casino_built'::regclass"


def _valid() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(VALID)
        return bool(cursor.fetchone()[0])


class TestBuildIndex:
    def test_replaces_what_an_interrupted_build_left(self, committed_floor: Floor) -> None:
        building = BuildIndex("casino", models.Index(F("code"), name="core_casino_built"))
        before = ProjectState.from_apps(committed_floor.casino._meta.apps)
        after = before.clone()
        building.state_forwards("core", after)

        with as_owner(), connection.schema_editor(atomic=False) as editor:
            with pytest.raises(DataError):
                editor.execute("CREATE INDEX CONCURRENTLY core_casino_built ON core_casino ((1 / (id - id)))")
            was_valid = _valid()
            building.database_forwards("core", editor, before, after)
            is_valid = _valid()
            building.database_backwards("core", editor, after, before)

        assert (was_valid, is_valid) == (False, True)
