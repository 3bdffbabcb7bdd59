"""Points of a player who is not active when the slip closes are withheld, and can be released once, with a reason."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import remove_perm

from core import correlation
from core.console.links import list_url, page_url
from core.errors import DomainError
from core.models import Player, ReasonCode
from core.permissions import NotPermitted
from core.reasons.codes import InvalidReasonCode
from core.reasons.defaults import add_default_codes
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import InvalidReason, ProgramPaused, pause_program
from ratingslips.admin.trace.story import story_of
from ratingslips.models import RatingSlip
from ratingslips.services import (
    NothingWithheld,
    OwnPlay,
    PlayerNotActive,
    SlipSettlement,
    complete_rating_slip,
    recover_slip_loyalty,
    release_withheld_points,
)
from tests.concurrency import held, made_to_wait
from tests.console import address, carry_out, html_of, said, signed_in, versions_shown
from tests.constraints import refused_by_trigger
from tests.floor import Floor, declared
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of, entry, of_play
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import correct, last_at
from tests.refusals import refused

REASON = "Barred by mistake, see the security log"


def _set_status(player: Player, status: str = "BARRED") -> None:
    Player.objects.filter(pk=player.pk).update(status=status)


def _close(floor: Floor, slip: RatingSlip) -> SlipSettlement:
    return complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now)


def _release(floor: Floor, slip: RatingSlip, **changes: Any) -> SlipSettlement:
    arguments: dict[str, Any] = {"actor": floor.supervisor, "reason": REASON, "at": floor.now}
    return release_withheld_points(slip=slip.pk, **(arguments | changes))


@pytest.fixture
def withheld(floor: Floor) -> RatingSlip:
    """The worked example's slip, withheld for a player who was barred and is active again."""
    return _another_withheld(floor)


def _another_withheld(floor: Floor, **arguments: Any) -> RatingSlip:
    slip = floor.played_slip(**arguments)
    _set_status(slip.player)
    _close(floor, slip)
    _set_status(slip.player, "ACTIVE")
    return RatingSlip.objects.get(pk=slip.pk)


class TestClosing:
    @pytest.mark.parametrize("status", ["BARRED", "INACTIVE"])
    def test_withholds_the_points_of_a_player_who_is_not_active(self, floor: Floor, status: str) -> None:
        slip = floor.played_slip()
        _set_status(slip.player, status)

        settlement = _close(floor, slip)

        kept = RatingSlip.objects.get(pk=slip.pk)
        assert (settlement.points, settlement.withheld_because) == (0, status)
        assert (kept.theoretical_win, kept.settled_at, kept.withheld_because) == (
            settlement.theoretical_win,
            floor.now,
            status,
        )
        assert (kept.is_withheld, kept.is_owed, LedgerEntry.objects.exists()) == (True, False, False)
        assert broken_invariants() == {}

    def test_withholds_nothing_of_play_worth_nothing(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.now)
        _set_status(slip.player)

        assert _close(floor, slip).withheld_because == ""

    def test_decides_for_ever(self, floor: Floor, withheld: RatingSlip) -> None:
        assert _close(floor, withheld).withheld_because == "BARRED"
        assert recover_slip_loyalty(slip=withheld, actor=floor.supervisor, at=floor.now).points == 0
        assert not RatingSlip.objects.owed().exists()

    def test_leaves_owed_points_of_a_player_barred_later_to_recovery(self, floor: Floor) -> None:
        slip = floor.owed_slip()
        _set_status(slip.player)

        assert recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now).points == 578

    def test_withholds_while_the_programme_is_paused_and_owes_nothing(self, floor: Floor) -> None:
        slip = floor.played_slip()
        _set_status(slip.player)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        assert _close(floor, slip).withheld_because == "BARRED"


@pytest.mark.django_db(transaction=True)
class TestBarringWhileASlipCloses:
    def test_makes_the_closing_wait_and_withhold(self, floor: Floor) -> None:
        slip = floor.played_slip()

        closing = made_to_wait(lambda: _close(floor, slip), by=lambda: _set_status(slip.player))

        assert closing.result().withheld_because == "BARRED"

    @pytest.mark.shows(39)
    def test_would_pay_a_barred_player_without_the_lock(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slip = floor.played_slip()
        without_locks(monkeypatch)

        with held(lambda: _set_status(slip.player)):
            assert _close(floor, slip).points == 578


class TestRelease:
    def test_posts_the_points_once_with_the_tier_of_now(self, floor: Floor, withheld: RatingSlip) -> None:
        award(floor, withheld.player, points=1_000)  # Silver
        request_id = uuid4()

        settlement = _release(floor, withheld, request_id=request_id)
        again = _release(floor, withheld, request_id=request_id)

        posted = LedgerEntry.objects.get(kind="GAMEPLAY")
        request = withheld.requests.get(kind="RELEASE")
        assert (settlement.points, settlement.replayed, again.points, again.replayed) == (722, False, 722, True)
        assert (posted.idempotency_key, posted.correlation_id) == (str(withheld.pk), withheld.correlation_id)
        assert (request.actor, request.contents, request.happened_at) == (
            floor.supervisor,
            {"reason": REASON},
            floor.now,
        )
        assert account_of(withheld.player).balance == 1_722
        assert not RatingSlip.objects.withheld().exists()
        assert broken_invariants() == {}

    def test_of_play_worth_0_points_settles_it_without_an_entry(self, floor: Floor) -> None:
        slip = floor.open_slip(average_bet=Decimal(1), at=floor.ago(minutes=4.5))
        _set_status(slip.player)
        _close(floor, slip)
        _set_status(slip.player, "ACTIVE")
        withheld = list(RatingSlip.objects.withheld())

        settlement, again = _release(floor, slip), _release(floor, slip)

        assert (settlement.theoretical_win, settlement.points, settlement.withheld_because) == (Decimal("0.04"), 0, "")
        assert (again.points, again.replayed) == (0, True)
        assert (withheld, list(RatingSlip.objects.withheld())) == ([slip], [])
        assert not LedgerEntry.objects.exists()
        assert broken_invariants() == {}

    def test_by_somebody_else_later_is_a_replay(self, floor: Floor, withheld: RatingSlip) -> None:
        _release(floor, withheld)

        assert _release(floor, withheld, reason="Another reason altogether").replayed
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.parametrize(
        ("before", "error"),
        [
            (lambda _, slip: _set_status(slip.player), PlayerNotActive),
            (lambda floor, _: remove_perm("loyalty.award", floor.supervisor, floor.program), NotPermitted),
            (
                lambda floor, _: pause_program(
                    program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers"
                ),
                ProgramPaused,
            ),
            (
                lambda floor, slip: declared(floor.supervisor, slip.player),
                OwnPlay,
            ),
        ],
        ids=["barred still", "not permitted", "paused", "own account"],
    )
    def test_is_refused(
        self,
        floor: Floor,
        withheld: RatingSlip,
        before: Callable[[Floor, RatingSlip], object],
        error: type[DomainError],
    ) -> None:
        before(floor, withheld)

        with refused(error):
            _release(floor, withheld)

    def test_with_a_code_is_refused_only_if_it_is_new(self, floor: Floor, withheld: RatingSlip) -> None:
        add_default_codes(floor.casino.pk)
        given: dict[str, Any] = {"reason": "", "reason_code": "BAR_LIFTED", "request_id": uuid4()}
        another = _another_withheld(floor, seat=2)
        _release(floor, withheld, **given)
        ReasonCode.objects.update(is_active=False)

        assert _release(floor, withheld, **given).replayed
        with refused(InvalidReasonCode):
            _release(floor, another, **(given | {"request_id": uuid4()}))

    def test_wants_a_reason(self, floor: Floor, withheld: RatingSlip) -> None:
        with refused(InvalidReason):
            _release(floor, withheld, reason="short")

    @pytest.mark.parametrize("state", ["live", "owed", "credited"])
    def test_is_refused_where_nothing_is_withheld(self, floor: Floor, state: str) -> None:
        slip = floor.owed_slip() if state == "owed" else floor.played_slip()
        if state == "credited":
            _close(floor, slip)

        with refused(NothingWithheld):
            _release(floor, slip)


class TestTheTriggerOnClosedSlips:
    @pytest.mark.parametrize("changes", [{"withheld_because": ""}, {"settled_at": None}, {"owed_because": "BUSY"}])
    def test_changes_nothing_of_a_withheld_slip_but_its_entry(
        self, floor: Floor, withheld: RatingSlip, changes: dict[str, Any]
    ) -> None:
        with refused_by_trigger("a closed slip can only be settled, once"):
            RatingSlip.objects.update(**changes)

    def test_lets_the_slip_be_released_once(self, floor: Floor, withheld: RatingSlip) -> None:
        first, second = entry(floor, **of_play(withheld)), entry(floor)
        first.save()
        second.save()

        RatingSlip.objects.update(ledger_entry=first, released_at=floor.now)

        for changes in ({"ledger_entry": second}, {"released_at": timezone.now()}, {"released_at": None}):
            with refused_by_trigger("a closed slip can only be settled, once"):
                RatingSlip.objects.update(**changes)


class TestPages:
    def test_show_a_seated_player_who_was_barred(self, floor: Floor) -> None:
        slip = floor.open_slip()
        _set_status(slip.player)
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)

        pages = [
            html_of(client.get(url))
            for url in (
                reverse("floor:pit", args=[floor.pit.pk]),
                reverse("floor:slip", args=[slip.pk]),
                reverse("admin:index"),
            )
        ]

        shown = ["</span>Barred</span>", "its points are withheld. Tell", "1 player is seated and not active"]
        assert [words for words, page in zip(shown, pages, strict=True) if words not in page] == []

    def test_lead_from_home_to_the_release(self, floor: Floor, withheld: RatingSlip) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)

        home = html_of(client.get(reverse("admin:index")))
        listed = html_of(client.get(list_url(RatingSlip, owed="withheld")))
        floor_page = html_of(client.get(reverse("floor:slip", args=[withheld.pk])))
        answer = carry_out(client, RatingSlip, "release", [withheld], **{f"{withheld.pk}-reason": REASON})

        assert "1 slip has withheld points" in home
        assert withheld.slip_number in listed
        assert "the player was barred when the slip closed" in floor_page
        assert "released, theo 57.75, 578 points" in said(answer)[0]
        page = html_of(client.get(page_url(withheld)))
        assert f"by {floor.supervisor}: {REASON}" in page

    def test_refuse_to_release_play_that_was_corrected_meanwhile(self, floor: Floor, withheld: RatingSlip) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)
        sent = versions_shown([withheld]) | {f"{withheld.pk}-reason": REASON}
        correct(floor, withheld, last_at(withheld, 10))

        told = html_of(carry_out(client, RatingSlip, "release", [withheld], **sent))

        assert "was changed by somebody else meanwhile. Nothing was done." in told
        assert not LedgerEntry.objects.exists()

    def test_ask_for_a_code_and_show_it(self, floor: Floor, withheld: RatingSlip) -> None:
        add_default_codes(floor.casino.pk)
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR, AUDITOR)
        code = f"{withheld.pk}-reason_code"

        asked = carry_out(client, RatingSlip, "release", [withheld], **{f"{withheld.pk}-reason": REASON})
        carry_out(client, RatingSlip, "release", [withheld], **{code: "BARRED_IN_ERROR"})

        [request] = withheld.requests.filter(kind="RELEASE")
        assert "Nothing was done yet." in html_of(asked)
        assert request.contents == {"reason": "", "reason_code": "BARRED_IN_ERROR"}
        pages = [html_of(client.get(page_url(row))) for row in (withheld, LedgerEntry.objects.get(kind="GAMEPLAY"))]
        story = html_of(client.get(reverse("trace:story", args=[request.correlation_id])))
        assert ["Player was barred in error (BARRED_IN_ERROR)" in page for page in pages] == [True, True]
        assert "withheld points released (BARRED_IN_ERROR)" in story

    def test_show_what_is_withheld_where_somebody_might_award_it(self, floor: Floor, withheld: RatingSlip) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)
        account = account_of(withheld.player)
        urls = [page_url(withheld.player), page_url(account), address(PlayerLoyalty, "award", account.pk)]

        before = [html_of(client.get(url)) for url in urls]
        _release(floor, withheld)
        after = [html_of(client.get(url)) for url in urls]

        assert ["so about <strong>578 points</strong> are withheld. A supervisor" in page for page in before] == [
            True
        ] * 3
        assert ["<td>the player was barred</td>" in page for page in before] == [True] * 3
        assert ["Points withheld" in page for page in after] == [False] * 3

    def test_name_who_released_an_entry(self, floor: Floor, withheld: RatingSlip) -> None:
        _release(floor, withheld)
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)

        of_player, of_entry, listed = (
            html_of(client.get(url))
            for url in (page_url(withheld.player), page_url(LedgerEntry.objects.get()), list_url(LedgerEntry))
        )

        author = f"system, released by {floor.supervisor.display_name}"
        assert (author in of_player, author in of_entry, ">Released</span>" in listed) == (True, True, True)
        assert f"by {floor.supervisor.display_name}: {REASON}" in of_entry

    def test_tell_the_withholding_and_the_release_in_the_trace(self, floor: Floor, withheld: RatingSlip) -> None:
        with correlation.bound(uuid4()) as releasing:
            _release(floor, withheld)

        signed_in(floor.supervisor, AUDITOR)
        story = story_of(releasing, staff=floor.supervisor)

        assert story is not None
        words = [event.words for event in story.events]
        assert [each for each in words if "withheld" in each] == [
            f"{withheld}: points withheld, the player was barred",
            f"{withheld}: withheld points released “{REASON}”",
        ]
