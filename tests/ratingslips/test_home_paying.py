"""Paying what is owed from the home page: one, some or all, once, and each slip answering for itself."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from core.console import time_budget
from core.console.time_budget import BUDGET_SECONDS
from loyalty.models import LedgerEntry, LoyaltyProgram
from loyalty.services import pause_program
from ratingslips.admin.home.attention import MAX_PAID_AT_ONCE
from ratingslips.models import RatingSlip
from tests.console import address, said
from tests.floor import Floor
from tests.ratingslips.test_home import HOME, REASON, owe


def pay(client: Client, **post: Any) -> list[str]:
    """What the page said after the post, which leads home."""
    answer = client.post(reverse("desk:pay"), post)
    assert answer.status_code == 302
    assert answer.url == HOME  # type: ignore[attr-defined]
    return said(answer)


class TestPayOwed:
    def test_pays_one_slip(self, floor: Floor, supervisor: Client) -> None:
        slip, other = owe(floor, seats=range(1, 3))

        told = pay(supervisor, slip=slip.pk)

        entry = LedgerEntry.objects.get()
        assert told == [f"{slip.slip_number}: {entry.points:,} points paid, balance {entry.balance_after:,}."]
        assert [left.pk for left in RatingSlip.objects.owed()] == [other.pk]
        assert RatingSlip.objects.get(pk=slip.pk).recovered_by == floor.supervisor

    def test_pays_those_chosen(self, floor: Floor, supervisor: Client) -> None:
        first, second, third = owe(floor, seats=range(1, 4))

        told = pay(supervisor, pay="chosen", chosen=[first.pk, third.pk])

        assert told[0].startswith("2 slips paid, ")
        assert [left.pk for left in RatingSlip.objects.owed()] == [second.pk]

    def test_pays_all_that_the_page_listed(self, floor: Floor, supervisor: Client) -> None:
        slips = owe(floor, seats=range(1, 4))
        every = ",".join(supervisor.get(HOME).context["owed"].payable)

        told = pay(supervisor, pay="all", every=every)

        assert len(told) == 1
        assert all(slip.slip_number in told[0] for slip in slips)
        assert (RatingSlip.objects.owed().count(), LedgerEntry.objects.count()) == (0, 3)

    def test_pays_nothing_twice_when_it_is_clicked_twice(self, floor: Floor, supervisor: Client) -> None:
        slips = owe(floor, seats=range(1, 3))
        post = {"pay": "all", "every": ",".join(str(slip.pk) for slip in slips)}
        pay(supervisor, **post)

        told = pay(supervisor, **post)

        assert "Already paid before, nothing was added" in told[-1]
        assert all(slip.slip_number in told[-1] for slip in slips)
        assert LedgerEntry.objects.count() == 2

    def test_is_refused_to_an_auditor_slip_by_slip(self, floor: Floor, auditor: Client) -> None:
        [slip] = owe(floor)

        told = pay(auditor, slip=slip.pk)

        assert told[0].startswith(f"Not paid, still owed: {slip.slip_number}. You do not hold the permission")
        assert not LedgerEntry.objects.exists()

    def test_names_the_slips_that_failed_and_pays_the_others(self, floor: Floor, supervisor: Client) -> None:
        first, second = owe(floor, seats=range(1, 3))
        live = floor.open_slip(seat=3)

        told = pay(supervisor, pay="chosen", chosen=[first.pk, live.pk, second.pk, uuid4(), "nonsense"])

        assert told[0].startswith("2 slips paid")
        assert told[1].startswith(f"Not paid, still owed: {live.slip_number}.")
        assert told[2].startswith("2 of the chosen slips cannot be found")
        assert LedgerEntry.objects.count() == 2

    def test_gives_one_answer_for_one_reason(self, floor: Floor, supervisor: Client) -> None:
        slips = owe(floor, seats=range(1, 4))
        pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.now)

        told = pay(supervisor, pay="chosen", chosen=[slip.pk for slip in slips])

        assert len(told) == 1
        assert all(slip.slip_number in told[0] for slip in slips)
        assert "paused" in told[0]

    def test_names_the_slips_that_it_did_not_reach_in_time(
        self, floor: Floor, supervisor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = owe(floor, seats=range(1, 3))
        ticks = iter([0.0, 1.0, BUDGET_SECONDS + 1.0])
        monkeypatch.setattr(time_budget, "monotonic", lambda: next(ticks))

        told = pay(supervisor, pay="chosen", chosen=[first.pk, second.pk])

        [left] = RatingSlip.objects.owed()
        assert told[1] == f"Not reached in time, still owed: {left.slip_number}. Pay them again to continue."

    def test_pays_nothing_where_too_many_were_asked_for(self, floor: Floor, supervisor: Client) -> None:
        [slip] = owe(floor)
        every = ",".join([str(slip.pk), *(str(uuid4()) for _ in range(MAX_PAID_AT_ONCE))])

        told = pay(supervisor, pay="all", every=every)

        assert told == [f"At most {MAX_PAID_AT_ONCE} slips can be paid at once. Nothing was paid."]
        assert RatingSlip.objects.owed().count() == 1

    @pytest.mark.parametrize("post", [{}, {"pay": "all"}, {"pay": "chosen"}, {"pay": "everything", "every": "x"}])
    def test_asks_for_a_choice_where_there_is_none(
        self, floor: Floor, supervisor: Client, post: dict[str, str]
    ) -> None:
        assert pay(supervisor, **post) == ["Nothing was paid: choose at least one slip first."]

    def test_pays_nothing_when_it_is_only_looked_at(self, floor: Floor, supervisor: Client) -> None:
        owe(floor)

        answer = supervisor.get(reverse("desk:pay"))

        assert said(answer) == ["Nothing was paid: choose again what to pay."]
        assert RatingSlip.objects.owed().count() == 1


class TestResume:
    def test_leads_to_what_is_owed(self, floor: Floor, supervisor: Client) -> None:
        owe(floor, seats=range(1, 3))
        pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.now)

        typed = {"reason": "The tiers are migrated"}
        page = supervisor.post(address(LoyaltyProgram, "resume", floor.program.pk), typed, follow=True)

        html = page.content.decode()
        assert page.redirect_chain == [(HOME, 302)]
        assert "Harbour Rewards: resumed." in html
        assert "Pay 2 slips now" in html
