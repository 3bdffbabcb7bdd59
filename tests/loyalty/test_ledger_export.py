"""The export of the ledger: exactly what is shown, as of one instant, harmless, allowed and traced."""

import csv
import io
from collections.abc import Generator, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from core import snapshots
from core.keyset import BY_ID
from core.models import Player
from core.permissions import NotPermitted
from core.roles import AUDITOR
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.services import exports
from loyalty.services.exports import ExportTooLarge, begin_export, end_export, rows_in_one_snapshot
from ratingslips.services import complete_rating_slip
from tests.concurrency import Elsewhere
from tests.console import address, said, signed_in
from tests.databases import as_owner
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of, entry, write_history
from tests.refusals import refused

EXPORT = "export"


def auditor_of(floor: Floor) -> Client:
    """The auditor's browser."""
    return signed_in(StaffFactory.create(casino=floor.casino, username="auditor"), AUDITOR)


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    """The rows of the file, by column."""
    answer = client.post(address(LedgerEntry, EXPORT) + query)
    assert answer.status_code == 200, said(answer)
    return list(csv.DictReader(io.StringIO(_text(answer))))


def _text(answer: Any) -> str:
    chunks: Iterable[bytes] = answer.streaming_content
    return b"".join(chunks).decode("utf-8-sig")


@pytest.mark.django_db(transaction=True)
class TestExportOfTheLedger:
    def test_holds_what_is_shown_and_nothing_else(self, floor: Floor) -> None:
        client = auditor_of(floor)
        player = floor.player()
        award(floor, player, points=400)
        with transaction.atomic():
            taken = increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-300, at=floor.ago(days=2))

        everything = exported(client)
        narrowed = exported(client, "?kind=REDEMPTION")

        assert [row["Points"] for row in everything] == ["-300", "400"]
        assert [row["Entry"] for row in narrowed] == [str(taken.entry_id)]
        assert narrowed[0]["Card number"] == player.card_number
        assert (narrowed[0]["Balance before"], narrowed[0]["Balance after"]) == ("400", "100")
        assert narrowed[0]["When"].endswith(("-08:00", "-07:00"))
        recorded_at = datetime.fromisoformat(narrowed[0]["Recorded"])
        assert recorded_at - datetime.fromisoformat(narrowed[0]["When"]) >= timedelta(days=2)

    def test_names_the_slip_and_keeps_names_whole(self, floor: Floor) -> None:
        slip = floor.played_slip(player=floor.player(first_name="=cmd|' /C calc'!A0", last_name="Nguyễn"))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        [row] = exported(auditor_of(floor))

        assert (row["Slip"], row["Player"], row["First name"]) == (slip.slip_number, "Nguyễn", "'=cmd|' /C calc'!A0")

    @pytest.mark.parametrize("query", ["", "?kind=PROMOTION", "?first_day=2020-01-01", "?q=700", "?account={account}"])
    def test_holds_each_entry_once_however_many_chunks_it_takes(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, query: str
    ) -> None:
        account = account_of(floor.player(card_number="700700"))
        write_history(floor, account, entries=25)
        monkeypatch.setattr(exports, "CHUNK_ROWS", 4)

        rows = exported(auditor_of(floor), query.format(account=account.pk))

        expected = LedgerEntry.objects.order_by("-id").values_list("pk", flat=True)
        assert [int(row["Entry"]) for row in rows] == list(expected)

    def test_leaves_a_trace(self, floor: Floor) -> None:
        award(floor, floor.player())
        client = auditor_of(floor)

        answer = client.post(address(LedgerEntry, EXPORT) + "?kind=MANUAL_BONUS&least_points=5&before=3")
        begun = LedgerExport.objects.get()
        _text(answer)

        ended = LedgerExport.objects.get()
        assert (begun.rows, begun.ended_at, begun.is_whole) == (None, None, None)
        assert (ended.rows, ended.is_whole, ended.staff.username) == (1, True, "auditor")
        assert ended.filters == {"kind": "MANUAL_BONUS", "least_points": "5"}
        assert (str(ended.correlation_id), ended.casino) == (answer["X-Correlation-ID"], floor.casino)

    def test_shows_its_trace_to_the_auditor(self, floor: Floor) -> None:
        client = auditor_of(floor)
        award(floor, floor.player())
        exported(client, "?kind=MANUAL_BONUS")

        page = client.get(address(LedgerExport, "changelist"))

        assert ("kind: MANUAL_BONUS" in page.content.decode(), "whole" in page.content.decode()) == (True, True)

    @pytest.mark.parametrize(("parts", "rows"), [(0, 0), (3, 10)])
    def test_says_how_much_left_where_the_reader_went_away(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, parts: int, rows: int
    ) -> None:
        write_history(floor, account_of(floor.player()), entries=20)
        monkeypatch.setattr(exports, "CHUNK_ROWS", 5)
        answer = auditor_of(floor).post(address(LedgerEntry, EXPORT))
        chunks = iter(answer.streaming_content)  # type: ignore[attr-defined]

        for _ in range(parts):
            next(chunks)
        answer.close()

        ended = LedgerExport.objects.get()
        assert (ended.rows, ended.is_whole) == (rows, False)
        assert not connection.in_atomic_block

    def test_waits_until_one_of_two_others_has_ended(self, floor: Floor) -> None:
        award(floor, floor.player())
        client = auditor_of(floor)
        others = [client.post(address(LedgerEntry, EXPORT)) for _ in range(2)]

        third = client.post(address(LedgerEntry, EXPORT))
        others[0].close()

        assert said(third)[0].startswith("Nothing was exported. Other exports are being sent just now.")
        assert len(exported(client)) == 1
        others[1].close()

    @pytest.mark.parametrize("query", ["?kind=GIFT", "?first_day=x", "?least_points=5&most_points=4"])
    def test_exports_nothing_that_cannot_be_asked(self, floor: Floor, query: str) -> None:
        answer = auditor_of(floor).post(address(LedgerEntry, EXPORT) + query)

        assert (answer.status_code, said(answer)) == (302, ["Nothing was exported: look at what is marked below."])
        assert not LedgerExport.objects.exists()

    def test_holds_nothing_of_another_casino(self, floor: Floor) -> None:
        award(floor, floor.player())
        stranger = Floor.build()
        award(stranger, stranger.player(), points=7)

        rows = exported(auditor_of(stranger))

        assert [row["Points"] for row in rows] == ["7"]


class TestBeginExport:
    def _begin(self, floor: Floor, **changes: Any) -> LedgerExport:
        arguments: dict[str, Any] = {
            "what": LedgerExport.What.LEDGER,
            "rows": LedgerEntry.objects.all(),
            "casino": floor.casino,
            "actor": floor.supervisor,
            "filters": {},
            "at": floor.now,
        }
        return begin_export(**(arguments | changes))

    def test_asks_for_the_permission_afresh(self, floor: Floor) -> None:
        with refused(NotPermitted, "Can export the ledger"):
            self._begin(floor)
        with refused(NotPermitted, "Can export the ledger"):
            self._begin(floor, casino=None)

    def test_of_all_casinos_is_for_the_superuser_who_asks(self, floor: Floor) -> None:
        superuser = StaffFactory.create(casino=None, is_superuser=True)

        with refused(NotPermitted, "Can export the ledger"):
            self._begin(floor, casino=None)

        assert self._begin(floor, casino=None, actor=superuser).casino is None

    def test_of_all_casinos_is_not_for_a_deactivated_superuser(self, floor: Floor) -> None:
        gone = StaffFactory.create(casino=None, is_superuser=True, is_active=False)

        with refused(NotPermitted, "Can export the ledger"):
            self._begin(floor, casino=None, actor=gone)

    def test_of_all_casinos_is_not_for_a_superuser_of_one(self, floor: Floor) -> None:
        superuser = StaffFactory.create(casino=floor.casino, is_superuser=True)

        with refused(NotPermitted, "Can export the ledger"):
            self._begin(floor, casino=None, actor=superuser)

    def test_refuses_more_than_one_export_may_hold(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        signed_in(floor.supervisor, AUDITOR)
        award(floor, floor.player())
        award(floor, floor.player())
        monkeypatch.setattr(exports, "MAX_EXPORT_ROWS", 1)

        with refused(ExportTooLarge, "more than 1 entries"):
            self._begin(floor)

    def test_ends_under_the_correlation_id_that_it_began_with(self, floor: Floor) -> None:
        signed_in(floor.supervisor, AUDITOR)
        export = self._begin(floor)

        with capture_logs(processors=[merge_contextvars]) as lines:
            end_export(export=export, rows=0, is_whole=True, at=floor.now)

        assert [line["correlation_id"] for line in lines] == [str(export.correlation_id)]

    def test_never_ends_before_it_began(self, floor: Floor) -> None:
        signed_in(floor.supervisor, AUDITOR)
        export = self._begin(floor)

        end_export(export=export, rows=0, is_whole=True, at=floor.now - timedelta(hours=1))

        assert LedgerExport.objects.get().ended_at == floor.now


def _chunks() -> Generator[list[LedgerEntry]]:
    everything = LedgerEntry.objects.all()
    return rows_in_one_snapshot(everything, joined=everything, order=BY_ID)


@pytest.mark.django_db(transaction=True)
class TestEntriesInOneSnapshot:
    @pytest.mark.shows(37)
    def test_do_not_hold_what_commits_while_they_are_read(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held_back = _hold_a_lower_id()
        first = [award(floor, player, points=points).entry_id for points in (1, 2, 3)]
        monkeypatch.setattr(exports, "CHUNK_ROWS", 1)
        chunks = _chunks()

        read = [next(chunks)]
        _commit_elsewhere(floor, entry_id=held_back)
        read += list(chunks)

        assert [entry.pk for chunk in read for entry in chunk] == first[::-1]
        assert LedgerEntry.objects.count() == 4

    def test_wait_for_a_slow_line_longer_than_the_floor(self, floor: Floor) -> None:
        award(floor, floor.player())
        chunks = _chunks()

        next(chunks)
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            patience = cursor.fetchone()[0]
        chunks.close()

        assert patience == f"{exports.PATIENCE_SECONDS // 3_600}h"

    @pytest.mark.shows(39)
    def test_would_mix_two_instants_without_the_snapshot(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held_back = _hold_a_lower_id()
        first = [award(floor, player, points=points).entry_id for points in (1, 2)]
        monkeypatch.setattr(snapshots, "ISOLATION", "READ COMMITTED READ ONLY")
        monkeypatch.setattr(exports, "CHUNK_ROWS", 1)
        chunks = _chunks()

        read = [next(chunks)]
        _commit_elsewhere(floor, entry_id=held_back)
        read += list(chunks)

        assert [entry.pk for chunk in read for entry in chunk] == [*first[::-1], held_back]


def _hold_a_lower_id() -> int:
    """A number that an entry has taken and not committed yet."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('loyalty_ledger', 'id'))")
        return int(cursor.fetchone()[0])


def _commit_elsewhere(floor: Floor, *, entry_id: int) -> None:
    """Another connection commits the entry that took the number."""
    Elsewhere(lambda: entry(floor, pk=entry_id).save(force_insert=True)).result()
