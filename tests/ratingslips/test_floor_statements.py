"""The statements that the floor's pages send, for each act besides those of its service."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.floor import Floor
from tests.statements import assert_at_most, statements_of

MOST_OF_A_PAGE_AROUND_AN_ACT = 4  # the session with its member of staff, the origin, and two for what the act is about

ACTS: dict[str, dict[str, Any]] = {
    "pause": {},
    "resume": {},
    "change_bet": {"average_bet": "80"},
    "move": {"to": "{table}:5"},
    "buy_in": {"amount": "100", "means": "CASH", "expected_rows": "1"},
    "chips_out": {"amount": "100", "expected_rows": "1"},
    "strike": {"row": "{row}", "reason": "Counted twice by me"},
    "complete": {"means": "CASH", "expected_rows": "1"},
    "void": {"reason": "Opened at the wrong table"},
}


@pytest.fixture
def slip(floor: Floor) -> RatingSlip:
    return floor.open_slip(buy_in=Decimal(500), at=floor.ago(minutes=3))


def _around_the_service(act: Callable[[], Any]) -> list[str]:
    """The statements before and after the transaction of the one service that `act` calls."""
    answers = []
    statements = statements_of(lambda: answers.append(act()))
    assert answers[0].status_code == 302, answers[0].content.decode()
    begins = next(number for number, sql in enumerate(statements) if sql.startswith("SAVEPOINT"))
    ends = max(number for number, sql in enumerate(statements) if sql.startswith("RELEASE SAVEPOINT"))
    return statements[:begins] + statements[ends + 1 :]


class TestStatementsAroundAnAct:
    @pytest.mark.parametrize("do", ACTS)
    def test_on_a_slip_are_few(self, floor: Floor, boss: Client, slip: RatingSlip, do: str) -> None:
        if do == "resume":
            pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=1))
        page = reverse("floor:slip", args=[slip.pk])
        version = boss.get(page).context["sheet"].version
        keys = {"table": floor.table.pk, "row": slip.money_rows.values_list("pk", flat=True)[0]}
        typed = {name: str(value).format(**keys) for name, value in ACTS[do].items()}
        sent = {"do": do, "request_id": str(uuid4()), "expected_version": version, **typed}

        assert_at_most(MOST_OF_A_PAGE_AROUND_AN_ACT, _around_the_service(lambda: boss.post(page, sent)))

    def test_of_opening_are_few(self, floor: Floor, boss: Client) -> None:
        page = reverse("floor:seat", args=[floor.table.pk, 5])
        sent = {"player": floor.player().pk, "average_bet": "100", "request_id": str(uuid4())}

        assert_at_most(MOST_OF_A_PAGE_AROUND_AN_ACT, _around_the_service(lambda: boss.post(page, sent)))

    @pytest.mark.parametrize("do", ["undo", "still_playing"])
    def test_of_undoing_are_few(self, floor: Floor, boss: Client, slip: RatingSlip, do: str) -> None:
        if do == "still_playing":
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        page = reverse("floor:undo", args=[slip.pk])

        assert_at_most(MOST_OF_A_PAGE_AROUND_AN_ACT, _around_the_service(lambda: boss.post(page, {"do": do})))


class TestStatementsOfAPage:
    @pytest.mark.parametrize(("name", "most"), [("pit", 6), ("slip", 12), ("seat", 10)])
    def test_are_few(self, floor: Floor, boss: Client, slip: RatingSlip, name: str, most: int) -> None:
        about: dict[str, list[Any]] = {"pit": [floor.pit.pk], "slip": [slip.pk], "seat": [floor.table.pk, 5]}
        address = reverse(f"floor:{name}", args=about[name])
        complete_rating_slip(slip=floor.open_slip(seat=3, at=floor.ago(minutes=9)), actor=floor.boss, at=floor.now)
        boss.get(address)

        assert_at_most(most, statements_of(lambda: boss.get(address)))
