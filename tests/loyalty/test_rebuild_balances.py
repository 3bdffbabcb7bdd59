"""`rebuild_balances`: accounts that differ from their entries are listed, and corrected with a record."""

import json
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError
from structlog.testing import capture_logs

from core.models import User
from core.permissions import NotPermitted
from core.reasons.defaults import add_default_codes
from core.reasons.text import InvalidReason
from core.roles import OPERATOR
from loyalty.models import BalanceRebuild, PlayerLoyalty, Tier
from loyalty.services import rebuilding
from loyalty.services.drift import different_accounts
from loyalty.services.rebuilding import LedgerNotWhole, NothingToRebuild, rebuild_balances
from tests.commands import run
from tests.concurrency import Elsewhere, held, in_turn
from tests.factories import CasinoFactory, StaffFactory
from tests.floor import Floor
from tests.interruptions import interrupted_at
from tests.invariants import broken_invariants
from tests.loyalty.attacking import Book, is_clean, is_clean_now, post, sql, statement_timeout
from tests.loyalty.rows import account_of
from tests.tampering import misstate, take_the_guards_off

REASON = "Written past the application"
WRONG = {
    "balance": 7,
    "lifetime_points": 9,
    "entry_count": 2,
    "head_hash": b"\7" * 32,
}


@pytest.fixture
def book(floor: Floor) -> Book:
    return Book.build(floor)


@pytest.fixture
def operator(floor: Floor) -> User:
    operator: User = StaffFactory.create(casino=floor.casino, username="olga")
    operator.groups.add(Group.objects.get(name=OPERATOR))
    return operator


def _spoil(account: PlayerLoyalty, **changes: Any) -> None:
    misstate(PlayerLoyalty.objects.filter(pk=account.pk), **(changes or WRONG))


def _interrupt() -> None:
    raise KeyboardInterrupt


def _figures(account: PlayerLoyalty) -> list[Any]:
    row = PlayerLoyalty.objects.get(pk=account.pk)
    return [row.balance, row.lifetime_points, row.tier_id, row.entry_count, row.head_hash]


class TestRebuildBalances:
    @pytest.mark.parametrize("column", [*WRONG, "tier"])
    def test_sets_what_was_wrong_to_what_the_entries_say(self, book: Book, operator: User, column: str) -> None:
        right = _figures(book.account)
        gold = Tier.objects.get(program=book.floor.program, name="Gold")
        _spoil(book.account, **{column: {**WRONG, "tier": gold}[column]})

        rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        assert _figures(book.account) == right
        assert is_clean()
        assert broken_invariants() == {}

    def test_keeps_who_did_it_and_why_and_from_what(self, book: Book, operator: User) -> None:
        _spoil(book.account)

        rebuild = rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        kept = BalanceRebuild.objects.get()
        assert kept == rebuild
        assert (kept.casino, kept.staff, kept.reason, kept.accounts) == (book.floor.casino, operator, REASON, 1)
        (change,) = kept.changes
        assert change["account"] == book.account.pk
        assert (change["before"]["balance"], change["after"]["balance"]) == (7, book.account.balance)
        assert change["after"]["head_hash"] == bytes(book.account.head_hash or b"").hex()

    def test_sets_an_account_without_entries_back_to_nothing(self, book: Book, operator: User) -> None:
        empty = account_of(book.floor.player())
        _spoil(empty)

        rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        assert _figures(empty) == [0, 0, empty.tier_id, 0, None]

    def test_leaves_other_accounts_and_other_casinos_alone(self, book: Book, operator: User) -> None:
        elsewhere = Book.build(Floor.build())
        _spoil(elsewhere.account)

        with pytest.raises(NothingToRebuild):
            rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        assert _figures(elsewhere.account)[0] == WRONG["balance"]
        assert not BalanceRebuild.objects.exists()

    def test_refuses_who_may_not_and_tells_the_log(self, book: Book) -> None:
        _spoil(book.account)
        floor = book.floor

        with capture_logs() as lines, pytest.raises(NotPermitted):
            rebuild_balances(casino=floor.casino, actor=floor.supervisor, reason=REASON, at=floor.now)

        refusal = {"operation": "loyalty.rebuild_balances", "code": "NOT_PERMITTED", "actor_id": floor.supervisor.pk}
        assert lines == [{"event": "core.operation_refused", "log_level": "warning"} | refusal]
        assert _figures(book.account)[0] == WRONG["balance"]

    def test_wants_a_reason(self, book: Book, operator: User) -> None:
        with pytest.raises(InvalidReason):
            rebuild_balances(casino=book.floor.casino, actor=operator, reason="oops", at=book.floor.now)

    def test_sets_nothing_by_entries_that_do_not_add_up(self, book: Book, operator: User) -> None:
        take_the_guards_off()
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", book.entry(2).pk)
        _spoil(book.account)

        with pytest.raises(LedgerNotWhole, match=f"The entries of account {book.account.pk} do not add up"):
            rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        assert _figures(book.account)[0] == WRONG["balance"]

    def test_takes_no_more_at_once_than_it_says(
        self, book: Book, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rebuilding, "MAX_REBUILT_ACCOUNTS", 1)
        _spoil(book.account)
        _spoil(book.other)

        first, second = (
            rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)
            for _ in range(2)
        )

        assert [one.changes[0]["account"] for one in (first, second)] == [book.account.pk, book.other.pk]

    def test_leaves_accounts_that_differ_only_now_to_the_next_run(
        self, book: Book, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look_and_spoil_another(**arguments: Any) -> Any:
            differences = different_accounts(**arguments)
            _spoil(book.other)
            return differences

        _spoil(book.account)
        monkeypatch.setattr(rebuilding, "different_accounts", look_and_spoil_another)

        rebuild = rebuild_balances(casino=book.floor.casino, actor=operator, reason=REASON, at=book.floor.now)

        assert [change["account"] for change in rebuild.changes] == [book.account.pk]
        assert _figures(book.other)[0] == WRONG["balance"]


@pytest.mark.django_db(transaction=True)
class TestRebuildBesideAPosting:
    def _rebuild(self, book: Book, operator: User) -> Elsewhere[BalanceRebuild]:
        """Rebuild a spoilt account to which points are being posted."""
        floor = book.floor
        _spoil(book.other, head_hash=b"\7" * 32)
        _, rebuild = in_turn(
            lambda: post(floor, book.other.player, points=1_000),
            lambda: rebuild_balances(casino=floor.casino, actor=operator, reason=REASON, at=floor.now),
        )
        return rebuild

    def test_looks_again_at_what_was_posted_while_it_waited(self, book: Book, operator: User) -> None:
        rebuild = self._rebuild(book, operator)

        assert isinstance(rebuild.outcome(), NothingToRebuild)
        assert account_of(book.other.player).balance == 1_100
        assert is_clean_now()

    @pytest.mark.shows(39)
    def test_is_refused_by_postgresql_without_comparing_again_under_the_lock(
        self, book: Book, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: what was found before the wait is old after it."""
        first: dict[str, Any] = {}

        def remember(**arguments: Any) -> Any:
            return first.setdefault("found", different_accounts(casino=arguments["casino"]))

        monkeypatch.setattr(rebuilding, "different_accounts", remember)
        outcome = self._rebuild(book, operator).outcome()

        assert isinstance(outcome, IntegrityError)
        assert "the last entry of the account says something else" in str(outcome)


@pytest.mark.django_db(transaction=True)
class TestRebuildInATransactionOfItsOwn:
    def test_waits_for_no_account_that_is_right(self, floor: Floor, book: Book, operator: User) -> None:
        _spoil(book.account)

        with held(lambda: PlayerLoyalty.objects.locked().get(pk=book.other.pk)):
            rebuild = rebuild_balances(casino=floor.casino, actor=operator, reason=REASON, at=floor.now)

        assert rebuild.accounts == 1

    def test_may_take_half_an_hour_and_nothing_after_it_may(
        self, floor: Floor, book: Book, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _spoil(book.account)
        usual = statement_timeout()
        seen: list[str] = []

        def look(**arguments: Any) -> Any:
            seen.append(statement_timeout())
            return different_accounts(**arguments)

        monkeypatch.setattr(rebuilding, "different_accounts", look)

        rebuild_balances(casino=floor.casino, actor=operator, reason=REASON, at=floor.now)

        assert seen == ["30min", "30min"]
        assert statement_timeout() == usual != "30min"


@pytest.mark.django_db(transaction=True)
class TestRebuildBalancesCommand:
    def test_tells_what_differs_and_changes_nothing(self, book: Book) -> None:
        _spoil(book.account)

        ran = run("rebuild_balances", "--dry-run")

        assert ran.code == 1
        line, summary = ran.out.splitlines()
        assert line.startswith(
            f"{book.floor.casino.code} account {book.account.pk}: balance 7 → {book.account.balance},"
        )
        assert "entry count 2 → 5, head hash 070707070707 → " in line
        assert summary.startswith("1 account differs.")
        assert _figures(book.account)[0] == 7
        assert not BalanceRebuild.objects.exists()

    def test_ends_with_0_where_nothing_differs(self, book: Book) -> None:
        told, done = run("rebuild_balances", "--dry-run"), run("rebuild_balances", "--dry-run", "--json")

        assert (told.code, told.out) == (0, "Every account matches its entries.\n")
        assert json.loads(done.out) == {book.floor.casino.code: []}

    def test_sets_them_right_in_somebodys_name(self, book: Book, operator: User) -> None:
        _spoil(book.account)

        ran = run("rebuild_balances", "--by", "olga", "--reason", REASON)
        again = run("rebuild_balances", "--by", "olga", "--reason", REASON)

        kept = BalanceRebuild.objects.get()
        assert (ran.code, again.code) == (0, 0)
        assert ran.out == f"{book.floor.casino.code}: 1 account set, recorded as rebuild {kept.pk}.\n"
        assert again.out == "Every account matches its entries: nothing was set.\n"
        assert is_clean_now()

    def test_keeps_a_reason_code(self, book: Book, operator: User) -> None:
        add_default_codes(book.floor.casino.pk)
        _spoil(book.account)

        refused, ran = (
            run("rebuild_balances", "--by", "olga", "--reason-code", code, "--reason", REASON)
            for code in ("WRONG_BET", "INCIDENT")
        )

        kept = BalanceRebuild.objects.get()
        assert (refused.code, ran.code, kept.reason_code, kept.reason) == (2, 0, "INCIDENT", REASON)
        assert "The reason “Wrong average bet” is not for this." in refused.error

    def test_says_which_casinos_were_done_when_it_is_interrupted(self, book: Book, operator: User) -> None:
        operator.casino = None
        operator.save()
        CasinoFactory.create(code=f"{book.floor.casino.code}-second")
        said = []
        for number in count(1):
            _spoil(book.account)
            before = BalanceRebuild.objects.count()
            with interrupted_at(number, _interrupt):
                ran = run("rebuild_balances", "--by", "olga", "--reason", REASON)
            if ran.code == 0:
                break
            is_done = BalanceRebuild.objects.count() > before
            said.append(is_done)
            words = f"The accounts of {book.floor.casino.code} were set." if is_done else "Nothing was changed."
            assert (ran.code, ran.error.strip()) == (130, f"Interrupted. {words}")

        assert set(said) == {True, False}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "Give --dry-run, or --by and --reason."),
            (["--dry-run", "--by", "olga"], "Give --dry-run, or --by and --reason."),
            (["--by", "nobody", "--reason", REASON], "There is nobody with the login “nobody”."),
            (["--casino", "nowhere", "--dry-run"], "There is no casino “nowhere”."),
        ],
    )
    def test_ends_with_2_where_it_is_used_wrongly(self, db: None, arguments: list[str], words: str) -> None:
        ran = run("rebuild_balances", *arguments)

        assert (ran.code, words in ran.error) == (2, True)
