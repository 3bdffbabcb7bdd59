"""No constraint without a test that sees it refuse."""

import pytest
from django.apps import apps
from django.db import connection

from tests.core import test_constraints as core_constraints
from tests.loyalty import test_constraints as loyalty_constraints
from tests.ratingslips import test_constraints as ratingslips_constraints

TESTED = {
    violation.constraint
    for module in (core_constraints, loyalty_constraints, ratingslips_constraints)
    for violation in module.VIOLATIONS
}

_IN_POSTGRESQL = """
    SELECT conname FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('c', 'u', 'x')
    UNION
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = ANY(%s::regclass[]) AND indisunique AND NOT indisprimary
"""

# For each numeric column, the numeric columns of its table, and the checks that read it and no other kind of column.
_NUMERIC = """
    WITH numeric_columns AS (
        SELECT attrelid, attname, attnum FROM pg_attribute
        WHERE attrelid = ANY(%s::regclass[]) AND atttypid = 'numeric'::regtype AND NOT attisdropped
    ), of_table AS (
        SELECT attrelid, array_agg(attname::text) AS names, array_agg(attnum) AS numbers
        FROM numeric_columns GROUP BY attrelid
    )
    SELECT attrelid::regclass::text, attname, names, array(
        SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
        WHERE conrelid = attrelid AND contype = 'c' AND attnum = ANY(conkey) AND conkey <@ numbers
    )
    FROM numeric_columns JOIN of_table USING (attrelid)
"""

# Django's own check that an unsigned column is not negative; each column also has a narrower constraint of the product.
_NARROWED = {
    "core_casino_backdating_minutes_check",
    "core_casino_longest_play_hours_check",
    "core_signinevent_name_group_check",
    "loyalty_checkpoint_number_check",
    "loyalty_compslipprint_number_check",
    "loyalty_ledger_seq_check",
    "ratingslips_gamesettings_seats_check",
    "ratingslips_gamingtable_seats_check",
    "ratingslips_playsegment_seat_check",
    "ratingslips_playsegment_seq_check",
    "ratingslips_ratingslip_seat_check",
    "ratingslips_slipcorrection_number_check",
}

# Django's user model: not ours.
_OF_DJANGO = {"core_user_username_key"}


def _house_models() -> list[type]:
    return [model for label in ("core", "loyalty", "ratingslips") for model in apps.get_app_config(label).get_models()]


class TestConstraintCoverage:
    def test_holds_for_every_constraint_that_a_model_names(self) -> None:
        named = {constraint.name for model in _house_models() for constraint in model._meta.constraints}  # type: ignore[attr-defined]

        assert named
        assert named - TESTED == set()

    @pytest.mark.django_db
    def test_holds_for_every_constraint_and_unique_index_in_postgresql(self) -> None:
        tables = [model._meta.db_table for model in _house_models()]  # type: ignore[attr-defined]

        with connection.cursor() as cursor:
            cursor.execute(_IN_POSTGRESQL, [tables, tables])
            in_postgresql = {name for (name,) in cursor.fetchall()}

        assert in_postgresql - TESTED - _NARROWED - _OF_DJANGO == set()

    @pytest.mark.django_db
    def test_refuses_nan_in_every_numeric_column(self) -> None:
        tables = [model._meta.db_table for model in _house_models()]  # type: ignore[attr-defined]
        accepted = []

        with connection.cursor() as cursor:
            cursor.execute(_NUMERIC, [tables])
            numeric = cursor.fetchall()
            for table, column, names, checks in numeric:
                values = (f"CASE WHEN '{name}' = '{column}' THEN numeric 'NaN' END AS {name}" for name in names)
                cursor.execute(
                    f"SELECT ARRAY[{', '.join([*checks, 'true'])}] FROM (SELECT {', '.join(values)}) AS {table}"
                )
                ((answers,),) = cursor.fetchall()
                accepted += [] if False in answers else [f"{table}.{column}"]

        assert numeric
        assert accepted == []
