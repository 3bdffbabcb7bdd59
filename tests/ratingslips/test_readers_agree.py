"""Statement, export, audit list and balance at a time say the same as a pure model, also while others write."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from core import keyset
from core.console.links import page_url
from core.keyset import BY_ID, KeysetPage, page_of
from core.models import Player
from core.roles import AUDITOR, LOYALTY_SUPERVISOR
from core.snapshots import one_snapshot
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import balance_at, exports
from ratingslips.admin.players import player as player_pages
from tests.concurrency import Elsewhere, held
from tests.console import address, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.ledger_model import LedgerModel
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of
from tests.loyalty.test_ledger_export import exported
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 20_261_124
POSTINGS = 40


def _work(floor: Floor, players: list[Player], model: LedgerModel) -> list[datetime]:
    """Postings a minute apart, to chosen players, some of them taken back; gives the instants between."""
    chance, instants = random.Random(SEED), []  # noqa: S311  (the same every time)
    for number in range(POSTINGS):
        at = floor.ago(minutes=POSTINGS - number)
        player = chance.choice(players)
        balance = model.balance(player.pk)
        if balance and chance.random() < 0.3:
            points, kind = -chance.randint(1, balance), LedgerEntry.Kind.REDEMPTION
        else:
            points, kind = chance.randint(1, 900), LedgerEntry.Kind.PROMOTION
        with transaction.atomic():
            posting = increment(floor, player, points=points, kind=kind, at=at)
        model.record(posting, at=at, counts_for_life=points > 0)
        instants.append(at + timedelta(seconds=30))
    return instants


def _statement(client: Client, player: Player) -> list[LedgerEntry]:
    """Every entry that the player's page shows, page by page, the newest first."""
    rows: list[LedgerEntry] = []
    query: dict[str, str] = {}
    while True:
        entries = client.get(page_url(player), query).context["entries"]
        rows += [entry for entry, *_ in entries.rows]
        if not entries.older_than:
            return rows
        query = {"before": str(entries.older_than)}


def _audit_list(client: Client) -> list[LedgerEntry]:
    """Every entry that the ledger's list shows, page by page, the newest first."""
    rows, url = [], address(LedgerEntry, "changelist")
    while url:
        answer: Any = client.get(url)
        rows += answer.context["page"].rows
        older = answer.context["links"].get("older")
        url = address(LedgerEntry, "changelist") + older if older else ""
    return rows


@contextmanager
def before_statement(marker: str, happens: Callable[[], object]) -> Iterator[list[str]]:
    """Let something happen, once, right before this thread sends a statement that holds `marker`."""
    seen: list[str] = []

    def watch(execute: Callable[..., Any], statement: str, params: Any, many: bool, context: Any) -> Any:
        if marker in statement and not seen:
            seen.append(statement)
            happens()
        return execute(statement, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and chunks of a few entries, so that a short history takes many."""
    monkeypatch.setattr(player_pages, "ENTRIES_SHOWN", 4)
    monkeypatch.setattr(keyset, "PAGE_ROWS", 7)
    monkeypatch.setattr(exports, "CHUNK_ROWS", 6)


@pytest.mark.usefixtures("small_pages")
class TestReaders:
    def test_say_what_the_model_says(self, floor: Floor) -> None:
        model = LedgerModel()
        players = [floor.player() for _ in range(3)]
        instants = _work(floor, players, model)
        supervisor, auditor = (
            signed_in(StaffFactory.create(casino=floor.casino), role) for role in (LOYALTY_SUPERVISOR, AUDITOR)
        )

        newest_first = [each.entry_id for each in reversed(model.postings)]
        assert [entry.pk for entry in _audit_list(auditor)] == newest_first
        assert [int(row["Entry"]) for row in exported(auditor)] == newest_first
        for player in players:
            shown = _statement(supervisor, player)
            own = model.of(player.pk)[::-1]
            assert [(entry.pk, entry.points) for entry in shown] == [(each.entry_id, each.points) for each in own]
            assert shown[0].balance_after == account_of(player).balance == model.balance(player.pk)
            for at in (floor.ago(days=1), *instants, floor.now):
                found = balance_at(account=account_of(player), at=at)
                assert (found.balance, found.lifetime_points, found.entries) == (
                    model.balance(player.pk, at=at),
                    model.lifetime_points(player.pk, at=at),
                    len(model.of(player.pk, at=at)),
                )

    def test_say_what_it_said_at_their_instant_while_others_write(self, floor: Floor) -> None:
        model, stop = LedgerModel(), threading.Event()
        players = [floor.player() for _ in range(3)]
        _work(floor, players, model)
        accounts = [account_of(player) for player in players]

        with one_snapshot():
            balances = dict(PlayerLoyalty.objects.values_list("player", "balance"))
            writers = [Elsewhere(partial(_post_until, stop, floor, player)) for player in players]
            try:
                wait_until(lambda: Elsewhere(LedgerEntry.objects.count).result() > POSTINGS + 3)
                found = {account.player_id: balance_at(account=account, at=floor.now) for account in accounts}
                keys = [entry.pk for entry in LedgerEntry.objects.order_by("-id")]
            finally:
                stop.set()
        written = sum(writer.result() for writer in writers)

        assert balances == {player.pk: model.balance(player.pk) for player in players}
        assert {player: each.balance for player, each in found.items()} == balances
        assert keys == [each.entry_id for each in reversed(model.postings)]
        assert LedgerEntry.objects.count() == POSTINGS + written > POSTINGS + 3


def _post_until(stop: threading.Event, floor: Floor, player: Player) -> int:
    posted = 0
    while not stop.is_set():
        with transaction.atomic():
            increment(floor, player, points=1)
        posted += 1
    return posted


class TestStatement:
    """The page reads the account and then its entries; an award that commits in between is on neither."""

    def test_ends_with_its_balance_though_an_award_commits_meanwhile(self, floor: Floor, player: Player) -> None:
        award(floor, player, points=500)
        client = signed_in(StaffFactory.create(casino=floor.casino), LOYALTY_SUPERVISOR)

        with before_statement(
            '"loyalty_ledger"."account_id" =', lambda: Elsewhere(lambda: award(floor, player)).result()
        ):
            context = client.get(page_url(player)).context

        assert context["summary"].account.balance == 500
        assert [entry.balance_after for entry, *_ in context["entries"].rows] == [500]
        assert account_of(player).balance == 600


class TestALowerIdThatCommitsLater:
    """A posting has taken its number and is not committed; one with a higher number is, and the list is read."""

    @pytest.mark.shows(37)
    def test_is_on_the_page_that_is_read_after_it(self, floor: Floor) -> None:
        first = [award(floor, floor.player(), points=points).entry_id for points in (1, 2, 3)]

        with held(lambda: increment(floor, floor.player())):
            late = first[-1] + 1
            last = award(floor, floor.player(), points=4).entry_id
            newest = _page(size=1)
        older = _page(before=newest.older, size=2)

        assert [entry.pk for entry in newest.rows] == [last] == [late + 1]
        assert [entry.pk for entry in older.rows] == [late, first[-1]]

    @pytest.mark.shows(37)
    def test_is_missed_only_by_a_walk_that_passed_it(self, floor: Floor) -> None:
        first = [award(floor, floor.player(), points=points).entry_id for points in (1, 2, 3)]

        with held(lambda: increment(floor, floor.player())):
            last = award(floor, floor.player(), points=4).entry_id
            newest = _page(size=2)
        older = _page(before=newest.older, size=2)
        back = _page(after=older.newer, size=2)

        assert [entry.pk for entry in (*newest.rows, *older.rows)] == [last, *first[::-1]]
        assert [entry.pk for entry in back.rows] == [last - 1, first[-1]]

    @pytest.mark.shows(37)
    def test_is_in_its_balance_and_statement_once_committed(self, floor: Floor, player: Player) -> None:
        award(floor, player, points=1)
        client = signed_in(StaffFactory.create(casino=floor.casino), LOYALTY_SUPERVISOR)

        with held(lambda: increment(floor, player)):
            award(floor, floor.player(), points=4)
            during = balance_at(account=account_of(player), at=floor.now)
        afterwards = balance_at(account=account_of(player), at=floor.now)

        assert (during.balance, afterwards.balance) == (1, 101)
        assert [entry.seq for entry in _statement(client, player)] == [2, 1]


def _page(*, size: int, before: str = "", after: str = "") -> KeysetPage[LedgerEntry]:
    return page_of(LedgerEntry.objects.all(), order=BY_ID, before=before, after=after, size=size)
