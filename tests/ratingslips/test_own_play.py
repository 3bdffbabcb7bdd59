"""Nobody acts for their own player account, by whatever service, page or batch."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.urls import reverse
from guardian.shortcuts import assign_perm

from core.cards.services import withdraw_card
from core.models import Player, User
from core.permissions import OwnPlay
from core.roles import PIT_SUPERVISOR
from ratingslips.events import SlipVersion
from ratingslips.models import RatingSlip
from ratingslips.services import (
    Act,
    RequestKind,
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    record_buy_in,
    record_chips_out,
    record_play,
    recover_slip_loyalty,
    release_withheld_points,
    resume_rating_slip,
    strike_money_row,
    undo_opening,
)
from tests.console import address, carry_out, html_of, said, send_form, signed_in
from tests.floor import Floor, declared
from tests.refusals import refused

Doing = Callable[[Floor, RatingSlip, User], object]


def _paused(floor: Floor, slip: RatingSlip) -> None:
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=1))


def _closed(floor: Floor, slip: RatingSlip) -> None:
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


def _owed(floor: Floor, slip: RatingSlip) -> None:
    floor.owed_slip(slip)


def _withheld(floor: Floor, slip: RatingSlip) -> None:
    Player.objects.update(status=Player.Status.BARRED)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    Player.objects.update(status=Player.Status.ACTIVE)


ACTS: dict[str, tuple[Callable[[Floor, RatingSlip], object] | None, Doing]] = {
    "pause": (None, lambda floor, slip, me: pause_rating_slip(slip=slip, actor=me, at=floor.now)),
    "resume": (_paused, lambda floor, slip, me: resume_rating_slip(slip=slip, actor=me, at=floor.now)),
    "bet": (
        None,
        lambda floor, slip, me: change_average_bet(slip=slip, average_bet=Decimal(900), actor=me, at=floor.now),
    ),
    "move": (None, lambda floor, slip, me: move_rating_slip(slip=slip, seat=5, actor=me, at=floor.now)),
    "close": (None, lambda floor, slip, me: complete_rating_slip(slip=slip, actor=me, at=floor.now)),
    "chips out": (
        None,
        lambda floor, slip, me: record_chips_out(slip=slip, amount=Decimal(50), actor=me, at=floor.now),
    ),
    "strike": (
        lambda floor, slip: record_buy_in(slip=slip, amount=Decimal(50), actor=floor.boss, at=floor.now),
        lambda floor, slip, me: strike_money_row(
            row=slip.money_rows.get(), reason="Of another player", actor=me, at=floor.now
        ),
    ),
    "undo": (None, lambda floor, slip, me: undo_opening(slip=slip, actor=me, at=floor.now)),
    "continue": (_closed, lambda floor, slip, me: continue_rating_slip(slip=slip, actor=me, at=floor.now)),
    "recover": (_owed, lambda floor, slip, me: recover_slip_loyalty(slip=slip, actor=me, at=floor.now)),
    "release": (
        _withheld,
        lambda floor, slip, me: release_withheld_points(slip=slip, actor=me, at=floor.now, reason="It was a mistake"),
    ),
}


@pytest.fixture
def mine(floor: Floor) -> RatingSlip:
    """A live slip of the second declared card of the supervisor."""
    declared(floor.supervisor, floor.player())
    slip = floor.played_slip()
    declared(floor.supervisor, slip.player)
    return slip


@pytest.mark.django_db
class TestOwnPlay:
    @pytest.mark.parametrize("name", ACTS)
    @pytest.mark.parametrize("is_superuser", [False, True])
    def test_is_refused_to_every_service(self, floor: Floor, mine: RatingSlip, name: str, is_superuser: bool) -> None:
        User.objects.filter(pk=floor.supervisor.pk).update(is_superuser=is_superuser)
        before, act = ACTS[name]
        if before:
            before(floor, mine)

        with refused(OwnPlay):
            act(floor, mine, floor.supervisor)

    def test_is_not_opened(self, floor: Floor) -> None:
        player = floor.player()
        declared(floor.boss, player)

        with refused(OwnPlay):
            open_rating_slip(
                player=player, table=floor.table, seat=1, average_bet=Decimal(40), actor=floor.boss, at=floor.now
            )

    def test_is_not_imported(self, floor: Floor, mine: RatingSlip) -> None:
        new = floor.player()
        declared(floor.supervisor, new)
        opening = Act(
            kind=RequestKind.OPEN,
            at=floor.now,
            player=new.pk,
            table=floor.table.pk,
            seat=4,
            average_bet=Decimal(75),
        )
        change = Act(kind=RequestKind.CHANGE_BET, at=floor.now, average_bet=Decimal(75))
        last = SlipVersion(seq=2, status="OPEN")

        for number, act, version in (("S-9", opening, None), (mine.slip_number, change, last)):
            done = record_play(
                casino=floor.casino, slip_number=number, acts=[act], actor=floor.supervisor, expected_version=version
            )
            assert [error.code for error in done.refusals.values()] == ["OWN_PLAY"]

    def test_is_passed_over_by_a_batch_which_says_so(self, floor: Floor, mine: RatingSlip) -> None:
        other = floor.open_slip(seat=2)
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)

        page = carry_out(client, RatingSlip, "pause", [mine, other])

        assert dict(RatingSlip.objects.values_list("pk", "status")) == {mine.pk: "OPEN", other.pk: "PAUSED"}
        assert any("your own account" in sentence for sentence in said(page))

    def test_is_passed_over_when_all_owed_slips_are_paid(self, floor: Floor, mine: RatingSlip) -> None:
        floor.owed_slip(mine)
        other = floor.owed_slip(floor.played_slip(seat=2))
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)

        page = client.post(reverse("desk:pay"), {"pay": "all", "every": f"{mine.pk},{other.pk}"})

        assert list(RatingSlip.objects.owed()) == [mine]
        assert any("your own account" in sentence for sentence in said(page))

    def test_is_no_account_whose_form_one_sends(self, floor: Floor, mine: RatingSlip) -> None:
        Player.objects.filter(pk=mine.player_id).update(status="BARRED")
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"card_number": mine.player.card_number, "first_name": "A", "last_name": "B", "status": "ACTIVE"}

        send_form(client, address(Player, "change", mine.player_id), typed)

        assert Player.objects.get(pk=mine.player_id).status == "BARRED"

    def test_is_anybodys_after_the_card_was_withdrawn(self, floor: Floor, mine: RatingSlip) -> None:
        assign_perm("core.declare_card", floor.boss)

        withdraw_card(card=mine.player.staff_cards.get(), actor=floor.boss, at=floor.now)

        assert complete_rating_slip(slip=mine, actor=floor.supervisor, at=floor.now).points == 578

    def test_is_a_colleagues_to_record(self, floor: Floor, mine: RatingSlip) -> None:
        assert complete_rating_slip(slip=mine, actor=floor.boss, at=floor.now).points == 578

    def test_is_only_shown_to_oneself(self, floor: Floor, mine: RatingSlip) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)

        on_the_floor = client.get(reverse("floor:slip", args=[mine.pk]))
        in_the_list = client.get(address(RatingSlip, "change", mine.pk))

        assert "a colleague records your own play" in html_of(on_the_floor)
        assert in_the_list.context["slip_actions"] == []
