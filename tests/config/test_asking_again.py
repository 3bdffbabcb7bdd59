"""Every form that does something says whether its sender is asked again who they are."""

from typing import Final

from django.db import transaction
from django.test import Client

from tests.config.matrix.asking import Asking
from tests.config.matrix.house import House
from tests.config.matrix.posts import post_of, prepare
from tests.config.matrix.table import COLUMNS, Question
from tests.config.test_permission_matrix import TABLE
from tests.second_factors import long_ago

# What grants, exports or takes points back. An award asks above the limit of its casino.
ASKED: Final = frozenset(
    {
        "admin:auth_group_add",
        "admin:auth_group_change",
        "admin:auth_group_changelist:delete_selected",
        "admin:auth_group_delete",
        "admin:auth_user_password_change",
        "admin:core_casino_add",
        "admin:core_casino_change",
        "admin:core_user_add",
        "admin:core_user_change",
        "admin:loyalty_ledgerentry_export",
        "admin:loyalty_ledgerentry_reverse",
        "admin:loyalty_playerloyalty_adjust",
        "admin:core_change_export",
        "admin:loyalty_loyaltyprogram_permissions_manage_group",
        "admin:loyalty_loyaltyprogram_permissions_manage_user",
        "admin:ratingslips_pit_permissions_manage_group",
        "admin:ratingslips_pit_permissions_manage_user",
        "factors:reset",
    }
)
NOT_ASKED: Final = frozenset(
    {
        "admin:core_reasoncode_add",
        "admin:core_reasoncode_change",
        "admin:core_player_add",
        "admin:core_player_change",
        "admin:core_signinevent_locks",
        "admin:core_staffcard_changelist:withdraw",
        "admin:core_staffcard_declare",
        "admin:login",
        "admin:logout",
        "admin:loyalty_earningrate_add",
        "admin:loyalty_loyaltyprogram_change",
        "admin:loyalty_loyaltyprogram_pause",
        "admin:loyalty_loyaltyprogram_resume",
        "admin:loyalty_playerloyalty_award",
        "admin:password_change",
        "admin:ratingslips_gamesettings_add",
        "admin:ratingslips_gamesettings_change",
        "admin:ratingslips_gamesettings_values",
        "admin:ratingslips_gamingtable_add",
        "admin:ratingslips_gamingtable_change",
        "admin:ratingslips_pit_add",
        "admin:ratingslips_pit_change",
        "admin:ratingslips_ratingslip_changelist:change_bet",
        "admin:ratingslips_ratingslip_changelist:complete",
        "admin:ratingslips_ratingslip_changelist:move",
        "admin:ratingslips_ratingslip_changelist:pause",
        "admin:ratingslips_ratingslip_changelist:recover",
        "admin:ratingslips_ratingslip_changelist:release",
        "admin:ratingslips_ratingslip_changelist:resume",
        "admin:ratingslips_ratingslip_open",
        "admin:sessions",
        "desk:check_drift",
        "desk:namesake",
        "desk:pay",
        "floor:seat",
        "floor:slip",
    }
)


def name_of(question: Question) -> str:
    return f"{question.address}:{question.action}".rstrip(":")


FORMS: Final = {
    name_of(question): (question, list(COLUMNS)[cells.index("done")])
    for question, cells in TABLE.items()
    if "done" in cells and question.whose != "other"
}


class TestEveryForm:
    def test_is_named_once(self) -> None:
        assert sorted(ASKED | NOT_ASKED) == sorted(FORMS)
        assert not ASKED.intersection(NOT_ASKED)

    def test_asks_before_it_grants_or_exports(self, asking: Asking, house: House) -> None:
        asked = {name for name, (question, column) in FORMS.items() if asks(asking, house, question, column)}

        assert asked == ASKED


def asks(asking: Asking, house: House, question: Question, column: str) -> bool:
    """Whether the form of `question` is answered by the page that asks, in a session that was asked long ago."""
    if column == "anon":
        return False
    saved = transaction.savepoint()
    client = Client()
    client.cookies["sessionid"] = house.sessions[column]
    long_ago(client)
    prepare(house, question)
    post = post_of(house, question, house.staff[column])
    answer = asking.get_or_post(asking.url_of(question.address), post, column=column)
    transaction.savepoint_rollback(saved)
    return not answer.streaming and b'name="asked-again"' in answer.content
