"""Least rights: what the database's roles lack, given to them."""

from config.localdb.roles import APPLICATION, READER
from tests.guards.guard import Guard, Kind, edit

_ROLES = "tests/config/test_database_roles.py"


def _given(what: str, *, to: str, by: str) -> Guard:
    return Guard(
        name=f"{to} lacks {what}",
        kind=Kind.ROLE,
        sql=f"GRANT {what} TO {to}",
        claimed_by=(f"{_ROLES}::{by}::test_may_not", f"{_ROLES}::TestRights::test_are_those_of_the_database"),
    )


ROLES = (
    *(
        _given(what, to=APPLICATION, by="TestApplication")
        for what in (
            "UPDATE ON loyalty_ledger",
            "DELETE ON loyalty_ledger",
            "TRUNCATE ON loyalty_ledger",
            "CREATE ON SCHEMA public",
        )
    ),
    *(
        _given(what, to=READER, by="TestReader")
        for what in ("UPDATE ON loyalty_ledger", "SELECT ON core_user", "SELECT ON django_session")
    ),
    Guard(
        name="a role with a right too many is warned of",
        kind=Kind.ROLE,
        edits=edit("config/database/checks.py", "        if may_do_too_much:\n", "        if False:\n"),
        claimed_by=(
            f"{_ROLES}::TestCheckApplicationOwnsNothing::test_warns_of_the_owner",
            f"{_ROLES}::TestCheckApplicationOwnsNothing::test_warns_of_a_right_too_many",
        ),
    ),
    Guard(
        name="a right too many is taken at the next migration",
        kind=Kind.ROLE,
        edits=edit("config/database/grants.py", "REVOKE ALL ON {} FROM {}", "REVOKE REFERENCES ON {} FROM {}"),
        claimed_by=(f"{_ROLES}::TestSetRights::test_takes_what_is_too_much",),
    ),
)
