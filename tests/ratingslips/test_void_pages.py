"""Voiding on the pages: the button on the slip's page and in the list, and the form on the floor."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.console.links import page_url
from core.reasons.defaults import add_default_codes
from core.roles import PIT_BOSS
from loyalty.services import pause_program
from ratingslips.admin.floor.slip_sheet import read_sheet
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import carry_out, html_of, said, signed_in
from tests.floor import Floor
from tests.ratingslips.corrections import (
    REASON,
    close,
    closed,
    correct,
    last_at,
    silver_and_spent,
    spent,
    void,
    withheld,
)
from tests.second_factors import long_ago

BUTTON = 'name="action" value="void"'
FORM = "Void this slip"


def _post(client: Client, slip: RatingSlip, **fields: str) -> Any:
    sheet = read_sheet(slip.pk, now=slip.opened_at)
    assert sheet is not None
    given = {"do": "void", "expected_version": sheet.version, "reason": REASON, "reason_code": ""}
    return client.post(reverse("floor:slip", args=[slip.pk]), given | fields, follow=True)


class TestDesk:
    def test_voids_and_says_what_was_taken_back(self, floor: Floor, supervisor: Client) -> None:
        slip = spent(500)(floor)
        given = {f"{slip.pk}-reason": REASON}

        page = html_of(supervisor.get(page_url(slip)))
        answer = carry_out(supervisor, RatingSlip, "void", [slip], **given)

        assert BUTTON in page
        taken = "78 points taken back; 500 points could not be collected, because the balance is 0."
        assert said(answer) == [f"{slip.slip_number}: void, {taken}"]
        after = html_of(supervisor.get(page_url(slip)))
        assert (">Void</span>" in after, BUTTON in after) == (True, False)

    def test_asks_again_who_takes_points_back(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        long_ago(supervisor)

        answer = carry_out(supervisor, RatingSlip, "void", [slip], **{f"{slip.pk}-reason": REASON})

        assert b"asked-again" in answer.content
        assert RatingSlip.objects.get().is_closed

    def test_offers_nothing_to_who_may_not(self, floor: Floor) -> None:
        boss = signed_in(floor.boss, PIT_BOSS)

        assert BUTTON not in html_of(boss.get(page_url(closed(floor))))

    def test_says_that_a_tier_stays_too_high(self, floor: Floor, supervisor: Client) -> None:
        slip = silver_and_spent(floor)

        answer = carry_out(supervisor, RatingSlip, "void", [slip], **{f"{slip.pk}-reason": REASON})

        kept = f"The tier of {slip.player} stays Silver: without the uncollected points it would be Bronze."
        assert said(answer)[0].endswith(f"because the balance is 0. {kept}")


class TestFloor:
    @pytest.mark.parametrize(("minutes", "offered"), [(9, True), (11, False)])
    def test_lets_a_boss_void_what_they_have_just_opened(self, floor: Floor, minutes: int, offered: bool) -> None:
        add_default_codes(floor.casino.pk)
        slip, boss = floor.open_slip(at=floor.ago(minutes=minutes)), signed_in(floor.boss, PIT_BOSS)

        page = html_of(boss.get(reverse("floor:slip", args=[slip.pk])))
        answer = _post(boss, slip, reason="", reason_code="WRONG_SEAT")

        assert (FORM in page) == offered
        slip.refresh_from_db()
        kept = slip.corrections.values_list("reason_code", flat=True)
        assert (slip.is_void, list(kept)) == (offered, ["WRONG_SEAT"] if offered else [])
        words = "it had no points yet, and its seat is free" if offered else "Can correct rating slips"
        assert words in html_of(answer)
        assert ("Voided at" in html_of(answer), "Closed at" in html_of(answer)) == (offered, False)

    def test_shows_a_refusal_beside_what_was_typed(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.open_slip()

        answer = html_of(_post(supervisor, slip, reason="short"))

        assert ("10 to 500 characters" in answer, "short</textarea>" in answer) == (True, True)

    @pytest.mark.parametrize("change", [close, void])
    def test_tells_what_happened_meanwhile(
        self, floor: Floor, supervisor: Client, change: Callable[[Floor, RatingSlip], object]
    ) -> None:
        slip = floor.played_slip()
        sheet = read_sheet(slip.pk, now=floor.now)
        assert sheet is not None
        change(floor, slip)

        answer = _post(supervisor, slip, expected_version=sheet.version)

        assert "changed while this page was open" in html_of(answer)

    @pytest.mark.parametrize("make", [Floor.open_slip, closed])
    def test_asks_only_who_takes_back_points_who_they_are(
        self, floor: Floor, supervisor: Client, make: Callable[[Floor], RatingSlip]
    ) -> None:
        slip = make(floor)
        is_closed = slip.is_closed
        long_ago(supervisor)

        answers = [html_of(_post(supervisor, slip)) for _ in range(2)]

        slip.refresh_from_db()
        assert ['name="asked-again"' in answer for answer in answers] == [is_closed] * 2
        assert slip.is_void != is_closed

    def test_says_that_a_slip_closed_before_was_corrected(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        correct(floor, slip, last_at(slip, 200))

        answer = carry_out(supervisor, RatingSlip, "complete", [slip])

        assert "was corrected since and is now worth theo 84.00, 840 points" in said(answer)[0]
        page = html_of(supervisor.get(reverse("floor:slip", args=[slip.pk])))
        assert '<span class="figure">840</span></strong> points</p> <p>Corrected since: 578 points were posted' in page
        assert "New balance" not in page

    @pytest.mark.parametrize(
        ("is_owed", "words"),
        [(False, ", no points: the player was barred, so they are withheld."), (True, ".")],
        ids=["withheld", "owed"],
    )
    def test_says_that_an_unpaid_slip_was_corrected(
        self, floor: Floor, supervisor: Client, is_owed: bool, words: str
    ) -> None:
        slip = floor.owed_slip() if is_owed else withheld(floor)
        correct(floor, slip, last_at(slip, 200))

        answer = carry_out(supervisor, RatingSlip, "complete", [slip])

        assert f"was corrected since and is now worth theo 84.00{words}" in said(answer)[0]

    @pytest.mark.parametrize(
        ("is_owed", "words"),
        [(False, "was voided since and counts nowhere"), (True, "was voided since: nothing is owed for it any more.")],
        ids=["credited", "owed"],
    )
    def test_says_that_a_slip_closed_before_is_void(
        self, floor: Floor, boss: Client, is_owed: bool, words: str
    ) -> None:
        slip, sent = floor.played_slip(), {"do": "complete", "request_id": str(uuid4())}
        if is_owed:
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=REASON)
        _post(boss, slip, **sent)
        void(floor, slip, at=timezone.now())

        answer = _post(boss, slip, **sent)

        assert words in html_of(answer)
        assert "will be paid by recovery" not in html_of(answer)


class TestMoney:
    def test_of_a_void_slip_is_void_on_every_page(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.played_slip(buy_in=Decimal(500))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal(120))
        pages = [
            reverse("floor:slip", args=[slip.pk]),
            page_url(slip),
            reverse("trace:story", args=[slip.correlation_id]),
        ]
        before = [html_of(supervisor.get(page)) for page in pages]
        void(floor, slip)

        after = [html_of(supervisor.get(page)) for page in pages]

        for words in ("Buy-in 500.00, cash", "Chips out 120.00"):
            struck = [re.search(f"<s>(<a [^>]*>)?[^<]*{words}", page) is not None for page in before + after]
            assert struck == [False] * 3 + [True] * 3
        assert [">500<" in page or ">500.00<" in page for page in before[:2] + after[:2]] == [True, True, False, False]
        assert ["void with the slip" in page for page in before + after] == [False] * 3 + [True] * 3
