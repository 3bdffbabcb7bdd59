"""Pages that send requests: the answer after the commit, an unknown outcome, and a page that is sent again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from structlog.testing import capture_logs

from core.errors import OutcomeUnknown
from core.models import Player
from core.roles import PIT_BOSS
from ratingslips.admin.floor import seat as seat_page
from ratingslips.admin.slips import actions
from ratingslips.models import RatingSlip
from ratingslips.services import change_average_bet, open_rating_slip, pause_rating_slip
from tests.console import address, said, signed_in, versions_shown
from tests.floor import Floor


@contextmanager
def failing_after_commit() -> Iterator[list[str]]:
    """Let the first read of requests outside a transaction be cancelled, as a statement timeout would."""
    failed: list[str] = []

    def fail(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "ratingslips_sliprequest" in sql and sql.startswith("SELECT") and "correlation_id" in sql.split("WHERE")[1]:
            failed.append(sql)
            raise OperationalError("canceling statement due to statement timeout")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield failed


class TestAnswerAfterTheCommit:
    @pytest.mark.django_db
    def test_says_that_it_paused_if_the_next_read_fails(self, boss: Client, slip: RatingSlip) -> None:
        post = {"action": "pause", "_selected_action": [str(slip.pk)], "request_id": str(uuid4()), "confirmed": "yes"}

        with failing_after_commit():
            answer = boss.post(address(RatingSlip, "changelist"), post | versions_shown([slip]))

        slip.refresh_from_db()
        assert slip.status == "PAUSED"
        assert any("paused" in sentence for sentence in said(answer)), said(answer)

    @pytest.mark.django_db
    def test_shows_the_floor_if_the_read_after_opening_fails(self, floor: Floor, player: Player) -> None:
        client = signed_in(floor.boss, PIT_BOSS)
        client.raise_request_exception = False
        post = {"player": str(player.pk), "average_bet": "40.00", "buy_in": "", "request_id": str(uuid4())}

        with failing_after_commit():
            answer = client.post(reverse("floor:seat", args=[floor.table.pk, 3]), post)

        assert RatingSlip.objects.count() == 1
        assert answer.status_code == 302


class TestRepeatedRequest:
    @pytest.mark.django_db
    @pytest.mark.parametrize("act", ["open", "pause"])
    def test_leaves_a_line_in_the_log(self, floor: Floor, act: str) -> None:
        request_id = uuid4()
        if act == "open":
            what: dict[str, Any] = {"player": floor.player(), "request_id": request_id}
            call: Callable[[], Any] = lambda: floor.open_slip(**what)  # noqa: E731
        else:
            slip = floor.open_slip()
            call = lambda: pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id)  # noqa: E731
        call()

        with capture_logs() as lines:
            call()

        assert [line["event"] for line in lines] != []


class TestOutcomeUnknown:
    @pytest.mark.django_db
    def test_of_an_opening_is_answered_by_the_same_page(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The commit was applied, and no attempt could look: the person is asked to look, or sends the page again."""
        player = floor.player()
        client = signed_in(floor.boss, PIT_BOSS)
        url = reverse("floor:seat", args=[floor.table.pk, 3])
        post = {"player": str(player.pk), "average_bet": "40.00", "buy_in": ""}

        def open_and_lose_answer(**arguments: Any) -> RatingSlip:
            open_rating_slip(**arguments)
            raise OutcomeUnknown

        monkeypatch.setattr(seat_page, "open_rating_slip", open_and_lose_answer)
        first = client.post(url, post | {"request_id": str(uuid4())})
        assert first.status_code == 200
        monkeypatch.undo()
        again = client.post(url, post | {"request_id": str(first.context["request_id"])})

        assert again.status_code == 302, "Player has a live slip"
        assert "Nothing was done twice" in said(again)[0]


@pytest.mark.django_db
class TestClosingSentAgainWithOtherAmounts:
    def test_names_only_what_changed_since_the_page_was_shown(self, floor: Floor, boss: Client) -> None:
        """The back button, then another amount."""
        slip = floor.played_slip()
        url, post = reverse("floor:slip", args=[slip.pk]), {"do": "complete", "request_id": str(uuid4())}
        post["expected_version"] = boss.get(url).context["sheet"].version
        boss.post(url, post | {"buy_in": "", "chips_out": ""})

        again = boss.post(url, post | {"buy_in": "", "chips_out": "120"})

        told = [change.kind for change in again.context["changes"] or []] if again.status_code == 409 else []
        assert "opened" not in told

    def test_says_that_the_amounts_were_not_saved(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        url, post = reverse("floor:slip", args=[slip.pk]), {"do": "complete", "request_id": str(uuid4())}
        boss.post(url, post | {"buy_in": "", "chips_out": ""})

        again = boss.post(url, post | {"buy_in": "", "chips_out": "120"})

        assert "not saved" in " ".join(said(again)) + again.content.decode()


@pytest.mark.django_db
class TestUnknownOutcomeOnTheFloor:
    def test_of_a_bet_is_answered_by_the_same_page(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The commit was applied and its answer lost; the page comes back with another id than the one it was sent."""
        slip = floor.open_slip()
        client = signed_in(floor.boss, PIT_BOSS)
        url = reverse("floor:slip", args=[slip.pk])
        post = {"do": "change_bet", "average_bet": "50", "expected_version": "1-OPEN"}

        def change_and_lose_answer(**arguments: Any) -> RatingSlip:
            change_average_bet(**arguments)
            raise OutcomeUnknown

        monkeypatch.setattr(actions, "change_average_bet", change_and_lose_answer)
        first = client.post(url, post | {"request_id": str(uuid4())})
        monkeypatch.undo()
        again = client.post(url, post | {"request_id": str(first.context["request_id"])})

        assert again.status_code == 302
        assert "Nothing was done twice" in said(again)[0]
