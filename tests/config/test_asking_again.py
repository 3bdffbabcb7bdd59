"""Every form that does something says whether its sender is asked again who they are; if it has a reason, by a code."""

from typing import Any, Final

from django.apps import apps
from django.db import transaction
from django.test import Client

from ratingslips.models import SlipRequest
from tests.config.matrix.asking import Asking
from tests.config.matrix.house import TwoCasinos
from tests.config.matrix.posts import post_of, prepare
from tests.config.matrix.table import COLUMNS, Question
from tests.config.test_permission_matrix import TABLE
from tests.second_factors import long_ago

# What grants, exports or takes points back. Awards and redemptions ask above the limit of their casino.
ASKED: Final = frozenset(
    {
        "admin:auth_group_add",
        "admin:auth_group_change",
        "admin:auth_group_delete",
        "admin:auth_user_password_change",
        "admin:core_casino_add",
        "admin:core_casino_change",
        "admin:core_user_add",
        "admin:core_user_change",
        "admin:loyalty_comptype_month_export",
        "admin:loyalty_ledgerentry_export",
        "admin:loyalty_ledgerentry_reverse",
        "admin:loyalty_playerloyalty_adjust",
        "admin:core_change_export",
        "admin:loyalty_loyaltyprogram_permissions_manage_group",
        "admin:loyalty_loyaltyprogram_permissions_manage_user",
        "admin:ratingslips_pit_permissions_manage_group",
        "admin:ratingslips_pit_permissions_manage_user",
        "admin:ratingslips_ratingslip_changelist:void",
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
        "admin:loyalty_comptype_add",
        "admin:loyalty_comptype_change",
        "admin:loyalty_earningrate_add",
        "admin:loyalty_ledgerentry_comp_slip",
        "admin:loyalty_loyaltyprogram_change",
        "admin:loyalty_loyaltyprogram_pause",
        "admin:loyalty_loyaltyprogram_resume",
        "admin:loyalty_playerloyalty_award",
        "admin:loyalty_playerloyalty_redeem",
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
        "admin:ratingslips_ratingslip_correct",
        "admin:ratingslips_ratingslip_open",
        "admin:sessions",
        "desk:check_drift",
        "desk:namesake",
        "desk:pay",
        "floor:seat",
        "floor:slip:buy_in",
        "floor:slip:change_bet",
        "floor:slip:chips_out",
        "floor:slip:complete",
        "floor:slip:move",
        "floor:slip:pause",
        "floor:slip:resume",
        "floor:slip:strike",
        "floor:slip:void",
        "floor:undo:still_playing",
        "floor:undo:undo",
        "floor:wrong_player",
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

    def test_asks_before_it_grants_or_exports(self, asking: Asking, house: TwoCasinos) -> None:
        asked = {name for name, (question, column) in FORMS.items() if asks(asking, house, question, column)}

        assert asked == ASKED


def asks(asking: Asking, house: TwoCasinos, question: Question, column: str) -> bool:
    """Whether the form of `question` is answered by the page that asks, in a session that was asked long ago."""
    if column == "anon":
        return False
    saved = transaction.savepoint()
    client = Client()
    client.cookies["sessionid"] = house.sessions[column]
    long_ago(client)
    prepare(house, question)
    post = post_of(house, question, house.staff[column])
    answer = asking.get_or_post(asking.url(question), post, column=column)
    transaction.savepoint_rollback(saved)
    return not answer.streaming and b'name="asked-again"' in answer.content


CODE: Final = "reason_code"
# Each model that keeps reason codes, and its columns for them.
KEEPING: Final = {
    model: names
    for model in apps.get_models()
    if (names := [column.attname for column in model._meta.concrete_fields if column.attname.endswith(CODE)])
}


def with_reason() -> dict[tuple[str, Any], tuple[Any, bool]]:
    """The rows that keep why a person did something, each with whether it has a code."""
    rows: dict[tuple[str, Any], tuple[Any, bool]] = {
        (model._meta.label, row["pk"]): (row, any(row[name] for name in names))
        for model, names in KEEPING.items()
        for row in model._default_manager.values("pk", *(column.attname for column in model._meta.concrete_fields))
        if row["reason"] and row.get("kind") != "GAMEPLAY"
    }
    for request in SlipRequest.objects.filter(contents__has_key="reason").values():
        rows[SlipRequest._meta.label, request["id"]] = (request, bool(request["contents"].get(CODE)))
    return rows


def written(asking: Asking, house: TwoCasinos, question: Question, post: Any, column: str) -> list[tuple[Any, bool]]:
    """The rows among those of `with_reason` that the form writes or changes."""
    saved = transaction.savepoint()
    prepare(house, question)
    before = with_reason()
    asking.get_or_post(asking.url(question), post, column=column)
    rows = [row for key, row in with_reason().items() if row != before.get(key)]
    transaction.savepoint_rollback(saved)
    return rows


class TestEveryReason:
    def test_is_written_with_a_code_that_the_form_asks_for(self, asking: Asking, house: TwoCasinos) -> None:
        writing, without, unasked = set(), set(), set()

        for name, (question, column) in FORMS.items():
            if column == "anon":
                continue
            post = post_of(house, question, house.staff[column])
            rows = written(asking, house, question, post, column)
            writing |= {name} if rows else set()
            without |= {name} if not all(has_code for _, has_code in rows) else set()
            rest = {field: value for field, value in post.items() if not field.endswith(CODE)}
            if len(rest) < len(post) and written(asking, house, question, rest, column):
                unasked.add(name)

        assert writing >= {
            "admin:loyalty_ledgerentry_reverse",
            "admin:loyalty_loyaltyprogram_pause",
            "admin:loyalty_loyaltyprogram_resume",
            "admin:loyalty_playerloyalty_adjust",
            "admin:loyalty_playerloyalty_award",
            "admin:loyalty_playerloyalty_redeem",
            "admin:ratingslips_ratingslip_changelist:release",
            "admin:ratingslips_ratingslip_correct",
        }
        assert (without, unasked) == (set(), set())
