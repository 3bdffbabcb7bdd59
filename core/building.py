"""A migration operation that builds an index while the table is read and written."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class BuildIndex(AddIndexConcurrently):
    """Build an index concurrently, in a migration with `atomic = False`.

    An interrupted build leaves an invalid index, which is dropped when the migration runs again.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.database_backwards(app_label, schema_editor, from_state, to_state)
        super().database_forwards(app_label, schema_editor, from_state, to_state)
