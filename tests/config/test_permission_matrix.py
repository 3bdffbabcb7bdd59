"""The permission matrix is whole: every address and every action has a row, and none has a row that is gone."""

from typing import Any

import pytest
from django.contrib import admin

from core.models import User
from ratingslips.admin.floor.undo import STILL_PLAYING, UNDO
from ratingslips.admin.slips.actions import SLIP_ACTIONS
from ratingslips.admin.slips.money import MONEY_ACTIONS
from tests.config import test_permissions_floor, test_permissions_house, test_permissions_points
from tests.config.matrix.asking import Asking, addresses
from tests.config.matrix.house import ELSEWHERE, TwoCasinos
from tests.config.matrix.table import COLUMNS, Question, asked, read_table
from tests.console import registered

TABLE = test_permissions_floor.TABLE | test_permissions_house.TABLE | test_permissions_points.TABLE
# Their rows belong to no casino, or they only lead on to an address that has rows.
OF_NO_CASINO = (
    "admin:auth_group_",
    "admin:loyalty_checkpoint_",
    "admin:loyalty_ledgerverification_",
    "admin:view_on_site",
)
# What the buttons of the floor's pages of a slip do.
BUTTONS = {
    "slip": {*SLIP_ACTIONS, *MONEY_ACTIONS} - {"recover", "release"},
    "undo": {UNDO, STILL_PLAYING},
}
SHORT = "<path:object_id>/"


def rows_needed() -> set[tuple[str, str, str, str]]:
    """What must have a row: address, action, method, and whose row is asked for."""
    needed = set()
    for name, pattern in addresses():
        has_key = "<" in pattern and "(?P" not in pattern
        is_of_a_casino = has_key and not name.startswith(OF_NO_CASINO) and not name.endswith(SHORT)
        for whose in ("own", "other") if is_of_a_casino else ("own",):
            methods = ("GET",) if name.endswith("_changelist") else ("GET", "POST")
            needed |= {(name, "", method, whose) for method in methods}
    for model, page in registered().items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        site_actions = [action for action, _ in admin.site.actions]
        for action in [*(getattr(one, "__name__", one) for one in page.actions or ()), *site_actions]:
            for whose in ("own",) if name.startswith(OF_NO_CASINO) else ("own", "other"):
                needed.add((name, str(action), "POST", whose))
    buttons = {(name, what) for name, some in BUTTONS.items() for what in some}
    needed |= {(f"floor:{name}", what, "POST", whose) for name, what in buttons for whose in ("own", "other")}
    return needed - {("admin:app_list", "", method, "own") for method in ("GET", "POST")}


def row_of(question: Question) -> tuple[str, str, str, str]:
    return question.address, question.action, question.method, question.whose


class TestMatrix:
    def test_has_a_row_for_every_address_and_every_action(self) -> None:
        missing = sorted(rows_needed() - {row_of(question) for question in TABLE})

        assert not missing, "\n".join(
            ["Say in tests/config/test_permissions_*.py who may do this, in a row for:"]
            + [f"{name} {action and f'action={action} '}{method} {whose}" for name, action, method, whose in missing]
        )

    def test_has_a_row_for_every_part_of_the_index(self) -> None:
        parts = {question.whose for question in TABLE if question.address == "admin:app_list"}

        assert parts == {model._meta.app_label for model in registered()}

    def test_has_no_row_for_an_address_that_is_gone(self) -> None:
        known = {name for name, _ in addresses()}

        gone = [str(question) for question in TABLE if question.address not in known]

        assert not gone, "\n".join(["Take these rows out of tests/config/test_permissions_*.py:", *gone])

    def test_closes_the_deletion_of_what_is_never_deleted(self) -> None:
        deleted = {
            question.group
            for question, cells in TABLE.items()
            if (question.page == "delete" or question.action == "delete_selected") and "done" in cells
        }

        assert deleted == {"admin:auth_group_"}

    def test_keeps_casino_staff_from_writing_in_another_casino(self) -> None:
        writers = {
            column
            for question, cells in TABLE.items()
            if question.whose == "other"
            for column, cell in zip(COLUMNS, cells, strict=True)
            if cell in {"done", "open", "read"}
        }

        assert writers == {"oper", "root"}


@pytest.mark.django_db
class TestAccount:
    @pytest.mark.parametrize("lack", [{"is_active": False}, {"is_staff": False}], ids=["deactivated", "no staff"])
    def test_is_answered_as_if_nobody_were_signed_in(self, lack: dict[str, Any]) -> None:
        house = TwoCasinos.build()
        User.objects.filter(pk=house.staff["root"].pk).update(**lack)
        asking = Asking(house)

        answers = {
            question: asking.answer(question, "root")
            for question in TABLE
            if question.whose == "own" and question.address not in {"admin:login", "admin:logout"}
        }

        assert answers == {question: TABLE[question][0] for question in answers}


class TestShutPage:
    def test_tells_each_column_and_nothing_of_the_other_casino(self, asking: Asking) -> None:
        url = asking.url_of("admin:loyalty_ledgerentry_add")

        answers = {column: asking.get_or_post(url, None, column=column) for column in COLUMNS if column != "anon"}

        assert {answer.status_code for answer in answers.values()} == {403}
        pages = {column: answer.content.decode() for column, answer in answers.items()}
        assert [column for column, page in pages.items() if "<h1>You may not open this page</h1>" not in page] == []
        assert [column for column, page in pages.items() if ELSEWHERE in page] == []


class TestTable:
    def test_tells_alternatives_apart_as_questions(self) -> None:
        words = " ".join(["shut"] * len(COLUMNS))

        table = read_table(f"# columns\n[admin:core_{{player,user}}_]\nadd|delete GET|POST own|other {words}")

        assert len(table) == 16
        assert {question.address for question in table} == {
            f"admin:core_{model}_{page}" for model in ("player", "user") for page in ("add", "delete")
        }

    def test_is_asked_by_four_where_one_word_fits_all(self) -> None:
        question = Question(group="admin:core_player_", page="delete", method="GET", whose="own")

        columns = [asked(question, ["login", *["shut"] * 12], turn=turn) for turn in range(10)]

        assert columns == [["anon", "staff", other, "root"] for other in list(COLUMNS)[2:-1]]
        assert asked(question, ["login", "shut", *["read"] * 11], turn=0) == list(COLUMNS)

    def test_is_asked_in_turn_by_staff_of_another_casino(self) -> None:
        question = Question(group="admin:core_player_", page="change", method="GET", whose="other")

        columns = [asked(question, ["login", "shut", *["gone"] * 9, "open", "open"], turn=turn) for turn in range(9)]

        assert columns == [["anon", "staff", other, "oper", "root"] for other in list(COLUMNS)[2:11]]
