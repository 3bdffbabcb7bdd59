"""The pages on which balances are adjusted and entries reversed, and what the ledger shows of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags
from guardian.shortcuts import remove_perm

from core.models import Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from tests.console import address, inline_code_in, said, shown_in
from tests.floor import Floor, declared
from tests.loyalty.postings import adjust, award, increment, reverse
from tests.loyalty.rows import account_of
from tests.second_factors import long_ago

REASON = "Given to the wrong card"


def adjust_url(player: Player) -> str:
    return address(PlayerLoyalty, "adjust", account_of(player).pk)


def reverse_url(entry_id: int) -> str:
    return address(LedgerEntry, "reverse", entry_id)


def filled_in(client: Client, url: str, **fields: str) -> dict[str, Any]:
    """The form at `url` as a browser posts it."""
    return {"reason": REASON, "token": client.get(url).context["form"]["token"].value(), **fields}


def facts_on(page: Any) -> dict[str, str]:
    """The facts above the form, by name."""
    return {name: strip_tags(str(value)) for name, value in page.context["facts"]}


@pytest.fixture
def send(supervisor: Client, player: Player) -> Callable[..., Any]:
    """Post the form that adjusts the player's points, with some fields changed."""

    def post(**changed: str) -> Any:
        fields = {"direction": "take", "points": "30", "adjustment_id": ""} | changed
        return supervisor.post(adjust_url(player), filled_in(supervisor, adjust_url(player), **fields))

    return post


class TestAdjust:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"direction": "add"}, "30 points added: balance 100 → 130."),
            ({"points": "1"}, "1 point taken: balance 100 → 99."),
            (
                {"points": "1,100"},
                "100 points taken: balance 100 → 0. Entry #{}. 1,000 points were not taken: the balance had no more.",
            ),
        ],
    )
    def test_says_what_was_done_and_goes_back_to_the_account(
        self, floor: Floor, player: Player, send: Callable[..., Any], fields: dict[str, str], words: str
    ) -> None:
        award(floor, player)

        answer = send(**fields)

        entry = LedgerEntry.objects.get(kind="ADJUSTMENT")
        assert answer.url == address(PlayerLoyalty, "change", entry.account_id)
        assert words.format(entry.pk) in said(answer)[0]

    def test_is_one_entry_of_a_form_that_is_sent_twice(self, floor: Floor, supervisor: Client, player: Player) -> None:
        award(floor, player)
        form = filled_in(supervisor, adjust_url(player), direction="take", points="30", adjustment_id="")

        for _ in range(2):
            answer = supervisor.post(adjust_url(player), form)

        assert "already made" in said(answer)[-1]
        assert account_of(player).balance == 70

    def test_says_how_to_do_again_what_was_reversed(
        self, floor: Floor, player: Player, send: Callable[..., Any]
    ) -> None:
        send(direction="add")
        reversal_id = reverse(floor, LedgerEntry.objects.get()).entry_id

        answer = send(direction="add")

        assert f"was reversed by entry #{reversal_id}. To do it again, write another reason" in said(answer)[-1]
        assert "30 points added" in said(send(direction="add", reason="Given to the right card"))[-1]

    def test_is_refused_where_the_account_has_changed_meanwhile(
        self, floor: Floor, supervisor: Client, player: Player
    ) -> None:
        award(floor, player)
        form = filled_in(supervisor, adjust_url(player), direction="take", points="30", adjustment_id="")
        adjust(floor, player, points=-100)
        award(floor, player, points=50)

        page = supervisor.post(adjust_url(player), form)

        assert "2 entries were posted to this account" in page.context["form"].non_field_errors()[0]
        assert facts_on(page)["Balance"] == "50"
        fresh = form | {"token": page.context["form"]["token"].value()}
        assert "30 points taken" in said(supervisor.post(adjust_url(player), fresh))[-1]

    @pytest.mark.parametrize(
        ("field", "fields"),
        [
            ("direction", {"direction": ""}),
            ("direction", {"direction": "double"}),
            ("points", {"points": "-5"}),
            ("points", {"points": "0"}),
            ("points", {"points": "10001", "direction": "add"}),
            ("points", {"points": str(2**63)}),
            ("reason", {"reason": "too short"}),
            ("adjustment_id", {"adjustment_id": "two words"}),
        ],
    )
    def test_marks_what_is_wrong_beside_its_field(
        self, floor: Floor, player: Player, send: Callable[..., Any], field: str, fields: dict[str, str]
    ) -> None:
        award(floor, player)

        page = send(**fields)

        assert list(page.context["form"].errors) == [field]
        assert inline_code_in(page) == []

    def test_marks_points_that_are_not_there_and_a_used_id(
        self, floor: Floor, player: Player, send: Callable[..., Any]
    ) -> None:
        assert "points" in send().context["form"].errors
        award(floor, player)
        send(adjustment_id="cage-7")

        assert "adjustment_id" in send(adjustment_id="cage-7", points="31").context["form"].errors

    def test_is_offered_to_who_may_but_for_themselves(
        self, floor: Floor, supervisor: Client, boss: Client, player: Player
    ) -> None:
        account_page = address(PlayerLoyalty, "change", account_of(player).pk)

        assert adjust_url(player) in supervisor.get(account_page).content.decode()
        assert adjust_url(player) not in boss.get(account_page).content.decode()
        assert boss.get(adjust_url(player)).status_code == 403
        declared(floor.supervisor, player)
        assert adjust_url(player) not in supervisor.get(account_page).content.decode()

    @pytest.mark.shows(33)
    def test_is_refused_if_the_permission_went_between_page_and_post(
        self, floor: Floor, supervisor: Client, player: Player
    ) -> None:
        award(floor, player)
        form = filled_in(supervisor, adjust_url(player), direction="take", points="30")
        remove_perm("loyalty.adjust", floor.supervisor, floor.program)

        page = supervisor.post(adjust_url(player), form)

        assert "do not hold the permission" in page.context["form"].non_field_errors()[0]

    def test_shows_on_its_entry_what_was_not_there(self, floor: Floor, supervisor: Client, player: Player) -> None:
        award(floor, player)
        entry_id = adjust(floor, player, points=-101).posting.entry_id

        page = supervisor.get(address(LedgerEntry, "change", entry_id))

        assert "1 more point was to be taken: the balance had no more." in page.content.decode()


class TestReverse:
    def test_shows_what_changes_and_then_both_entries_linked(
        self, floor: Floor, supervisor: Client, player: Player
    ) -> None:
        entry_id = award(floor, player, points=1_000).entry_id
        url = reverse_url(entry_id)
        shown = facts_on(supervisor.get(url))
        assert (shown["Balance"], shown["Lifetime points"], shown["Tier"]) == (
            *("1,000 → 0", "1,000 → 0"),
            "Silver → Bronze",
        )

        answer: Any = supervisor.post(url, filled_in(supervisor, url))

        reversal = LedgerEntry.objects.get(kind="REVERSAL")
        assert said(answer) == [f"Entry #{entry_id} reversed by entry #{reversal.pk}: balance 1,000 → 0, now Bronze."]
        page = supervisor.get(answer.url).content.decode()
        assert address(LedgerEntry, "change", reversal.pk) in page
        assert reverse_url(entry_id) not in page
        assert answer.url in supervisor.get(address(LedgerEntry, "change", reversal.pk)).content.decode()

    def test_is_one_entry_of_a_form_that_is_sent_twice(self, floor: Floor, supervisor: Client, player: Player) -> None:
        url = reverse_url(award(floor, player).entry_id)
        form = filled_in(supervisor, url)

        for _ in range(2):
            answer = supervisor.post(url, form)

        assert "already reversed" in said(answer)[-1]
        assert LedgerEntry.objects.count() == 2

    def test_is_refused_where_the_account_has_changed(self, floor: Floor, supervisor: Client, player: Player) -> None:
        url = reverse_url(award(floor, player).entry_id)
        form = filled_in(supervisor, url)
        award(floor, player, points=7)

        page = supervisor.post(url, form)

        assert "1 entry was posted" in page.context["form"].non_field_errors()[0]
        assert not LedgerEntry.objects.filter(kind="REVERSAL").exists()

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda floor, entry: reverse(floor, entry), "already reversed"),
            (lambda floor, entry: adjust(floor, entry.account.player, points=-1), "1 point is missing"),
        ],
    )
    def test_leads_back_to_the_entry_where_it_cannot_be_done(
        self, floor: Floor, supervisor: Client, player: Player, spoil: Callable[[Floor, LedgerEntry], Any], words: str
    ) -> None:
        entry = LedgerEntry.objects.get(pk=award(floor, player).entry_id)
        form = filled_in(supervisor, reverse_url(entry.pk), reason="Given to the wrong José")
        spoil(floor, entry)

        answers: list[Any] = [supervisor.get(reverse_url(entry.pk)), supervisor.post(reverse_url(entry.pk), form)]

        assert {answer.url for answer in answers} == {address(LedgerEntry, "change", entry.pk)}
        assert [words in said(answer)[-1] for answer in answers] == [True, True]

    def test_leads_from_points_of_play_to_correcting_the_slip(
        self, floor: Floor, supervisor: Client, player: Player
    ) -> None:
        entry_id = increment(floor, player, kind="GAMEPLAY").entry_id

        page = supervisor.get(address(LedgerEntry, "change", entry_id)).content.decode()

        assert "If the slip is not void, correct or void it: its points follow." in page
        assert reverse_url(entry_id) not in page
        assert "correct or void it" in said(supervisor.get(reverse_url(entry_id)))[0]

    def test_asks_again_who_takes_points_back(self, floor: Floor, supervisor: Client, player: Player) -> None:
        url = reverse_url(award(floor, player).entry_id)
        form = filled_in(supervisor, url)
        long_ago(supervisor)

        page = supervisor.post(url, form)

        assert 'name="asked-again"' in page.content.decode()
        assert LedgerEntry.objects.count() == 1

    def test_is_found_in_the_ledger_by_its_kind(self, floor: Floor, supervisor: Client, player: Player) -> None:
        entry_id = award(floor, player).entry_id
        reversal_id = reverse(floor, entry_id).entry_id
        ledger = address(LedgerEntry, "changelist")

        [reversal] = shown_in(supervisor.get(ledger, {"kind": "REVERSAL"}))
        [awarded] = shown_in(supervisor.get(ledger, {"kind": "MANUAL_BONUS"}))

        assert f"Reversal of #{entry_id}" in reversal
        assert f"Manual bonus reversed by #{reversal_id}" in awarded
