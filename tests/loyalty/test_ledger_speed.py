"""A page of the ledger reads its own rows and no more, first or last, whatever the list is narrowed by."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict

from core.keyset import BY_ID, PAGE_ROWS, KeysetPage, cursor_of, page_of, rows_after
from core.models import User
from loyalty.admin.audit import AuditForm
from loyalty.admin.extensions import Entries
from loyalty.models import LedgerEntry, PlayerLoyalty
from tests.databases import as_owner
from tests.emptying import ModuleDb
from tests.factories import PlayerFactory, ProgramFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of, entry

ENTRIES = 6_000
FIRST_DAY = date(2026, 10, 1)
DAYS = 30
# The page and the row that says whether there is another, each by its key and whole, and what is read beside them.
MOST_ROWS = 2 * (PAGE_ROWS + 1) + 10
LAST_ROWS = PAGE_ROWS + 5
# The way down an index and the page's own entries in it; the casino's whole index has several times as many.
MOST_INDEX_BUFFERS = 10


def _account(floor: Floor, number: int) -> PlayerLoyalty:
    return account_of(PlayerFactory.create(casino=floor.casino, card_number=f"speed-{number}"))


def _kind(number: int) -> str:
    """Adjustments are the oldest entries only."""
    if number < ENTRIES // 20:
        return "ADJUSTMENT"
    return "MANUAL_BONUS" if number % 50 == 0 else "PROMOTION" if number % 5 == 0 else "GAMEPLAY"


def _fill(floor: Floor, accounts: list[PlayerLoyalty], *, staff: User) -> None:
    """A history of two casinos, as a month leaves it: play above all, some promotions, few awards, few new tiers."""
    tiers = list(floor.program.tiers.order_by("threshold_points"))
    LedgerEntry.objects.bulk_create(
        entry(
            floor,
            account=accounts[number % len(accounts)],
            casino=accounts[number % len(accounts)].program.casino,
            seq=number + 1,
            kind=_kind(number),
            staff=staff if number % 50 == 0 else None,
            points=10 + number % 90,
            balance_before=number,
            balance_after=number + 10 + number % 90,
            lifetime_points_before=number,
            lifetime_points_after=number,
            tier_after=tiers[1] if number % 61 == 7 else tiers[0],
            tier_before=tiers[0],
            gaming_day=FIRST_DAY + timedelta(days=number * DAYS // ENTRIES),
        )
        for number in range(ENTRIES)
    )
    # As a server does by itself before long. For anybody but the owner PostgreSQL leaves the tables out, and what it
    # last knew of a table that was empty would have it begin with all combinations of accounts and tiers.
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) " + ", ".join(connection.introspection.table_names(cursor)))


@pytest.fixture(scope="module")
def history(module_db: ModuleDb) -> Floor:
    """A floor with a long ledger, and another casino's entries between its own."""
    with module_db():
        floor = Floor.build()
        stranger = account_of(PlayerFactory.create(casino=ProgramFactory.create().casino))
        _fill(floor, [*(_account(floor, number) for number in range(3)), stranger], staff=floor.supervisor)
    return floor


@dataclass(frozen=True)
class Scan:
    """Rows of the ledger that PostgreSQL touches in one step of an answer, those that it throws away included."""

    how: str
    rows: int
    buffers: int


def _rows_read(question: Callable[[], object]) -> int:
    return sum(scan.rows for scan in _scans(question))


def _scans(question: Callable[[], object]) -> list[Scan]:
    return [
        Scan(
            how=f"{node['Node Type']} {node.get('Index Name', '')}",
            rows=round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]),
            buffers=node["Shared Hit Blocks"] + node["Shared Read Blocks"],
        )
        for statement in _statements(question)
        for node in _nodes(_plan(*statement))
        if node.get("Relation Name") == "loyalty_ledger"
    ]


def _of_keys(pages: list[list[Scan]]) -> Iterator[int]:
    """The buffers that each page read for its keys."""
    yield from (scan.buffers for scans in pages for scan in scans if scan.how.startswith("Index Only"))


def _statements(question: Callable[[], object]) -> list[tuple[str, Any]]:
    """What is asked of the ledger, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def watch(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        sent.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(watch):
        question()
    return [(sql, parameters) for sql, parameters in sent if 'FROM "loyalty_ledger"' in sql]


def _plan(sql: str, parameters: Any) -> dict[str, Any]:
    """How PostgreSQL answers: the uppermost node, with those below it."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    found: dict[str, Any] = plan[0]["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


@dataclass(frozen=True)
class Ledger:
    """The ledger as the boss narrowed it."""

    form: AuditForm
    whole: Entries

    @classmethod
    def asked(cls, floor: Floor, query: str) -> "Ledger":
        form = AuditForm(QueryDict(query), staff=floor.boss)
        assert form.is_valid(), form.errors
        related = ("account__player", "tier_before", "tier_after", "staff", "reversed_by", "rating_slip")
        return cls(form, LedgerEntry.objects.filter(casino=floor.casino).select_related(*related))

    def page(self, *, before: str) -> KeysetPage[LedgerEntry]:
        return page_of(self.form.in_order(self.whole).select_related(None), order=self.form.order, before=before)

    def rows(self) -> list[LedgerEntry]:
        return rows_after(
            self.form.in_order(self.whole), joined=self.whole, order=self.form.order, row=None, most=ENTRIES
        )


QUERIES = {
    "nothing": "",
    "kind": "kind=MANUAL_BONUS",
    "common kind": "kind=GAMEPLAY",
    "oldest kind": "kind=ADJUSTMENT",
    "oldest kind in a span": "kind=ADJUSTMENT&last_day=2026-10-20",
    "kind in a span": "kind=MANUAL_BONUS&last_day=2026-10-20",
    "span": "first_day=2026-10-05&last_day=2026-10-25",
    "open span": "last_day=2026-10-20",
    "tier change": "tier_change=on",
    "staff": "staff={staff}",
    "account": "account={account}",
}


@pytest.mark.django_db
class TestPageOfTheLedger:
    def test_reads_no_more_than_itself_wherever_it_stands(self, history: Floor) -> None:
        account = PlayerLoyalty.objects.get(player__card_number="speed-2")
        read: dict[str, list[list[Scan]]] = {}

        for name, query in QUERIES.items():
            ledger = Ledger.asked(history, query.format(staff=history.supervisor.pk, account=account.pk))
            newest_first = ledger.rows()
            assert len(newest_first) > LAST_ROWS, name
            cursors = [
                cursor_of(newest_first[place], ledger.form.order) for place in (len(newest_first) // 2, -LAST_ROWS)
            ]
            read[name] = [_scans(partial(ledger.page, before=cursor)) for cursor in ("", *cursors)]

        too_much = {
            name: scans
            for name, pages in read.items()
            for scans in pages
            if sum(scan.rows for scan in scans) > MOST_ROWS
        }
        assert too_much == {}
        of_index = {name: max(_of_keys(pages), default=0) for name, pages in read.items()}
        assert {name: most for name, most in of_index.items() if most > MOST_INDEX_BUFFERS} == {}

    def test_is_the_same_statement_everywhere(self, history: Floor) -> None:
        ledger = Ledger.asked(history, "")
        oldest = LedgerEntry.objects.filter(casino=history.casino).order_by("pk")

        (near,), (far,) = (
            [sql for sql, _ in _statements(partial(ledger.page, before=cursor_of(row, BY_ID)))]
            for row in (oldest[ENTRIES // 2], oldest[1_000])
        )

        assert near == far
        assert "OFFSET" not in near

    @pytest.mark.shows(39)
    def test_would_read_everything_before_it_if_it_were_skipped_to(self, history: Floor) -> None:
        entries = LedgerEntry.objects.filter(casino=history.casino).order_by("-id")

        assert _rows_read(lambda: list(entries[4_000 : 4_000 + PAGE_ROWS])) > 4_000

    def test_reads_a_search_by_its_keys(self, history: Floor) -> None:
        one = LedgerEntry.objects.filter(account__player__card_number="speed-2").order_by("pk")[5]

        read = [
            _rows_read(partial(Ledger.asked(history, f"q={term}").page, before=""))
            for term in (one.correlation_id, f"%23{one.pk}")
        ]

        assert max(read) <= 4
