"""`player_balance`: the balance of an account at an instant, by the casino's clock."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services.balances import BalanceAt, balance_at
from tests.commands import Ran, run
from tests.floor import Floor
from tests.loyalty.postings import increment
from tests.loyalty.rows import account_of


def _balance(floor: Floor, *arguments: object) -> Ran:
    return run("player_balance", "--casino", floor.casino.code, "--card", "700700", *arguments)


@pytest.fixture
def account(floor: Floor) -> int:
    """The account of card 700700: 1,500 points at 10:00 and 300 of them taken at 12:00 on 14 November, by the house."""
    player = floor.player(card_number="700700")
    increment(floor, player, points=1_500, at=datetime(2025, 11, 14, 18, tzinfo=UTC))
    taken = datetime(2025, 11, 14, 20, tzinfo=UTC)
    increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-300, at=taken)
    return account_of(player).pk


class TestBalanceAt:
    def test_adds_up_one_account_s_entries_and_says_until_when(self, floor: Floor, account: int) -> None:
        increment(floor, floor.player(), points=7, at=datetime(2025, 11, 14, 19, tzinfo=UTC))
        at = datetime(2025, 11, 14, 19, 30, tzinfo=UTC)
        first = LedgerEntry.objects.filter(account=account).earliest("seq")

        found = balance_at(account=PlayerLoyalty.objects.get(pk=account), at=at)

        assert found == BalanceAt(at=at, balance=1_500, lifetime_points=1_500, entries=1, last_entry_id=first.pk)

    def test_is_nothing_before_the_first_entry(self, floor: Floor, account: int) -> None:
        at = datetime(2025, 11, 14, 17, tzinfo=UTC)

        found = balance_at(account=PlayerLoyalty.objects.get(pk=account), at=at)

        assert found == BalanceAt(at=at, balance=0, lifetime_points=0, entries=0, last_entry_id=None)


class TestPlayerBalanceCommand:
    @pytest.mark.parametrize(
        ("at", "balance", "entries"),
        [
            ("2025-11-14T09:59:59", 0, 0),
            ("2025-11-14T10:00", 1_500, 1),
            ("2025-11-14T19:59:59+00:00", 1_500, 1),
            ("2025-11-14T12:00", 1_200, 2),
            ("2025-11-15", 1_200, 2),
        ],
    )
    def test_adds_up_what_is_dated_then_or_earlier(
        self, floor: Floor, account: int, at: str, balance: int, entries: int
    ) -> None:
        told: dict[str, Any] = json.loads(_balance(floor, "--at", at, "--json").out)

        assert (told["account"], told["balance"], told["entries"]) == (account, balance, entries)

    def test_says_it_in_a_line(self, floor: Floor, account: int) -> None:
        ran = _balance(floor, "--at", "2025-11-14T12:00")

        last = LedgerEntry.objects.latest("pk").pk
        assert ran.code == 0
        assert ran.out == (
            f"{floor.casino.code} account {account} at 2025-11-14T12:00:00-08:00: balance 1,200, "
            f"lifetime points 1,500, 2 entries, the last is {last}\n"
        )

    def test_finds_a_card_in_any_letter_case(self, floor: Floor) -> None:
        increment(floor, floor.player(card_number="Ab-70"), points=5)

        assert "balance 5," in _balance(floor, "--card", "aB-70").out

    def test_looks_at_now_unless_told_otherwise(self, floor: Floor, account: int) -> None:
        assert "balance 1,200" in _balance(floor).out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--at", "yesterday"], "“yesterday” is not an instant such as 2026-11-14T19:30"),
            (["--at", "0001-01-01"], "is not an instant"),
            (
                ["--at", "2025-11-02T01:30"],
                "twice: say which, 2025-11-02T01:30:00-07:00 or 2025-11-02T01:30:00-08:00.",
            ),
            (["--at", "2025-03-09T02:30"], "never shows 2025-03-09T02:30:00: that hour was left out."),
            (["--card", "1"], "has no account for card 1."),
            (["--casino", "nowhere"], "There is no casino “nowhere”."),
        ],
    )
    def test_ends_with_2_and_a_sentence(self, floor: Floor, account: int, arguments: list[str], words: str) -> None:
        ran = _balance(floor, *arguments)

        assert (ran.code, words in ran.error) == (2, True)
