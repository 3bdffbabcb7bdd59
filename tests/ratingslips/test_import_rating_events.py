"""Importing what the floor recorded: line by line, again and again, in trouble and by two at once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from core.errors import Busy
from core.leases import LEASE_SECONDS, LeaseLost
from core.models import Casino, Lease, Player
from core.roles import system_account
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips import services
from ratingslips.imports import apply as importing
from ratingslips.imports.apply import ImportRunning, import_rating_events
from ratingslips.imports.events import RatingEvent, read_rating_events
from ratingslips.imports.progress import ImportProgress, Outcome
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import recorder
from ratingslips.services.seats import lock_places
from tests.casino_files import event, write_events
from tests.concurrency import Elsewhere, held
from tests.core import troubles
from tests.ratingslips.imports import (
    OPEN_S1,
    VISIT,
    VISIT_S2,
    import_json,
    import_lines,
    interrupt_at,
    load_three_files,
    pause_programme,
)
from tests.refusals import everything

MOST_OF_A_VISIT = 40  # six lines, one transaction


class TestImportRatingEvents:
    def test_takes_a_visit_from_open_to_close(self, casino: Casino, file: Path) -> None:
        ran = import_lines(file, *VISIT)

        slip = RatingSlip.objects.with_money().get()
        # (25 × 10 min + 50 × 10 min + 50 × 10 min + 50 × 20 min) × 70/h × 0.75 %
        assert (slip.status, slip.theoretical_win, slip.buy_in) == ("CLOSED", Decimal("19.69"), Decimal("500.00"))
        assert [segment.started_as for segment in slip.segments.all()] == ["OPENED", "BET_CHANGED", "RESUMED", "MOVED"]
        assert LedgerEntry.objects.get().points == 197
        assert ran.code == 0
        assert "6 lines: 6 applied, 0 already imported, 0 refused." in ran.out

    def test_acts_as_the_system_under_one_correlation_id(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)

        slip = RatingSlip.objects.get()
        starts = set(slip.segments.values_list("start_correlation_id", flat=True))
        assert (slip.opened_by, slip.closed_by) == (system_account(), system_account())
        assert starts == {slip.correlation_id, LedgerEntry.objects.get().correlation_id}

    def test_does_everything_else_when_a_line_is_bad(self, casino: Casino, file: Path) -> None:
        lines = [VISIT[0], event("S1", "19:05:00", "TELEPORT"), *VISIT[1:]]

        told = import_json(file, *lines)

        assert (told["applied"], told["rejected_lines"]) == (6, 1)
        assert list(told["rejects"]) == ["3"]
        assert told["points"] == 197

    def test_changes_nothing_when_run_again_and_says_so(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)
        before = everything()

        ran = import_lines(file, *VISIT)

        assert everything() == before
        assert "6 lines: 0 applied, 6 already imported, 0 refused." in ran.out
        assert "Nothing changed: everything was imported before." in ran.out

    @pytest.mark.parametrize("done", range(1, len(VISIT)))
    def test_goes_on_where_an_import_was_killed(self, casino: Casino, file: Path, done: int) -> None:
        import_lines(file, *VISIT[:done])

        told = import_json(file, *VISIT)

        assert (told["already_imported"], told["applied"], told["points"]) == (done, 6 - done, 197)

    def test_tells_two_bets_of_one_moment_apart(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT[:2])

        told = import_json(file, VISIT[1], event("S1", "19:10:00", "BET", average_bet="60.00"))

        assert (told["applied"], told["already_imported"]) == (1, 1)
        assert [segment.average_bet for segment in PlaySegment.objects.order_by("seq")] == [25, 50, 60]

    def test_knows_changes_during_a_pause_again(self, casino: Casino, file: Path) -> None:
        paused = [
            *VISIT[:3],
            event("S1", "19:22:00", "BET", average_bet="75.00"),
            event("S1", "19:24:00", "MOVE", table="BL-01", seat="5"),
            *VISIT[3:],
        ]
        import_lines(file, *paused)
        before = everything()

        told = import_json(file, *paused)

        assert (told["already_imported"], told["rejected_lines"]) == (8, 0)
        assert everything() == before

    def test_does_not_take_a_change_in_a_pause_for_another(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT[:3], event("S1", "19:22:00", "BET", average_bet="75.00"))

        told = import_json(file, event("S1", "19:22:00", "PAUSE"))

        assert told["rejects"]["2"].startswith("SLIP_NOT_OPEN:")

    def test_closes_with_points_owed_while_the_programme_is_paused(self, casino: Casino, file: Path) -> None:
        pause_programme(casino)

        told = import_json(file, *VISIT)
        again = import_json(file, *VISIT)

        assert RatingSlip.objects.get().is_owed
        assert (told["applied"], told["owed"], told["entries"]) == (6, 1, 0)
        assert (again["applied"], again["owed"], again["already_imported"]) == (0, 0, 6)

    def test_takes_few_statements_for_lines_that_stand(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)

        with CaptureQueriesContext(connection) as statements:
            import_lines(file, *VISIT)

        locks = [query["sql"] for query in statements if "FOR NO KEY UPDATE" in query["sql"]]
        assert [lock for lock in locks if "core_lease" not in lock] == []

    def test_takes_fewer_statements_than_the_lines_one_by_one(self, casino: Casino, file: Path) -> None:
        events = [line for line in read_rating_events(write_events(file, *VISIT)) if isinstance(line, RatingEvent)]

        with CaptureQueriesContext(connection) as statements:
            assert len(list(importing.apply_events(casino=casino, actor=system_account(), events=events))) == 6

        assert len(statements) <= MOST_OF_A_VISIT


class TestAnImportUnderTrouble:
    @pytest.mark.parametrize("trouble", [troubles.lock_timeout, troubles.deadlock_made_up])
    def test_tries_a_busy_line_again(
        self, committed_casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], object]
    ) -> None:
        mishaps = [trouble, trouble]

        def lock_places_in_trouble(*args: Any, **kwargs: Any) -> Any:
            if mishaps:
                mishaps.pop()()
            return lock_places(*args, **kwargs)

        monkeypatch.setattr(recorder, "lock_places", lock_places_in_trouble)

        told = import_json(file, *VISIT)

        assert mishaps == []
        assert (told["applied"], told["rejected_lines"], told["points"]) == (6, 0, 197)

    def test_waits_once_for_a_locked_account_and_owes_points(self, committed_casino: Casino, file: Path) -> None:
        player = Player.objects.get(card_number="100000")
        import_json(file, OPEN_S1)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
        close = event("S1", "20:00:00", "CLOSE", player_card="100000", chips_out="120.00")

        waits: list[str] = []

        def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            try:
                return execute(sql, params, many, context)
            except OperationalError:
                waits.append(sql)
                raise

        with (
            held(lambda: PlayerLoyalty.objects.locked().get(player=player)),
            connection.execute_wrapper(count),
            capture_logs(),
        ):
            told = import_json(file, OPEN_S1, close)

        assert RatingSlip.objects.get().is_owed, told
        assert len(waits) == 1

    def test_applies_the_slips_of_a_failed_chunk_one_by_one(
        self, committed_casino: Casino, file: Path, unhurried_chunks: None
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
        later = [line.replace("S2", "S3").replace("T19:", "T21:").replace("T20:", "T22:") for line in VISIT_S2]
        last = [line.replace("S2", "S4").replace("100001", "100000").replace("T19:", "T21:") for line in VISIT_S2]
        last = [line.replace("T20:", "T23:").replace('"2"', '"3"').replace("BL-01,2", "BL-01,3") for line in last]

        with held(lambda: PlayerLoyalty.objects.locked().get(player__card_number="100000")), capture_logs() as logs:
            told = import_json(file, *VISIT_S2, *later, *last)

        assert [line["slips"] for line in logs if line["event"] == "ratingslips.chunk_failed"] == [2]
        assert (told["applied"], told["owed"], told["rejected_lines"]) == (6, 1, 0)

    def test_refuses_a_slip_that_stays_busy_and_goes_on(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record_play = services.record_play

        def busy_with_s1(**arguments: Any) -> Any:
            if arguments["slip_number"] == "S1":
                raise Busy
            return record_play(**arguments)

        monkeypatch.setattr(services, "record_play", busy_with_s1)

        told = import_json(file, *VISIT, *VISIT_S2)

        assert [reason[:5] for reason in told["rejects"].values()] == ["BUSY:"] * 6
        assert told["applied"] == 2

    def test_says_what_was_done_when_it_is_interrupted(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        interrupt_at(monkeypatch, "S2")

        ran = import_lines(file, *VISIT, *VISIT_S2)

        assert ran.code == 130
        assert ran.error.startswith("Interrupted. 6 lines: 6 applied")
        assert ran.error.endswith("import the file again to continue.")
        assert import_json(file, *VISIT, *VISIT_S2)["applied"] == 2

    def test_looks_again_where_the_floor_was_quicker(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_lines(file, OPEN_S1)
        record_play, slip = services.record_play, RatingSlip.objects.get()

        def after_the_floor(**arguments: Any) -> Any:
            if not RatingSlip.objects.get().is_closed:
                services.complete_rating_slip(slip=slip, actor=system_account(), at=timezone.now())
            return record_play(**arguments)

        monkeypatch.setattr(services, "record_play", after_the_floor)

        told = import_json(file, *VISIT)

        assert told["rejects"]["7"].startswith("RECORDED_OTHERWISE: Slip S1 has another CLOSE. Recorded: time ")
        assert (told["applied"], told["already_imported"]) == (0, 1)


@pytest.fixture
def committed_casino(transactional_db: None, tmp_path: Path) -> Casino:
    """The casino of the three files, which other connections can see."""
    return load_three_files(tmp_path / "casino")


class TestTwoImportsAtOnce:
    def test_are_one_and_a_refusal(self, committed_casino: Casino, file: Path) -> None:
        first = _import_steps(committed_casino, file)
        next(first)

        second = Elsewhere(lambda: list(_import_steps(committed_casino, file))).outcome()

        assert isinstance(second, ImportRunning)
        assert len(list(first)) == 7
        assert RatingSlip.objects.count() == 2

    def test_may_follow_one_another(self, committed_casino: Casino, file: Path) -> None:
        list(_import_steps(committed_casino, file))

        second = Elsewhere(lambda: list(_import_steps(committed_casino, file))).result()

        assert second[-1].counts[Outcome.ALREADY_IMPORTED] == 8

    @pytest.mark.shows(39)
    def test_would_both_run_without_the_lease(
        self, committed_casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = _import_steps(committed_casino, file)
        next(first)

        with monkeypatch.context() as other:
            # Another lease than the first one's, which keeps nobody out.
            other.setattr(importing, "IMPORT_LEASE", "another")
            second = Elsewhere(lambda: list(_import_steps(committed_casino, file))).result()

        assert second[-1].applied == 2

    def test_end_one_that_another_has_taken_over(self, committed_casino: Casino, file: Path) -> None:
        first = _import_steps(committed_casino, file)
        next(first)
        Lease.objects.update(renewed_at=timezone.now() - timedelta(seconds=LEASE_SECONDS))
        Elsewhere(lambda: list(_import_steps(committed_casino, file))).result()

        with pytest.raises(LeaseLost):
            list(first)


def _import_steps(casino: Casino, file: Path) -> Iterator[ImportProgress]:
    """Import two visits, line by line."""
    lines = read_rating_events(write_events(file, *VISIT, *VISIT_S2))
    return import_rating_events(casino=casino, actor=system_account(), lines=lines, progress=ImportProgress())
