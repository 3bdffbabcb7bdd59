"""The accounts' pages, and the form that awards points once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone
from guardian.shortcuts import remove_perm

from core.models import Player, User
from core.reasons.models import Operation
from loyalty.admin.accounts import ENTRIES_SHOWN
from loyalty.admin.posting_forms import form_token
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import manual_reward
from loyalty.services.by_hand import POSTINGS_PER_WINDOW, REQUEST_MAX_AGE_SECONDS
from tests.console import address, inline_code_in, said, shown_in, statements_for
from tests.floor import Floor, declared

REASON = "Comp for the long wait at the cage"

Send = Callable[..., Any]


@pytest.fixture
def account(floor: Floor) -> PlayerLoyalty:
    """An account without points."""
    return PlayerLoyalty.objects.get(player=floor.player())


def award_url(account: PlayerLoyalty) -> str:
    return address(PlayerLoyalty, "award", account.pk)


def award_token(account: PlayerLoyalty, staff: User, requested_at: datetime) -> str:
    return form_token(Operation.AWARD, account=account, staff=staff, requested_at=requested_at)


def typed(floor: Floor, account: PlayerLoyalty, *, opened_at: datetime | None = None, **changed: Any) -> dict[str, Any]:
    """The award form as a browser posts it; `opened_at` is when it was opened."""
    token = form_token(
        Operation.AWARD, account=account, staff=floor.supervisor, requested_at=opened_at or timezone.now()
    )
    return {"points": "100", "reason": REASON, "reward_id": "", "token": token} | changed


@pytest.fixture
def send(floor: Floor, supervisor: Client, account: PlayerLoyalty) -> Send:
    """Post the award form for the account, with some fields changed."""
    return lambda **changed: supervisor.post(award_url(account), typed(floor, account, **changed))


class TestAward:
    def test_posts_the_points_and_goes_back_to_the_account(
        self, floor: Floor, account: PlayerLoyalty, send: Send
    ) -> None:
        answer = send()

        entry = LedgerEntry.objects.get()
        assert (entry.account, entry.points, entry.staff, entry.reason) == (account, 100, floor.supervisor, REASON)
        assert answer.url == address(PlayerLoyalty, "change", account.pk)
        assert said(answer) == [f"100 points awarded: balance 0 → 100. Entry #{entry.pk}."]

    def test_shows_whom_it_is_for_and_holds_no_inline_code(self, supervisor: Client, account: PlayerLoyalty) -> None:
        page = supervisor.get(award_url(account))

        facts = dict(page.context["facts"])
        assert (facts["Player"], facts["Tier"]) == (account.player, account.tier)
        assert inline_code_in(page) == []

    def test_makes_one_entry_of_a_form_that_is_sent_twice(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        form = typed(floor, account)

        supervisor.post(award_url(account), form)
        again = supervisor.post(award_url(account), form)

        assert LedgerEntry.objects.count() == 1
        assert said(again)[-1].startswith("This award was already made on ")
        assert said(again)[-1].endswith("(balance 0 → 100): nothing was added.")

    def test_makes_one_entry_of_a_form_repeated_after_the_rollover(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        opened_at = floor.ago(hours=3)
        floor.casino.gaming_day_starts_at = floor.ago(hours=1).astimezone(floor.casino.zone).time()
        floor.casino.save()
        form = typed(floor, account, opened_at=opened_at)
        sent_first_at = floor.ago(hours=2)
        manual_reward(
            player=account.player_id,
            points=100,
            reason=REASON,
            actor=floor.supervisor,
            at=sent_first_at,
            requested_at=opened_at,
        )

        again = supervisor.post(award_url(account), form)

        assert floor.casino.gaming_day_at(sent_first_at) < floor.casino.gaming_day_at(floor.now)
        assert LedgerEntry.objects.count() == 1
        assert "nothing was added" in said(again)[-1]

    def test_makes_a_second_entry_of_the_next_day_s_form(self, floor: Floor, send: Send) -> None:
        floor.casino.gaming_day_starts_at = floor.ago(hours=1).astimezone(floor.casino.zone).time()
        floor.casino.save()
        send(opened_at=floor.ago(hours=3))

        send()

        assert LedgerEntry.objects.count() == 2

    def test_keeps_its_token_while_a_field_is_wrong(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        form = typed(floor, account, opened_at=floor.ago(hours=3), reason="short")

        page = supervisor.post(award_url(account), form)

        assert page.context["form"]["token"].value() == form["token"]
        assert "reason" in page.context["form"].errors

    @pytest.mark.parametrize("how", ["forged", "missing", "of another account", "of another person", "too old"])
    def test_does_nothing_with_a_token_that_is(
        self, floor: Floor, account: PlayerLoyalty, send: Send, how: str
    ) -> None:
        other = PlayerLoyalty.objects.get(player=floor.player())
        too_old = floor.ago(seconds=REQUEST_MAX_AGE_SECONDS + 60)
        token = {
            "forged": signing.dumps({"account": account.pk}, salt="guessed"),
            "missing": "",
            "of another account": award_token(other, floor.supervisor, floor.now),
            "of another person": award_token(account, floor.boss, floor.now),
            "too old": award_token(account, floor.supervisor, too_old),
        }[how]

        page = send(token=token)

        assert not LedgerEntry.objects.exists()
        form = page.context["form"]
        assert "nothing was done" in form.non_field_errors()[0]
        assert (form["points"].value(), form["reason"].value()) == ("100", REASON)
        assert form["token"].value() not in ("", token)

    def test_goes_through_with_the_new_token_of_a_refused_form(self, send: Send) -> None:
        refused = send(token="forged")
        fresh = refused.context["form"]["token"].value()

        send(token=fresh)

        assert LedgerEntry.objects.get().points == 100

    @pytest.mark.parametrize("points", ["", "0", "-1", "10001", "1.5", "1,5", "many"])
    def test_marks_points_that_cannot_be_awarded(self, send: Send, points: str) -> None:
        page = send(points=points)

        assert "points" in page.context["form"].errors
        assert not LedgerEntry.objects.exists()

    def test_reads_points_with_a_thousands_separator(self, send: Send) -> None:
        answer = send(points="1,000")

        assert "1,000 points awarded: balance 0 → 1,000, now Silver." in said(answer)[0]

    @pytest.mark.parametrize("reason", ["", "too short", "  padded   ", "x" * 501])
    def test_marks_a_reason_that_says_too_little_or_too_much(self, send: Send, reason: str) -> None:
        page = send(reason=reason)

        assert "reason" in page.context["form"].errors
        assert page.context["form"]["reason"].value() == reason

    def test_takes_a_reason_of_several_lines(self, send: Send) -> None:
        send(reason="First line\r\nsecond line")

        assert LedgerEntry.objects.get().reason == "First line\nsecond line"

    def test_marks_a_reward_id_that_was_used_for_another_award(self, send: Send) -> None:
        send(reward_id="PROMO-7")

        page = send(reward_id="PROMO-7", points="200")

        assert "points" in page.context["form"].errors["reward_id"][0]
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.shows(33)
    def test_is_refused_for_one_s_own_account(self, floor: Floor, account: PlayerLoyalty, send: Send) -> None:
        declared(floor.supervisor, account.player)

        page = send()

        assert "your own account" in page.context["form"].non_field_errors()[0]
        assert not LedgerEntry.objects.exists()

    def test_is_refused_beyond_the_awards_of_a_minute(self, send: Send) -> None:
        for points in range(1, POSTINGS_PER_WINDOW + 1):
            send(points=str(points))

        page = send(points="99")

        assert "limit" in page.context["form"].non_field_errors()[0]
        assert LedgerEntry.objects.count() == POSTINGS_PER_WINDOW

    def test_is_neither_offered_nor_shown_without_the_permission(self, boss: Client, account: PlayerLoyalty) -> None:
        page = boss.get(address(PlayerLoyalty, "change", account.pk))

        assert award_url(account) not in page.content.decode()
        assert boss.get(award_url(account)).status_code == 403

    @pytest.mark.shows(33)
    def test_is_refused_if_the_permission_went_between_page_and_post(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        form = typed(floor, account)
        remove_perm("loyalty.award", floor.supervisor, floor.program)

        page = supervisor.post(award_url(account), form)

        assert "do not hold the permission" in page.context["form"].non_field_errors()[0]
        assert not LedgerEntry.objects.exists()

    def test_still_shows_an_award_after_the_permission_is_gone(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        form = typed(floor, account)
        supervisor.post(award_url(account), form)
        remove_perm("loyalty.award", floor.supervisor, floor.program)

        again = supervisor.post(award_url(account), form)

        assert "nothing was added" in said(again)[-1]

    @pytest.mark.shows(33)
    def test_takes_no_staff_from_the_post(self, floor: Floor, send: Send) -> None:
        forged: dict[str, Any] = {"staff": floor.boss.pk, "actor": floor.boss.pk}

        send(**forged)

        assert LedgerEntry.objects.get().staff == floor.supervisor


class TestAccountPages:
    def test_lists_balance_tier_and_progress(self, supervisor: Client, account: PlayerLoyalty, send: Send) -> None:
        send(points="2,000")

        [row] = shown_in(supervisor.get(address(PlayerLoyalty, "changelist")))

        card = account.player.card_number
        assert row[:6] == ["Nguyễn, José", card, "2,000", "2,000", "Silver", "25 % to Gold"]

    @pytest.mark.usefixtures("account")
    def test_takes_as_many_statements_for_many_accounts_as_for_one(self, floor: Floor, supervisor: Client) -> None:
        for_one = statements_for(supervisor, address(PlayerLoyalty, "changelist"))
        for _ in range(5):
            floor.player()

        for_six = statements_for(supervisor, address(PlayerLoyalty, "changelist"))

        assert for_six == for_one

    def test_shows_the_newest_entries_up_to_a_limit(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        for number in range(ENTRIES_SHOWN + 1):
            at = floor.ago(minutes=ENTRIES_SHOWN + 1 - number)
            manual_reward(player=account.player_id, points=1 + number, reason=REASON, actor=floor.supervisor, at=at)

        page = supervisor.get(address(PlayerLoyalty, "change", account.pk))

        rows = shown_in(page)
        assert len(rows) == ENTRIES_SHOWN
        assert (rows[0][3], rows[-1][3]) == (f"+{ENTRIES_SHOWN + 1}", "+2")
        assert inline_code_in(page) == []

    def test_leads_to_all_entries_in_the_ledger(self, floor: Floor, supervisor: Client, account: PlayerLoyalty) -> None:
        other = PlayerLoyalty.objects.get(player=floor.player())
        for one in (account, other):
            supervisor.post(award_url(one), typed(floor, one))

        listed = supervisor.get(address(LedgerEntry, "changelist"), {"account__id__exact": account.pk})

        assert len(shown_in(listed)) == 1

    def test_is_reached_from_the_player(self, supervisor: Client, account: PlayerLoyalty) -> None:
        page = supervisor.get(address(Player, "change", account.player_id))

        assert address(PlayerLoyalty, "change", account.pk) in page.content.decode()

    def test_shows_when_in_the_zone_of_the_casino(
        self, floor: Floor, supervisor: Client, account: PlayerLoyalty
    ) -> None:
        at = floor.now - timedelta(hours=1)
        manual_reward(player=account.player_id, points=5, reason=REASON, actor=floor.supervisor, at=at)

        [row] = shown_in(supervisor.get(address(PlayerLoyalty, "changelist")))

        assert row[-1].endswith(f"{at.astimezone(floor.casino.zone):%H:%M}")
