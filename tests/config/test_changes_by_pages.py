"""Whatever a page changes of what decides points or rights is in the change log under its sender and its request."""

from typing import Any

from django.db import transaction

from core.changes.tables import LOGGED
from core.models import Change
from tests.config.matrix.asking import Asking
from tests.config.matrix.house import TwoCasinos
from tests.config.matrix.posts import post_of, prepare
from tests.config.matrix.table import OTHER, Question
from tests.config.test_permission_matrix import TABLE

# Tables that no post of the matrix changes: their fields are left empty there, or they are of a person's own factors.
ELSEWHERE_OR_NEVER = {
    "core_casino_second_factor_roles",
    "core_recoverycode",
    "core_user_groups",
    "core_user_user_permissions",
    "auth_group_permissions",
    "loyalty_tier",
}


def _changes_of(house: TwoCasinos, asking: Asking, question: Question) -> tuple[list[Change], Any]:
    """The changes that a superuser's post makes, and its answer."""
    saved = transaction.savepoint()
    prepare(house, question)
    post, last = post_of(house, question, house.staff["root"]), Change.objects.latest("pk")
    answer = asking.get_or_post(asking.url(question), post, column="root")
    made = list(Change.objects.filter(pk__gt=last.pk))
    transaction.savepoint_rollback(saved)
    return made, answer


class TestChangesByPages:
    def test_name_who_sent_the_form_and_its_request(self, house: TwoCasinos, asking: Asking) -> None:
        changed, wrong = set(), []

        for question, cells in TABLE.items():
            if question.method != "POST" or question.whose == OTHER or cells[-1] != "done":
                continue
            made, answer = _changes_of(house, asking, question)
            changed |= {change.table_name for change in made}
            by = (house.staff["root"].pk, answer.headers["X-Correlation-ID"])
            wrong += [str(question) for change in made if (change.actor_id, str(change.correlation_id)) != by]

        assert wrong == []
        assert changed == LOGGED.keys() - ELSEWHERE_OR_NEVER
